"""Why messages failed: grouped, since a fault of ours fails many in the same words, each numbered anew."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Label, Select, case, func, select, union_all

from mailworker.ledger.resend_blocked import blocked_by_us
from mailworker.ledger.tables import NOT_SENT, messages
from mailworker.rules.delivery_status import CASE_NUMBER


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
    reason = func.coalesce(reason_alone(connection), "").label("reason")
    both = union_all(*(_groups(one, reason, since) for one in (failed, blocked_by_us()))).subquery()
    ordered = select(both).order_by(both.c.number.desc(), both.c.kind).limit(limit)
    return [FailureGroup(*row) for row in connection.execute(ordered)]


def reason_alone(connection: Connection) -> ColumnElement[str]:
    """A message's reason without the number that Mailjet gives each of its refusals."""
    column = messages.c.reason
    start = (func.instr if connection.dialect.name == "sqlite" else func.strpos)(column, CASE_NUMBER)
    return case((start > 0, func.substr(column, 1, start - 1)), else_=column)


def _groups(conditions: Sequence[Any], reason: Label[str], since: datetime) -> Select[Any]:
    """One kind of failure by kind of mail and reason; each way has its index."""
    column = messages.c
    count, last = func.count().label("number"), func.max(column.changed_at).label("last")
    query = select(column.kind, reason, count, last).where(*conditions, column.changed_at >= since)
    return query.group_by(column.kind, reason)
