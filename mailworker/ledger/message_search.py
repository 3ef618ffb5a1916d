"""What an operator looks at: which messages there are, what went wrong, and one message's whole story."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, TextClause, and_, or_, select

from mailworker.core.canonical_address import canonical_address
from mailworker.core.lane import Lane
from mailworker.core.states import State
from mailworker.ledger.find_by_invoice_number import messages_about
from mailworker.ledger.recipient_standings import standings
from mailworker.ledger.run_query import Row, all_rows
from mailworker.ledger.tables import (
    NOT_SENT,
    addressed_to,
    attempts,
    events,
    messages,
    timeline,
)
from mailworker.rules.delivery_status import NO_EVENT
from mailworker.rules.pseudonym import pseudonyms

_SHOWN = ("id", "kind", "lane", "state", "delivery", "to_email", "to_name", "reason", "attempts")
_MOMENTS = ("accepted_at", "changed_at", "not_before")
#: What lists of messages show: no variable.
LINE = [messages.c[name] for name in (*_SHOWN, *_MOMENTS)]
_KEYS = ("idempotency_key", "language", "customer_id", "invoice_id", "expires_at")
#: What leaves for a spreadsheet: no variable, no attachment.
_EXPORTED = [*LINE, *(messages.c[name] for name in (*_KEYS, "mailjet_id", "mailjet_uuid"))]
#: Fewer characters of an id begin too many of them.
_BEGINNING = 6
#: Python reads no number of many thousand digits; Mailjet's have nineteen at the most.
_LONGER_THAN_A_NUMBER = 20
#: What may be a part of somebody's name.
_NAME = re.compile(r"[^\W\d_][^@]{2,99}")


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which messages. What is left out does not restrict.

    `reason` is a part of the last step's reason. `before` and `since` bound the moment of the last change;
    `beyond` is the last row of the page before: the moment of its change, and its id.
    """

    ids: tuple[str, ...] = ()
    states: Collection[State] = ()
    kind: str | None = None
    lane: Lane | None = None
    reason: str | None = None
    delivery: str | None = None
    to: str | None = None
    name: str | None = None
    customer: str | None = None
    invoice: str | None = None
    before: datetime | None = None
    since: datetime | None = None
    beyond: tuple[datetime, str] | None = None

    def conditions(self) -> list[ColumnElement[bool] | TextClause]:
        """As SQL; an empty list is everything."""
        found: list[ColumnElement[bool] | TextClause] = []
        if self.states:
            found.append(messages.c.state.in_([str(state) for state in self.states]))
            found += [] if State.SENT in self.states else [NOT_SENT]  # a small index, where one will do
        given = ((make, getattr(self, name)) for name, make in _CONDITIONS.items())
        return found + [make(value) for make, value in given if value is not None and value != ()]


def list_messages(connection: Connection, wanted: MessageFilter, *, limit: int) -> list[Row]:
    """Messages, those that changed last first; no variable among the columns."""
    query = select(*LINE).where(*wanted.conditions())
    return all_rows(connection, query.order_by(messages.c.changed_at.desc(), messages.c.id).limit(limit))


def all_messages(connection: Connection, wanted: MessageFilter) -> Iterator[Row]:
    """Every wanted message, the first accepted first, however many: a thousand are in memory at a time."""
    query = select(*_EXPORTED).where(*wanted.conditions()).order_by(messages.c.accepted_at, messages.c.id)
    for row in connection.execute(query.execution_options(yield_per=1000)).mappings():
        yield dict(row)


def search(connection: Connection, text: str, *, limit: int) -> list[Row]:
    """Messages by id (or its beginning), key, customer, invoice or its number, recipient, or Mailjet's id.

    The newest first. Each way has its index, and is asked by itself. Where none finds anything, the text may
    be the key of a call that named several recipients, or a part of a recipient's name: for these all
    messages are looked through.
    """
    found: dict[str, Row] = {}
    for where in _ways(text):
        found |= _found(connection, where, limit)
    if not found:
        found = _found(connection, messages.c.idempotency_key.startswith(f"{text}#", autoescape=True), limit)
    if not found and _NAME.fullmatch(text):
        found = _found(connection, _named(text), limit)
    return sorted(found.values(), key=lambda row: row["accepted_at"], reverse=True)[:limit]


def _found(connection: Connection, where: ColumnElement[bool], limit: int) -> dict[str, Row]:
    query = select(*LINE).where(where).order_by(messages.c.accepted_at.desc()).limit(limit)
    return {row["id"]: row for row in all_rows(connection, query)}


def _to(email: str) -> ColumnElement[bool]:
    return addressed_to({email, canonical_address(email), *pseudonyms(email)})


def _named(name: str) -> ColumnElement[bool]:
    """A part of the recipient's name; databases fold only the letters of ASCII."""
    spellings = {name.lower(), name.upper(), name.title(), name.capitalize()}
    column = messages.c.to_name
    return or_(
        *(column.contains(one, autoescape=True) for one in spellings), column.icontains(name, autoescape=True)
    )


def _about(invoice: str) -> ColumnElement[bool]:
    return or_(messages.c.invoice_id == invoice, messages.c.id.in_(messages_about(invoice)))


_NO_EVENT_YET = and_(messages.c.state == str(State.SENT), messages.c.delivery.is_(None))
_CONDITIONS: Mapping[str, Callable[[Any], ColumnElement[bool]]] = {
    "ids": messages.c.id.in_,
    "kind": lambda kind: messages.c.kind == kind,
    "lane": lambda lane: messages.c.lane == int(lane),
    "reason": lambda text: messages.c.reason.contains(text, autoescape=True),
    "delivery": lambda word: _NO_EVENT_YET if word == NO_EVENT else messages.c.delivery == word,
    "customer": lambda id_: messages.c.customer_id == id_,
    "to": _to,
    "name": _named,
    "invoice": _about,
    "before": lambda moment: messages.c.changed_at <= moment,
    "since": lambda moment: messages.c.changed_at >= moment,
    # A call of fifty changes fifty messages at one moment, so the moment alone is no place in the list.
    "beyond": lambda row: or_(
        messages.c.changed_at < row[0], and_(messages.c.changed_at == row[0], messages.c.id > row[1])
    ),
}


def _ways(text: str) -> list[ColumnElement[bool]]:
    column, lower = messages.c, text.lower()
    ways = [column.id == lower, column.idempotency_key == text, column.customer_id == text]
    ways += [column.invoice_id == text, column.id.in_(messages_about(text))]
    if len(text) >= _BEGINNING:
        ways.append(column.id.between(lower, f"{lower}zz") & column.id.startswith(lower, autoescape=True))
    if "@" in text:
        ways.append(_to(text))
    if text.isdecimal() and len(text) < _LONGER_THAN_A_NUMBER and int(text) < 2**63:
        ways.append(column.mailjet_id == int(text))
    return ways


@dataclass(frozen=True, slots=True)
class Story:
    """One message's whole life: its row, what happened in order, and why its address is suppressed."""

    message: Row = field(repr=False)
    timeline: Sequence[Row]
    attempts: Sequence[Row]
    events: Sequence[Row] = field(repr=False)
    suppressed: str | None

    @property
    def last_event_at(self) -> datetime | None:
        """When the last event that Mailjet posted about it happened."""
        return self.events[-1]["at"] if self.events else None


def story(connection: Connection, id_: str) -> Story | None:
    """The whole life of a message; None where there is none of that id."""
    found = all_rows(connection, select(messages).where(messages.c.id == id_))
    if not found:
        return None
    steps = all_rows(connection, _of(timeline, id_).order_by(timeline.c.at, timeline.c.id))
    calls = all_rows(connection, _of(attempts, id_).order_by(attempts.c.id))
    reported = all_rows(connection, _of(events, id_).order_by(events.c.at, events.c.id))
    email = canonical_address(found[0]["to_email"] or "")
    reason = standings(connection, [email])[email].suppressed
    return Story(found[0], steps, calls, reported, reason)


def ids_beginning(connection: Connection, text: str) -> list[str]:
    """The ids that begin so, ten at the most: what people copy of an id is often its head."""
    lower = text.lower()
    query = select(messages.c.id).where(messages.c.id.startswith(lower, autoescape=True)).limit(10)
    return list(connection.execute(query).scalars()) if len(text) >= _BEGINNING else []


def _of(table: Any, id_: str) -> Select[Any]:
    return select(table).where(table.c.message_id == id_)
