"""Messages as tables, and one message's whole life."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from mailworker.cli.console import console, short, state, table
from mailworker.core.age_in_words import age
from mailworker.core.clock import utc_now
from mailworker.core.kind import Kind
from mailworker.core.lane import Lane
from mailworker.core.readable_size import readable_size
from mailworker.core.states import State
from mailworker.errors import BadInput
from mailworker.ledger.holds import current_holds
from mailworker.ledger.message_counts import tally
from mailworker.ledger.message_search import MessageFilter, Story, ids_beginning, list_messages, search, story
from mailworker.ledger.rejected_jobs import list_rejected
from mailworker.rules.claimable_while_held import Hold, hold_on
from mailworker.rules.message_explain import became
from mailworker.rules.secret_variables import masked

if TYPE_CHECKING:
    from rich.table import Table

    from mailworker.container import Container

Row = Mapping[str, Any]


def listing(container: "Container", wanted: MessageFilter, limit: int) -> None:
    """The wanted messages, then the books."""
    with container.ledger.read() as connection:
        rows, holds = list_messages(connection, wanted, limit=limit), current_holds(connection)
        counted = tally(connection)
    out = console()
    out.print(
        messages_table(rows, holds)
        if rows
        else "No message matches."
        if counted.by_state
        else "No message yet."
    )
    if len(rows) == limit:
        out.print(f"The first {limit}; more with --limit.")
    sums = ", ".join(f"{count} {word}" for word, count in sorted(counted.by_state.items()))
    out.print(f"In the ledger: {sums or 'nothing'}. {counted.waiting} waiting, {counted.final} final.")


def found(container: "Container", text: str, limit: int) -> None:
    """What a search found."""
    with container.ledger.read() as connection:
        rows = search(connection, text, limit=limit)
    if not rows:
        raise BadInput(
            "No message has this id, key, address, customer, invoice or name. A job enqueued seconds ago may "
            "still wait on Redis: `mailworker messages explain` looks there, too."
        )
    console().print(messages_table(rows))


def rejected(container: "Container", limit: int) -> None:
    """Jobs that were refused as they came in, with their faults."""
    with container.ledger.read() as connection:
        rows = list_rejected(connection, limit=limit)
    if not rows:
        console().print("No job was refused.")
        return
    cells = [
        (row["id"], row["at"], row["source"], row["kind"], row["message_id"], "\n".join(row["faults"]))
        for row in rows
    ]
    console().print(table(("no.", "at", "came by", "kind", "message", "faults"), cells))


def messages_table(rows: Sequence[Row], holds: Sequence[Hold] = ()) -> "Table":
    """Messages, a line each; what one of `holds` keeps back shows it."""
    now = utc_now()
    cells = [
        (
            row["id"],
            short(row["kind"]),
            Lane(row["lane"]).word,
            state(row["state"]),
            row["delivery"],
            _whom(row),
            age(now - row["accepted_at"]),
            row["attempts"],
            became(row) or _waits_for(row, holds, now),
        )
        for row in rows
    ]
    return table(("id", "kind", "lane", "state", "delivery", "to", "#age", "#tries", "why"), cells)


def _waits_for(row: Row, holds: Sequence[Hold], now: datetime) -> str:
    if row["state"] != State.READY:
        return ""
    if hold := hold_on(holds, row["kind"], Lane(row["lane"]).word):
        return f"held: {hold.reason}"
    later = row["not_before"] - now
    return f"leaves in {age(later)}" if later > timedelta(seconds=1) else ""


def _whom(row: Row) -> str:
    return f"{row['to_name']} <{row['to_email']}>" if row["to_name"] else row["to_email"] or ""


def life(container: "Container", id_: str) -> None:
    """One message, whole; the beginning of its id will do where no other begins so."""
    found = story_of(container, id_)
    row = found.message
    out = console()
    out.print(_facts(found, container.settings.kinds.get(row["kind"])))
    steps = [(step["at"], state(step["what"]), step["why"]) for step in found.timeline]
    out.print(table(("when", "what", "why"), steps, title="\nWhat happened"))
    if found.attempts:
        out.print(_calls(found))
    if found.events:
        events = [(event["at"], event["event"], _detail(event["detail"])) for event in found.events]
        out.print(table(("when", "event", "detail"), events, title="\nWhat Mailjet told"))


def story_of(container: "Container", id_: str) -> Story:
    """The one message that this id, or its beginning, names. Raises BadInput."""
    id_ = id_.rstrip("…")
    with container.ledger.read() as connection:
        found = story(connection, id_)
        near = [] if found else ids_beginning(connection, id_)
        found = story(connection, near[0]) if len(near) == 1 else found
    if len(near) > 1:
        raise BadInput(f"Several ids begin so: {', '.join(near)}.")
    if found is None:
        raise BadInput(
            "No message has this id; mailworker messages search finds one by other means, and explain looks "
            "for it on Redis and among the refused."
        )
    return found


def _facts(found: Story, kind: Kind | None) -> "Table":
    row = found.message
    files = [f"{file['filename']} ({readable_size(file['size'])})" for file in row["attachments"] or ()]
    facts = {
        "id": row["id"],
        "kind": row["kind"],
        "state": state(row["state"]),
        "lane": Lane(row["lane"]).word,
        "to": row["to_email"],
        "suppressed": found.suppressed,
        "language": row["language"],
        "customer": row["customer_id"],
        "invoice": row["invoice_id"],
        "key": row["idempotency_key"] if row["idempotency_key"] != row["id"] else None,
        "variables": _variables(row["variables"], kind),
        "attachments": ", ".join(files),
        "accepted": row["accepted_at"],
        "not before": row["not_before"],
        "expires": row["expires_at"],
        "Mailjet's id": row["mailjet_id"],
        "Mailjet's UUID": row["mailjet_uuid"],
        "delivery": row["delivery"],
    }
    made = table(
        ("", ""), [(name, value) for name, value in facts.items() if value is not None and value != ""]
    )
    made.show_header = False
    return made


def _variables(values: Mapping[str, Any] | None, kind: Kind | None) -> str:
    """Their names, and the values of those that are no secret: an operator reads over many shoulders."""
    shown = masked(kind, values, "***")
    gone = (kind.secrets & kind.required) - shown.keys() if kind else ()
    wiped = [f"{name} (wiped)" for name in sorted(gone)]
    return "\n".join([*(f"{name} = {value}" for name, value in shown.items()), *wiped])


def _calls(found: Story) -> "Table":
    rows = [
        (
            call["started_at"],
            f"{(call['finished_at'] - call['started_at']).total_seconds():.2f} s",
            state(call["outcome"]),
            call["code"],
            call["why"],
        )
        for call in found.attempts
    ]
    return table(("call at", "#took", "outcome", "code", "why"), rows, title="\nCalls to Mailjet")


def _detail(detail: Any) -> str:
    """An event's particulars, without addresses and URLs."""
    if not isinstance(detail, Mapping):
        return ""
    named = ("error_related_to", "error", "comment", "hard_bounce", "blocked", "source")
    return ", ".join(f"{name}: {detail[name]}" for name in named if detail.get(name))
