"""What an operator may change by hand: replay, cancel."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from mailworker.core.settlement import Settlement
from mailworker.core.states import State, may_move
from mailworker.ledger.failure_reasons import blocked_by_us
from mailworker.ledger.message_search import MessageFilter
from mailworker.ledger.resend_blocked import resend_blocked
from mailworker.ledger.run_query import Row, all_rows
from mailworker.ledger.settle_messages import settle
from mailworker.ledger.tables import messages

#: States out of which an operator may end a message: nothing of it is in a call, or may have been.
CANCELLABLE = (State.ACCEPTED, State.READY, State.HELD, State.FAILED)


def candidates(connection: Connection, wanted: MessageFilter, *, limit: int) -> list[Row]:
    """Whole rows, the oldest change first, for who decides about them one by one."""
    query = select(messages).where(*wanted.conditions())
    return all_rows(connection, query.order_by(messages.c.changed_at, messages.c.id).limit(limit))


def blocked_candidates(connection: Connection, wanted: MessageFilter, *, limit: int) -> list[Row]:
    """The same, of those that Mailjet took and then blocked for a fault of ours."""
    query = select(messages).where(*replace(wanted, states=()).conditions(), *blocked_by_us())
    return all_rows(connection, query.order_by(messages.c.changed_at, messages.c.id).limit(limit))


def replay(connection: Connection, rows: Sequence[Row], *, now: datetime, why: str) -> int:
    """Send these again from the start, with all their attempts; give how many really moved.

    Each moves out of the state that its row shows, or not at all: a message that somebody else moved
    meanwhile, or that another replay took, stays what it is. Messages about an invoice are prepared again.
    Of one that Mailjet has and blocked for a fault of ours a copy is sent.
    """
    moved = resend_blocked(connection, [row for row in rows if row["state"] == State.SENT], now=now)
    for state in (State.FAILED, State.UNKNOWN):
        for target in (State.ACCEPTED, State.READY):
            chosen = [row["id"] for row in rows if row["state"] == state and _target(row) is target]
            if chosen and may_move(state, target):
                # First the counters, while the guard still holds; then the move, which checks it once more.
                afresh = update(messages).where(messages.c.id.in_(chosen), messages.c.state == str(state))
                connection.execute(afresh.values(attempts=0, lookups=0))
                again = [Settlement(id_, target, why, not_before=now) for id_ in chosen]
                moved += len(settle(connection, again, now=now, expected=state))
    return moved


def cancel(connection: Connection, rows: Sequence[Row], *, now: datetime, why: str, wipe: Any) -> int:
    """End these messages; give how many really moved. `wipe(row)` gives the variables that may be kept."""
    moved = 0
    for state in CANCELLABLE:
        chosen = [row for row in rows if row["state"] == state]
        ended = [Settlement(row["id"], State.CANCELLED, why, wiped=wipe(row)) for row in chosen]
        moved += len(settle(connection, ended, now=now, expected=state))
    return moved


def _target(row: Row) -> State:
    """Where a replayed message starts: before its preparation, if it had one and its outcome is known.

    A message of unknown outcome was prepared; it leaves again exactly as it left.
    """
    about_invoice = row["invoice"] is not None or row["invoice_id"] is not None
    return State.ACCEPTED if about_invoice and row["state"] == State.FAILED else State.READY
