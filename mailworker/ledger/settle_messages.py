"""Writing down what became of messages: one guarded update, one timeline row, one attempt row each."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, update

from mailworker.core.settlement import Settlement
from mailworker.core.states import State, may_move
from mailworker.ledger.bulk_insert import insert_rows
from mailworker.ledger.query_planner import still
from mailworker.ledger.tables import attempts, in_state, messages, timeline

T = TypeVar("T")


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
) -> set[str]:
    """Move messages on from `expected`, and give the ids of those that really moved.

    With `lease`, only those that this lease still holds: whoever lost the lease changes nothing. Moves that
    the table of states does not allow are a mistake in the caller and raise ValueError.
    """
    guard = [still(str(expected))] if lease is None else [still(str(expected)), messages.c.lease == lease]
    moved: list[Settlement] = []
    for state, group in _groups(settlements, attrgetter("state")):
        if not may_move(expected, state):
            raise ValueError(f"No message may go from {expected} to {state}.")
        statement = update(messages).where(messages.c.id.in_([one.id for one in group]), *guard)
        statement = statement.values(state=str(state), lease=None, lease_until=None, changed_at=now)
        found_as_expected = set(connection.execute(statement.returning(messages.c.id)).scalars())
        moved += [one for one in group if one.id in found_as_expected]
    _write_details(connection, moved)
    entries = [{"message_id": one.id, "at": now, "what": str(one.state), "why": one.why} for one in moved]
    insert_rows(connection, timeline, entries)
    if call is not None:
        insert_rows(connection, attempts, [_attempt(settlement, call) for settlement in moved])
    return {settlement.id for settlement in moved}


def _groups(items: Iterable[T], key: Callable[[T], Any]) -> Iterator[tuple[Any, list[T]]]:
    """These in groups that have the same key, in the order of the keys."""
    return ((value, list(group)) for value, group in groupby(sorted(items, key=key), key=key))


def _write_details(connection: Connection, settlements: Sequence[Settlement]) -> None:
    """What differs from message to message, one statement for all that set the same columns."""
    for names, rows in _groups([_details(settlement) for settlement in settlements], tuple):
        change: dict[str, Any] = {name: bindparam(name) for name in names if name != "of"}
        connection.execute(update(messages).where(messages.c.id == bindparam("of")).values(change), rows)


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


def put_off(connection: Connection, settlements: Sequence[Settlement], *, lease: str) -> None:
    """Note when messages that stay unknown are asked about again, and why they still are."""
    if settlements:
        statement = update(messages).where(messages.c.id == bindparam("of"), in_state("unknown"))
        statement = statement.where(messages.c.lease == lease)
        rows = [{"of": s.id, "not_before": s.not_before, "reason": s.why} for s in settlements]
        change: dict[str, Any] = {name: bindparam(name) for name in ("not_before", "reason")}
        connection.execute(statement.values(change), rows)
