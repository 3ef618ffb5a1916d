"""Deleting final messages that are older than they are kept, with all that hangs on them."""

from datetime import datetime

from sqlalchemy import Connection, delete, select

from mailworker.core.states import FINAL
from mailworker.ledger.tables import (
    attempts,
    events,
    invoice_numbers,
    messages,
    rejected_jobs,
    timeline,
)

_AT_ONCE = 1000


def forget(connection: Connection, *, before: datetime, limit: int = _AT_ONCE) -> int:
    """Delete up to `limit` final messages unchanged since this moment, with all that hangs on them."""
    final = [str(state) for state in FINAL]
    old = select(messages.c.id).where(messages.c.changed_at < before, messages.c.state.in_(final))
    # Locked, or one that a person replays at this very moment would be lost.
    ids = list(connection.execute(old.limit(limit).with_for_update(skip_locked=True)).scalars())
    for table in (timeline, attempts, events, invoice_numbers):
        connection.execute(delete(table).where(table.c.message_id.in_(ids)))
    connection.execute(delete(rejected_jobs).where(rejected_jobs.c.at < before))
    return connection.execute(delete(messages).where(messages.c.id.in_(ids))).rowcount
