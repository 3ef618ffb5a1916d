"""How the contacts stand at Mailjet, for people and for programs."""

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mailworker.cli.console import console, table, write_json
from mailworker.core.plural import counted
from mailworker.ledger import contact_counts, contact_sync_runs
from mailworker.queue.celery_queues import CONTACTS
from mailworker.queue.redis_errors import StreamUnavailable
from mailworker.queue.stream import GroupStream

if TYPE_CHECKING:
    from mailworker.container import Container


def show_status(container: "Container") -> None:
    """How many contacts stand where, and what people should know."""
    with container.ledger.read() as connection:
        states = contact_counts.by_state(connection)
        refused, notes = (
            contact_counts.refused(connection, limit=20),
            contact_counts.noted(connection, limit=10),
        )
        noted, opted_out = (
            contact_counts.count_noted(connection),
            contact_counts.count_unsubscribed(connection),
        )
        stuck, sync = contact_counts.stuck(connection), contact_sync_runs.latest_sync(connection)
    out, on_redis = console(), _on_redis(container)
    if on_redis:
        changes = counted(on_redis, "change waits", "changes wait")
        out.print(f"{changes} on Redis for a worker of the queue contacts.", style="yellow")
    elif on_redis is None:
        out.print("Redis does not answer, so nobody knows which changes wait there.", style="yellow")
    if not states and sync is None:
        out.print("No contact has been synced yet: `mailworker contacts sync --dry-run` shows what would be.")
        return
    names = {"in_step": "in step", "pending": "waiting to be sent", "flying": "being sent"}
    names |= {"waiting": "former addresses", "refused": "refused by Mailjet"}
    out.print(table(("contacts", "#number"), [(names.get(one, one), states[one]) for one in sorted(states)]))
    out.print(f"Unsubscribed at Mailjet, and left so: {opted_out}")
    if sync is not None:
        out.print(sync_sentence(sync))
    if stuck:
        out.print(f"Waiting because: {stuck}", style="yellow")
    if refused:
        out.print(table(("refused", "why"), [(row["email"], row["error"]) for row in refused]))
    if notes:
        out.print(table(("contact", f"to know ({noted})"), [(row["email"], row["note"]) for row in notes]))


def write_status(container: "Container") -> None:
    """The same for programs."""
    with container.ledger.read() as connection:
        sync = contact_sync_runs.latest_sync(connection)
        document = {
            "contacts": contact_counts.by_state(connection),
            "unsubscribed": contact_counts.count_unsubscribed(connection),
            "refused": contact_counts.refused(connection, limit=1000),
            "waiting_because": contact_counts.stuck(connection),
            "on_redis": _on_redis(container),
            "full_sync": dict(sync) if sync is not None else None,
        }
    write_json(document)


def _on_redis(container: "Container") -> int | None:
    """How many changes no worker has taken yet; None where Redis does not answer."""
    with suppress(StreamUnavailable):
        return GroupStream(container.redis, CONTACTS.stream, at_once=1).waiting()
    return None


def sync_sentence(row: Mapping[str, Any]) -> str:
    """How far the full sync in the background is, or what came of it."""
    figures = row["report"] or {}
    found = f"{counted(figures.get('contacts', 0), 'contact')} read, {figures.get('new', 0)} new, "
    found += f"{figures.get('changed', 0)} changed, {figures.get('removed', 0)} removed"
    begin = f"Full sync asked for at {row['started_at']:%Y-%m-%d %H:%M} UTC: "
    if row["error"]:
        return f"{begin}stopped. {row['error']}"
    if row["finished_at"] is None:
        stage = figures.get("place", {}).get("stage", "not begun")
        return f"{begin}{stage}; {found} so far."
    return f"{begin}has read everything at {row['finished_at']:%H:%M}; {found}."
