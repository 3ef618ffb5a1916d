"""What an operator asks of the ledger, and what an operator may change by hand: replay, cancel."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, or_, select, update

from mailworker.ledger.settling import settle
from mailworker.ledger.tables import attempts, events, messages, rejected_jobs, timeline
from mailworker.message import Lane
from mailworker.settlement import Settlement
from mailworker.states import State, may_move

Row = Mapping[str, Any]

#: States out of which an operator may end a message: nothing of it is in a call, or may have been.
CANCELLABLE = (State.ACCEPTED, State.READY, State.HELD, State.FAILED)
_LIST = ("id", "kind", "lane", "state", "reason", "attempts", "accepted_at", "changed_at", "not_before")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages. What is left out does not restrict.

    `reason` is a part of the last step's reason. `before` and `since` bound the moment of the last change.
    """

    ids: tuple[str, ...] = ()
    states: Collection[State] = ()
    kind: str | None = None
    lane: Lane | None = None
    reason: str | None = None
    before: datetime | None = None
    since: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """As SQL; an empty list is everything."""
        column = messages.c
        found: list[ColumnElement[bool]] = []
        if self.ids:
            found.append(column.id.in_(self.ids))
        if self.states:
            found.append(column.state.in_([str(state) for state in self.states]))
        if self.kind is not None:
            found.append(column.kind == self.kind)
        if self.lane is not None:
            found.append(column.lane == int(self.lane))
        if self.reason is not None:
            found.append(column.reason.contains(self.reason, autoescape=True))
        if self.before is not None:
            found.append(column.changed_at <= self.before)
        if self.since is not None:
            found.append(column.changed_at >= self.since)
        return found


@dataclass(frozen=True, slots=True)
class Story:
    """One message's whole life: its row, and what happened, in order."""

    message: Row = field(repr=False)
    timeline: Sequence[Row]
    attempts: Sequence[Row]
    events: Sequence[Row] = field(repr=False)


def list_messages(connection: Connection, wanted: Wanted, *, limit: int) -> list[Row]:
    """Messages, those that changed last first; no address and no variable among the columns."""
    query = select(*(messages.c[name] for name in _LIST)).where(*wanted.conditions())
    return _rows(connection, query.order_by(messages.c.changed_at.desc(), messages.c.id).limit(limit))


def list_rejected(connection: Connection, *, limit: int) -> list[Row]:
    """Jobs that could not become messages, the latest first, without their content."""
    columns = [rejected_jobs.c[name] for name in ("at", "source", "kind", "message_id", "faults")]
    return _rows(connection, select(*columns).order_by(rejected_jobs.c.id.desc()).limit(limit))


def search(connection: Connection, text: str, *, limit: int) -> list[Row]:
    """Messages by id (or its beginning), idempotency key, address, customer, invoice, or Mailjet's id."""
    exact = [messages.c.idempotency_key, messages.c.customer_id, messages.c.invoice_id]
    conditions = [column == text for column in exact]
    conditions.append(messages.c.id.startswith(text.lower(), autoescape=True))
    if text.isdecimal() and int(text) < 2**63:
        conditions.append(messages.c.mailjet_id == int(text))
    if "@" in text:
        conditions.append(messages.c.to_email.in_({text, text.lower()}))
    query = select(*(messages.c[name] for name in _LIST)).where(or_(*conditions))
    return _rows(connection, query.order_by(messages.c.accepted_at.desc()).limit(limit))


def story(connection: Connection, id_: str) -> Story | None:
    """The whole life of a message; None where there is none of that id."""
    found = _rows(connection, select(messages).where(messages.c.id == id_))
    if not found:
        return None
    steps = _rows(connection, _of(timeline, id_).order_by(timeline.c.at, timeline.c.id))
    calls = _rows(connection, _of(attempts, id_).order_by(attempts.c.id))
    told = _rows(connection, _of(events, id_).order_by(events.c.at, events.c.id))
    return Story(found[0], steps, calls, told)


def candidates(connection: Connection, wanted: Wanted, *, limit: int) -> list[Row]:
    """Whole rows, the oldest change first, for who decides about them one by one."""
    query = select(messages).where(*wanted.conditions())
    return _rows(connection, query.order_by(messages.c.changed_at, messages.c.id).limit(limit))


def replay(connection: Connection, rows: Sequence[Row], *, now: datetime, why: str) -> int:
    """Send these again from the start, with all their attempts; give how many really moved.

    Each moves out of the state that its row shows, or not at all: a message that somebody else moved
    meanwhile, or that another replay took, stays what it is. Messages about an invoice are prepared again.
    """
    moved = 0
    for state in (State.FAILED, State.UNKNOWN):
        for target in (State.ACCEPTED, State.READY):
            chosen = [row["id"] for row in rows if row["state"] == state and _target(row) is target]
            if chosen and may_move(state, target):
                # First the counters, while the guard still holds; then the move, which checks it once more.
                _start_over(connection, chosen, state)
                again = [Settlement(id_, target, why, not_before=now) for id_ in chosen]
                moved += settle(connection, again, now=now, expected=state)
    return moved


def cancel(connection: Connection, rows: Sequence[Row], *, now: datetime, why: str, wipe: Any) -> int:
    """End these messages; give how many really moved. `wipe(row)` gives the variables that may be kept."""
    moved = 0
    for state in CANCELLABLE:
        ended = [
            Settlement(row["id"], State.CANCELLED, why, wiped=wipe(row))
            for row in rows
            if row["state"] == state
        ]
        moved += settle(connection, ended, now=now, expected=state) if ended else 0
    return moved


def _target(row: Row) -> State:
    """Where a replayed message starts: before its preparation, if it had one and its outcome is known.

    A message of unknown outcome was prepared; it leaves again exactly as it left.
    """
    about_invoice = row["invoice"] is not None or row["invoice_id"] is not None
    return State.ACCEPTED if about_invoice and row["state"] == State.FAILED else State.READY


def _start_over(connection: Connection, ids: list[str], state: State) -> None:
    statement = update(messages).where(messages.c.id.in_(ids), messages.c.state == str(state))
    connection.execute(statement.values(attempts=0, lookups=0))


def _of(table: Any, id_: str) -> Select[Any]:
    return select(table).where(table.c.message_id == id_)


def _rows(connection: Connection, query: Select[Any]) -> list[Row]:
    return [dict(row) for row in connection.execute(query).mappings()]
