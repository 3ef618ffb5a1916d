"""The ledger's tables of callbacks: which changes are due, and how far the timeline was read."""

from sqlalchemy import Column, Index, Integer, SmallInteger, String, Table, Text, text

from mailworker.ledger.tables import RowId, UtcDateTime, metadata, partial_index

_WAITING = text("ended_at IS NULL")

#: One row for each change that is to be sent to the CRM, by the number of its row on the timeline.
callbacks = Table(
    "callbacks",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=False),
    Column("message_id", String(36), nullable=False),
    Column("state", String(16), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("why", Text),
    Column("attempts", Integer, nullable=False),
    Column("not_before", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("told", SmallInteger),
    Column("trouble", Text),
    partial_index("callbacks_waiting", "not_before", where=_WAITING),
    Index("callbacks_ended", "ended_at"),
)

#: How far the timeline was read: `confirmed` for good, `seen` at `seen_at`. Rows are numbered before they are
#: committed, so that a lower number may appear after a higher one: the last minute is always read again.
callback_cursor = Table(
    "callback_cursor",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("confirmed", RowId, nullable=False),
    Column("seen", RowId, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)
