"""Messages for programs: JSON, and everything as CSV or JSON lines."""

import csv
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mailworker.cli.console import as_text, json_text, write_json
from mailworker.cli.message_commands.output import story_of
from mailworker.core.lane import Lane
from mailworker.core.spreadsheet import cell
from mailworker.ledger.message_counts import tally
from mailworker.ledger.message_search import MessageFilter, all_messages, list_messages, search
from mailworker.ledger.rejected_jobs import list_rejected
from mailworker.rules.secret_variables import masked

if TYPE_CHECKING:
    from mailworker.container import Container

Row = Mapping[str, Any]
#: What of a message's row is for programs; its variables are shown apart, the secret ones masked.
_FIELDS = (
    "id", "kind", "lane", "state", "delivery", "reason", "to_email", "to_name", "language", "customer_id",
    "invoice_id", "idempotency_key", "attempts", "accepted_at", "changed_at", "not_before", "expires_at",
    "mailjet_id", "mailjet_uuid",
)  # fmt: skip
#: The columns of an export, in their order.
EXPORTED = tuple(name for name in _FIELDS if name != "to_name")


def listing(container: "Container", wanted: MessageFilter, limit: int) -> None:
    """The wanted messages, and how many messages of all there are in each state."""
    with container.ledger.read() as connection:
        rows = list_messages(connection, wanted, limit=limit)
        counted = tally(connection)
    counts = dict(counted.by_state)
    write_json({"messages": [document(row) for row in rows], "counts": counts})


def found(container: "Container", text: str, limit: int) -> None:
    """What a search found; an empty list where it found nothing."""
    with container.ledger.read() as connection:
        rows = search(connection, text, limit=limit)
    write_json({"messages": [document(row) for row in rows]})


def rejected(container: "Container", limit: int) -> None:
    """Jobs that became no message, with their faults."""
    with container.ledger.read() as connection:
        rows = list_rejected(connection, limit=limit)
    write_json({"rejected": [dict(row) for row in rows]})


def life(container: "Container", id_: str) -> None:
    """One message's whole life. Raises BadInput where there is none."""
    story = story_of(container, id_)
    kind = container.settings.kinds.get(story.message["kind"])
    about = {"variables": masked(kind, story.message["variables"], "***"), "suppressed": story.suppressed}
    calls = ("call_id", "started_at", "finished_at", "outcome", "code", "why")
    write_json(
        {
            "message": document(story.message) | about,
            "timeline": _plain(story.timeline, ("at", "what", "why")),
            "calls": _plain(story.attempts, calls),
            "events": _plain(story.events, ("at", "event")),
        }
    )


def export(container: "Container", wanted: MessageFilter, *, as_csv: bool) -> int:
    """Every wanted message on standard output, a line each; how many. No variable is among them."""
    writer = csv.writer(sys.stdout)
    count = 0
    if as_csv:
        writer.writerow(EXPORTED)
    with container.ledger.read() as connection:
        for count, row in enumerate(all_messages(connection, wanted), 1):  # noqa: B007 - used after the loop
            line = document(row)
            if as_csv:
                writer.writerow([_cell(line.get(name)) for name in EXPORTED])
            else:
                sys.stdout.write(f"{json_text(line)}\n")
    return count


def document(row: Row) -> dict[str, Any]:
    """A message as programs read it."""
    made = {name: row[name] for name in _FIELDS if name in row}
    return made | {"lane": Lane(row["lane"]).word}


def _plain(rows: Sequence[Row], names: Sequence[str]) -> list[dict[str, Any]]:
    return [{name: row[name] for name in names} for row in rows]


def _cell(value: Any) -> str:
    return "" if value is None else cell(as_text(value))
