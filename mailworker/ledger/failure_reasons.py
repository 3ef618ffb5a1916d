"""Why messages failed: grouped, since a fault of ours fails many in the same words."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from mailworker.ledger.tables import NOT_SENT, messages


class FailureGroup(NamedTuple):
    """So many messages of a kind failed for this reason, the last one at `last`."""

    kind: str
    reason: str
    messages: int
    last: datetime


def failures_by_reason(connection: Connection, *, since: datetime, limit: int) -> list[FailureGroup]:
    """The reasons of failures since this moment, the most frequent first."""
    column = messages.c
    query = (
        select(column.kind, func.coalesce(column.reason, ""), func.count(), func.max(column.changed_at))
        .where(column.state == "failed", NOT_SENT, column.changed_at >= since)
        .group_by(column.kind, column.reason)
        .order_by(func.count().desc(), column.kind)
        .limit(limit)
    )
    return [FailureGroup(*row) for row in connection.execute(query)]
