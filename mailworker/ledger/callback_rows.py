"""Callbacks to the CRM: changes found on the timeline, kept until they are sent, once each."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, exists, func, or_, select, update

from mailworker.ledger.bulk_insert import insert_new
from mailworker.ledger.callback_tables import callback_cursor, callbacks
from mailworker.ledger.run_query import Row, all_rows, count_rows, first_row
from mailworker.ledger.tables import messages, timeline
from mailworker.rules.delivery_status import OF_A_COPY

#: No transaction of ours is open for so long: what was not seen by then was never written.
SETTLED = timedelta(seconds=150)
#: Callbacks are kept so long after they were sent, for whoever asks whether they were.
KEPT = timedelta(days=30)
_T, _C, _M = timeline.c, callbacks.c, messages.c
_KEYS = ("idempotency_key", "recipient_key", "to_canonical")
_OF_MAIL = ("kind", "customer_id", "invoice_id", "variables", *_KEYS)
_EARLIER = timeline.alias("earlier")
#: Each time that a mail comes to one of these is sent; an event of Mailjet's only the first time.
_STATES = ("sent", "failed", "suppressed", "expired", "cancelled", "held")


def collect(
    connection: Connection,
    states: Sequence[str],
    kinds: Mapping[str, Sequence[str]],
    now: datetime,
    *,
    limit: int = 1000,
) -> int:
    """Note the changes on the timeline that are wanted; give how many there were.

    The first time, nothing: what happened before is old news.
    """
    highest = connection.execute(select(func.max(_T.id))).scalar() or 0
    cursor = first_row(connection, select(callback_cursor))
    if cursor is None:
        start = {"id": 1, "confirmed": highest, "seen": highest, "seen_at": now}
        insert_new(connection, callback_cursor, [start])
        return 0
    rows = all_rows(connection, _pending(cursor["confirmed"], _wanted(states, kinds), limit))
    insert_new(connection, callbacks, [{**row, "attempts": 0, "not_before": now} for row in rows])
    if len(rows) < limit and now - cursor["seen_at"] > SETTLED:
        values = {"confirmed": cursor["seen"], "seen": highest, "seen_at": now}
        still = callback_cursor.c.seen_at == cursor["seen_at"]
        connection.execute(update(callback_cursor).where(still).values(**values))
    return len(rows)


def take_due(connection: Connection, now: datetime, *, lease: timedelta, limit: int) -> list[Row]:
    """Callbacks that are due now, with their messages; nobody else gets them before `lease` is over."""
    due = select(_C.id, _C.not_before).where(_C.ended_at.is_(None), _C.not_before <= now)
    ours = []
    for row in connection.execute(due.order_by(_C.not_before, _C.id).limit(limit)).all():
        mine = update(callbacks).where(
            _C.id == row.id, _C.not_before == row.not_before, _C.ended_at.is_(None)
        )
        if connection.execute(mine.values(not_before=now + lease)).rowcount:
            ours.append(row.id)
    columns: list[Any] = [*_C, *(_M[name] for name in _OF_MAIL)]
    both = callbacks.outerjoin(messages, _M.id == _C.message_id)
    query = select(*columns).select_from(both).where(_C.id.in_(ours)).order_by(_C.id)
    return all_rows(connection, query)


def end(connection: Connection, id_: int, now: datetime, *, sent: bool, error: str | None = None) -> None:
    """A callback was sent, or is given up."""
    values = {"ended_at": now, "told": int(sent), "trouble": error, "attempts": _C.attempts + 1}
    connection.execute(update(callbacks).where(_C.id == id_).values(**values))


def put_off(connection: Connection, id_: int, until: datetime, error: str, *, tried: bool) -> None:
    """A callback could not be sent now."""
    values: dict[str, Any] = {"not_before": until, "trouble": error}
    if tried:
        values["attempts"] = _C.attempts + 1
    connection.execute(update(callbacks).where(_C.id == id_, _C.ended_at.is_(None)).values(**values))


def waiting(connection: Connection) -> int:
    """How many callbacks wait."""
    return count_rows(connection, callbacks, _C.ended_at.is_(None))


def forget(connection: Connection, now: datetime) -> int:
    """Forget changes that ended long ago."""
    return connection.execute(delete(callbacks).where(_C.ended_at < now - KEPT)).rowcount


def _pending(after: int, wanted: ColumnElement[bool], limit: int) -> Select[Any]:
    noted = exists().where(_C.id == _T.id)
    # A mail is opened often, and bounces softly again and again: each such event is sent once.
    before = and_(_EARLIER.c.message_id == _T.message_id, _EARLIER.c.what == _T.what, _EARLIER.c.id < _T.id)
    repeated = and_(_T.what.not_in(_STATES), exists().where(before))
    return (
        select(_T.id, _T.message_id, _T.what.label("state"), _T.at, _T.why)
        .join(messages, _M.id == _T.message_id)
        .where(_T.id > after, wanted, ~noted, ~repeated)
        # What became of a copy is on the timeline too; it is no change of the mail.
        .where(or_(_T.why.is_(None), ~_T.why.startswith(OF_A_COPY)))
        .order_by(_T.id)
        .limit(limit)
    )


def _wanted(states: Sequence[str], kinds: Mapping[str, Sequence[str]]) -> ColumnElement[bool]:
    each = [and_(_M.kind == kind, _T.what.in_(list(own))) for kind, own in kinds.items()]
    return or_(and_(_M.kind.not_in(list(kinds)), _T.what.in_(list(states))), *each)
