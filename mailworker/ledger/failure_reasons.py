"""Why messages failed: grouped, since a fault of ours fails many in the same words."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, select, union_all

from mailworker.ledger.resend_blocked import blocked_by_us
from mailworker.ledger.tables import NOT_SENT, messages


class FailureGroup(NamedTuple):
    """So many messages of a kind failed for this reason, the last one at `last`."""

    kind: str
    reason: str
    messages: int
    last: datetime


def failures_by_reason(connection: Connection, *, since: datetime, limit: int) -> list[FailureGroup]:
    """The reasons of failures since this moment, the most frequent first.

    What Mailjet blocked for a fault of ours failed, too, although it took it.
    """
    failed = [messages.c.state == "failed", NOT_SENT]
    both = union_all(_groups(failed, since), _groups(blocked_by_us(), since)).subquery()
    ordered = select(both).order_by(both.c.number.desc(), both.c.kind).limit(limit)
    return [FailureGroup(*row) for row in connection.execute(ordered)]


def _groups(conditions: Sequence[Any], since: datetime) -> Select[Any]:
    """One kind of failure by kind of mail and reason; each way has its index."""
    column = messages.c
    return (
        select(
            column.kind,
            func.coalesce(column.reason, "").label("reason"),
            func.count().label("number"),
            func.max(column.changed_at).label("last"),
        )
        .where(*conditions, column.changed_at >= since)
        .group_by(column.kind, column.reason)
    )
