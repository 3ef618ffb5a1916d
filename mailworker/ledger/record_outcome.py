"""Writing down what became of messages: one guarded update, one timeline row, one attempt row each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, bindparam, insert, update

from mailworker.core.settlement import Settlement
from mailworker.core.states import State, may_move
from mailworker.ledger.query_planner import still
from mailworker.ledger.tables import attempts, in_state, messages, timeline


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call to Mailjet, for the attempts of the messages that travelled in it."""

    id: str
    started_at: datetime
    finished_at: datetime


def settle(
    connection: Connection,
    settlements: Sequence[Settlement],
    *,
    now: datetime,
    expected: State,
    lease: str | None = None,
    call: CallRecord | None = None,
) -> int:
    """Move messages on as `record_outcomes` does, and give how many really moved."""
    return len(record_outcomes(connection, settlements, now=now, expected=expected, lease=lease, call=call))


def record_outcomes(
    connection: Connection,
    settlements: Sequence[Settlement],
    *,
    now: datetime,
    expected: State,
    lease: str | None = None,
    call: CallRecord | None = None,
) -> set[str]:
    """Move messages on from `expected`, and give the ids of those that really moved.

    With `lease`, only those that this lease still holds: whoever lost the lease changes nothing. Moves that
    the table of states does not allow are a mistake in the caller and raise ValueError.
    """
    moved: list[Settlement] = []
    for state, group in groupby(sorted(settlements, key=_state), key=_state):
        moved += _move(connection, list(group), state, now=now, expected=expected, lease=lease)
    _write_details(connection, moved)
    _write_timeline(connection, moved, now)
    if call is not None and moved:
        connection.execute(insert(attempts), [_attempt(settlement, call) for settlement in moved])
    return {settlement.id for settlement in moved}


def _state(settlement: Settlement) -> State:
    return settlement.state


def _move(
    connection: Connection,
    group: list[Settlement],
    state: State,
    *,
    now: datetime,
    expected: State,
    lease: str | None,
) -> list[Settlement]:
    """The guarded update: it returns which rows it found as expected."""
    if not may_move(expected, state):
        raise ValueError(f"No message may go from {expected} to {state}.")
    statement = update(messages).where(messages.c.id.in_([s.id for s in group]), still(str(expected)))
    if lease is not None:
        statement = statement.where(messages.c.lease == lease)
    statement = statement.values(state=str(state), lease=None, lease_until=None, changed_at=now)
    moved = set(connection.execute(statement.returning(messages.c.id)).scalars())
    return [settlement for settlement in group if settlement.id in moved]


_OPTIONAL = ("not_before", "mailjet_id", "variables", "batch_limit", "attempts")


def _write_details(connection: Connection, settlements: Sequence[Settlement]) -> None:
    """What differs from message to message, one statement for each shape."""
    for _, group in groupby(sorted(settlements, key=_shape), key=_shape):
        rows = [_details(settlement) for settlement in group]
        change: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "of"}
        connection.execute(update(messages).where(messages.c.id == bindparam("of")).values(change), rows)


def _shape(settlement: Settlement) -> tuple[bool, ...]:
    return tuple(name in _details(settlement) for name in _OPTIONAL)


def _details(settlement: Settlement) -> dict[str, Any]:
    values: dict[str, Any] = {"of": settlement.id, "reason": settlement.why}
    if settlement.not_before is not None:
        values["not_before"] = settlement.not_before
    if settlement.receipt is not None:
        values["mailjet_id"] = settlement.receipt.message_id
        values["mailjet_uuid"] = settlement.receipt.message_uuid
    if settlement.wiped is not None:
        values["variables"] = dict(settlement.wiped)
    if settlement.batch_limit is not None:
        values["batch_limit"] = settlement.batch_limit
    if settlement.attempts is not None:
        values["attempts"] = settlement.attempts
    return values


def _attempt(settlement: Settlement, call: CallRecord) -> dict[str, Any]:
    return {
        "message_id": settlement.id,
        "call_id": call.id,
        "started_at": call.started_at,
        "finished_at": call.finished_at,
        "outcome": str(settlement.state),
        "code": settlement.code or None,
        "why": settlement.why,
    }


def _write_timeline(connection: Connection, settlements: Iterable[Settlement], now: datetime) -> None:
    rows = [{"message_id": s.id, "at": now, "what": str(s.state), "why": s.why} for s in settlements]
    if rows:
        connection.execute(insert(timeline), rows)


def put_off(connection: Connection, settlements: Sequence[Settlement], *, lease: str) -> None:
    """Note when messages that stay unknown are asked about again, and why they still are."""
    if settlements:
        statement = update(messages).where(messages.c.id == bindparam("of"), in_state("unknown"))
        statement = statement.where(messages.c.lease == lease)
        rows = [{"of": s.id, "not_before": s.not_before, "reason": s.why} for s in settlements]
        change: dict[str, Any] = {name: bindparam(name) for name in ("not_before", "reason")}
        connection.execute(statement.values(change), rows)
