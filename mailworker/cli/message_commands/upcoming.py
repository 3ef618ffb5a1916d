"""What is still to leave: when each message does, and what it waits for."""

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from mailworker.cli.console import console, plain, short, table, write_json
from mailworker.cli.message_commands.export import document
from mailworker.core.lane import Lane
from mailworker.errors import TransientError
from mailworker.ledger.upcoming import UpcomingFilter, UpcomingMessage, When, departures

if TYPE_CHECKING:
    from mailworker.container import Container


def show_upcoming(
    container: "Container", wanted: list[UpcomingFilter], *, now: datetime, limit: int, as_json: bool
) -> None:
    """Each of these lists, the first that leaves first, `limit` of each at the most."""
    outage = out_of_order(container)
    with container.ledger.read() as connection:
        found = [
            (one.when, departure)
            for one in wanted
            for departure in departures(connection, one, now=now, limit=limit, outage=outage)
        ]
    if as_json:
        write_json({"messages": [_document(when, one) for when, one in found]})
        return
    out = console()
    cells = [
        (
            one.row["id"],
            short(one.row["kind"]),
            Lane(one.row["lane"]).word,
            one.row["to_email"] or "(from the CRM)",
            ", ".join(filter(None, (plain(one.leaves.at), one.leaves.until))),
            one.leaves.why,
            one.row["expires_at"],
        )
        for _, one in found
    ]
    columns = ("id", "kind", "lane", "to", "leaves", "why not before", "expires")
    out.print(table(columns, cells) if cells else "No message is still to leave.")
    if any(len([when for when, _ in found if when is one.when]) == limit for one in wanted):
        out.print(f"The first {limit} of a list; more with --limit.")


def _document(when: When, one: UpcomingMessage) -> dict[str, object]:
    leaves = {"leaves_at": one.leaves.at, "until": one.leaves.until or None, "why": one.leaves.why}
    return document(one.row) | {"when": when} | leaves


def out_of_order(container: "Container") -> bool:
    """Whether Mailjet is out of order; where Redis does not answer, nobody knows of one."""
    with suppress(TransientError):
        return bool(container.breaker.open_seconds())
    return False
