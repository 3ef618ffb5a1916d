"""Finding rows that stand still, so that no message waits for a worker that is gone."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, select

from mailworker.core.settlement import Settlement
from mailworker.core.states import State
from mailworker.ledger.run_query import Row, all_rows, any_row, first_value
from mailworker.ledger.settle_messages import settle
from mailworker.ledger.tables import (
    in_state,
    messages,
)

_AT_ONCE = 1000


def strand(
    connection: Connection, *, now: datetime, look_up_after: timedelta, max_attempts: int
) -> dict[State, int]:
    """Take messages back from leases that ran out, and give how many went where.

    Where the call had begun, the outcome is unknown; where it had not, nothing left and the message is ready.
    """
    rows = all_rows(connection, _expired_leases(now, "sending"))
    settlements = [_stranded(row, look_up_after, max_attempts) for row in rows]
    settle(connection, settlements, now=now, expected=State.SENDING)
    rendering = all_rows(connection, _expired_leases(now, "rendering"))
    gone = "the worker that rendered it is gone"
    again = [Settlement(row["id"], State.ACCEPTED, gone) for row in rendering]
    settle(connection, again, now=now, expected=State.RENDERING)
    return {State.ACCEPTED: 0} | Counter(one.state for one in (*settlements, *again))


def _expired_leases(now: datetime, state: str) -> Select[Any]:
    query = select(messages.c.id, messages.c.called_at, messages.c.attempts)
    expired = query.where(in_state(state), messages.c.lease_until < now)
    return expired.limit(_AT_ONCE).with_for_update(skip_locked=True)


def _stranded(row: Row, look_up_after: timedelta, max_attempts: int) -> Settlement:
    if row["called_at"] is None and row["attempts"] >= max_attempts:
        return Settlement(row["id"], State.FAILED, f"gave up: {row['attempts']} workers died with it")
    if row["called_at"] is None:
        return Settlement(row["id"], State.READY, "the worker that held it is gone; nothing had left")
    due = row["called_at"] + look_up_after
    return Settlement(row["id"], State.UNKNOWN, "the worker that sent it is gone", not_before=due)


def claim_late(connection: Connection, now: datetime) -> list[Row]:
    """Messages that are ready but whose time is over, locked for this transaction."""
    query = (
        select(messages.c.id, messages.c.kind, messages.c.variables)
        .where(in_state("ready"), messages.c.expires_at <= now)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    return all_rows(connection, query)


def first_sent_after(connection: Connection, moment: datetime) -> str | None:
    """The first message that is known to have been taken after this moment; None where there is none."""
    query = (
        select(messages.c.id)
        .where(messages.c.changed_at > moment, messages.c.state == "sent", messages.c.called_at > moment)
        .order_by(messages.c.changed_at)
    )
    return first_value(connection, query)


def anything_due(connection: Connection, state: State, now: datetime) -> bool:
    """Whether the time of a message in this state has come."""
    query = select(messages.c.id).where(in_state(str(state)), messages.c.not_before <= now)
    return any_row(connection, query)
