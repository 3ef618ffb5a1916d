"""Why somebody got a mail, or not: what is known of an id, an address or an invoice, in sentences."""

from typing import TYPE_CHECKING

from mailworker.cli.console import console, short, write_json
from mailworker.cli.message_commands.upcoming import out_of_order
from mailworker.core.clock import utc_now
from mailworker.errors import BadInput
from mailworker.intake.message_status import status_of
from mailworker.ledger.facts_for_explanation import facts_of
from mailworker.ledger.holds import current_holds
from mailworker.ledger.message_search import Story, search, story
from mailworker.ledger.recipient_standings import standings
from mailworker.rules.claimable_while_held import Hold
from mailworker.rules.message_explain import explained
from mailworker.rules.recipient_gate import Purpose, refusal

if TYPE_CHECKING:
    from mailworker.container import Container

_SHOWN = 5


def explain(container: "Container", text: str, *, as_json: bool = False) -> None:
    """Print what is known. Raises BadInput where nobody knows anything."""
    about = _address(container, text) if "@" in text else []
    with container.ledger.read() as connection:
        rows = search(connection, text, limit=_SHOWN + 1)
        stories = [story(connection, row["id"]) for row in rows[:_SHOWN]]
        holds = current_holds(connection)
    if not rows and not about:
        raise BadInput(_nothing(container, text))
    shown = {found.message["id"]: _message(container, found, holds) for found in stories if found}
    if as_json:
        said = {id_: [line.strip() for line in lines] for id_, lines in shown.items()}
        found = [
            {"id": id_, "sentences": lines, "said": lines} for id_, lines in said.items()
        ]  # its old name
        write_json({"address": about, "messages": found, "more": len(rows) > _SHOWN})
        return
    out = console()
    for line in about:
        out.print(line)
    for lines in shown.values():
        out.print("\n".join(lines) + "\n")
    if len(rows) > _SHOWN:
        out.print(f"The last {_SHOWN}; more with `mailworker messages search`.")
    if not rows:
        out.print("No message to this address is in the ledger.")


def _message(container: "Container", found: Story, holds: list[Hold]) -> list[str]:
    zone, row = container.settings.worker.timezone, found.message
    accepted = f"{row['accepted_at'].astimezone(zone):%Y-%m-%d %H:%M} ({zone.key})"
    number = (row["variables"] or {}).get("invoice_number")
    about = f" {number}" if number else ""
    to = f" to {row['to_email']}" if row["to_email"] else ""
    head = f"{row['id']}  {short(row['kind'])}{about}{to}, asked for at {accepted}:"
    notes = [step["why"] for step in found.timeline if step["what"] == "note" and step["why"]]
    facts = facts_of(found, holds, now=utc_now(), zone=zone, outage=out_of_order(container))
    sentences = explained(row, facts)
    return [head, *(f"  {one}" for one in sentences), *(f"  Also: {one}." for one in notes)]


def _address(container: "Container", email: str) -> list[str]:
    with container.ledger.read() as connection:
        standing = next(iter(standings(connection, [email]).values()))
    needs_consent = container.settings.contacts.consent is not None
    lines = []
    if (stop := refusal(standing, Purpose.SERVICE)) is not None:
        lines.append(f"Nothing is sent to this address: {stop.why}.")
    elif (stop := refusal(standing, Purpose.MARKETING, needs_consent=needs_consent)) is not None:
        lines.append(f"Service mail is sent to this address, marketing is not: {stop.why}.")
    if standing.switched_off:
        kinds = ", ".join(short(kind) for kind in sorted(standing.switched_off))
        lines.append(f"Its owner switched off: {kinds}.")
    return lines


def _nothing(container: "Container", text: str) -> str:
    """The last place to look: an id that was refused, or that no worker has taken yet."""
    status = status_of(container.ledger, container.redis, container.settings.kinds, text)
    if status.state == "refused":
        return f"It became no message: {status.reason}"
    if status.state == "enqueued":
        return "It is on its way: no worker has taken it from Redis yet; see `mailworker doctor`."
    return (
        "No message has this id, address, invoice, key, customer or name. Refused jobs are in "
        "`mailworker messages list --rejected`; whether an invoice gets a reminder says "
        "`mailworker reminders explain`."
    )
