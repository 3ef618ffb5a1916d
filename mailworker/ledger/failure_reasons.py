"""Why messages failed: grouped, since a fault of ours fails many in the same words, each numbered anew."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Label,
    Select,
    TextClause,
    case,
    exists,
    func,
    select,
    union_all,
)

from mailworker.core.states import State
from mailworker.ledger.tables import BLOCKED, NOT_SENT, events, messages, timeline
from mailworker.rules.delivery_status import CASE_NUMBER, OUR_FAULT, SENT_ANEW

#: Mailjet's events of a mail that arrived: such a one is never sent again.
ARRIVED = ("sent", "open", "click")


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


def blocked_by_us() -> list[ColumnElement[bool] | TextClause]:
    """Which messages Mailjet has, did not deliver for a fault of ours, and are not sent anew yet."""
    arrived = exists().where(events.c.message_id == messages.c.id, events.c.event.in_(ARRIVED))
    anew = exists().where(timeline.c.message_id == messages.c.id, timeline.c.why.startswith(SENT_ANEW))
    return [
        messages.c.state == str(State.SENT),
        BLOCKED,  # a small index
        messages.c.reason.contains(OUR_FAULT),
        ~arrived,
        ~anew,
    ]


def reason_alone(connection: Connection) -> ColumnElement[str]:
    """A message's reason without the number that Mailjet gives each of its refusals."""
    column = messages.c.reason
    start = (func.instr if connection.dialect.name == "sqlite" else func.strpos)(column, CASE_NUMBER)
    return case((start > 0, func.substr(column, 1, start - 1)), else_=column)


def _groups(conditions: Sequence[Any], reason: Label[str], since: datetime) -> Select[Any]:
    """One kind of failure by kind of mail and reason; each way has its index."""
    column = messages.c
    count, last = func.count().label("number"), func.max(column.changed_at)
    query = select(column.kind, reason, count, last).where(*conditions, column.changed_at >= since)
    return query.group_by(column.kind, reason)
