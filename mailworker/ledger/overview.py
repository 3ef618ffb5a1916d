"""What an operator looks at: how much stands where, what went wrong, and one message's whole story.

Every question here is answered from an index, however many messages were sent long ago.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from mailworker.ledger.books import Books
from mailworker.ledger.tables import (
    NOT_SENT,
    attempts,
    events,
    in_state,
    messages,
    rejected_jobs,
    suppressions,
    timeline,
)
from mailworker.message import Lane
from mailworker.rules.stand_in import stand_in
from mailworker.states import State

Row = Mapping[str, Any]

_LINE = (
    messages.c.id,
    messages.c.kind,
    messages.c.lane,
    messages.c.state,
    messages.c.delivery,
    messages.c.to_email,
    messages.c.reason,
    messages.c.attempts,
    messages.c.accepted_at,
    messages.c.changed_at,
)


def counted_books(connection: Connection) -> Books:
    """All messages by state: the few that were not sent are counted, the rest was."""
    query = select(messages.c.state, func.count()).where(NOT_SENT).group_by(messages.c.state)
    by_state = {State(state): count for state, count in connection.execute(query)}
    total = connection.execute(select(func.count()).select_from(messages)).scalar_one()
    return Books(by_state | {State.SENT: total - sum(by_state.values())})


def changed_since(connection: Connection, since: datetime) -> dict[State, int]:
    """Messages by the state that they came to since this moment."""
    query = select(messages.c.state, func.count()).where(messages.c.changed_at >= since)
    return {State(state): count for state, count in connection.execute(query.group_by(messages.c.state))}


def ready_since(connection: Connection, now: datetime) -> dict[Lane, datetime]:
    """For each lane with messages that could go now: since when its oldest could."""
    found = {lane: connection.execute(_oldest(lane, now)).scalar() for lane in Lane}
    return {lane: since for lane, since in found.items() if since is not None}


def _oldest(lane: Lane, now: datetime) -> Select[Any]:
    return (
        select(messages.c.not_before)
        .where(in_state("ready"), messages.c.lane == int(lane), messages.c.not_before <= now)
        .order_by(messages.c.not_before, messages.c.id)
        .limit(1)
    )


def waiting_by_lane(connection: Connection) -> dict[Lane, int]:
    """How many messages are ready in each lane."""
    query = select(messages.c.lane, func.count()).where(in_state("ready")).group_by(messages.c.lane)
    return {Lane(lane): count for lane, count in connection.execute(query)}


def latest_in(connection: Connection, state: State, limit: int) -> list[Row]:
    """The messages that came to this state last; not for `sent`, which has no such index."""
    query = select(*_LINE).where(NOT_SENT, messages.c.state == str(state))
    return _rows(connection, query.order_by(messages.c.changed_at.desc()).limit(limit))


def search(connection: Connection, text: str, limit: int) -> list[Row]:
    """Messages with this id or idempotency key, customer, or recipient, the newest first."""
    local, at, domain = text.rpartition("@")
    addresses = {local + at + domain.lower(), text.lower(), stand_in(text)}
    found: dict[str, Row] = {}
    for where in (
        messages.c.id == text.lower(),
        messages.c.idempotency_key == text,
        messages.c.to_email.in_(addresses),
        messages.c.customer_id == text,
    ):
        query = select(*_LINE).where(where).order_by(messages.c.accepted_at.desc()).limit(limit)
        found |= {row["id"]: row for row in _rows(connection, query)}
    return sorted(found.values(), key=lambda row: row["accepted_at"], reverse=True)[:limit]


@dataclass(frozen=True, slots=True)
class Story:
    """One message with everything that happened to it."""

    message: Row
    timeline: list[Row]
    attempts: list[Row]
    events: list[Row]
    suppressed: str | None


def story(connection: Connection, id_: str) -> Story | None:
    """The message's whole story, or None where there is no such message."""
    found = _rows(connection, select(messages).where(messages.c.id == id_))
    if not found:
        return None
    email = (found[0]["to_email"] or "").lower()
    listed = select(suppressions.c.reason).where(suppressions.c.email.in_([email, stand_in(email)]))
    return Story(
        found[0],
        _rows(connection, select(timeline).where(timeline.c.message_id == id_).order_by(timeline.c.at)),
        _rows(connection, select(attempts).where(attempts.c.message_id == id_).order_by(attempts.c.id)),
        _rows(connection, select(events).where(events.c.message_id == id_).order_by(events.c.at)),
        connection.execute(listed).scalar(),
    )


def latest_rejections(connection: Connection, limit: int) -> list[Row]:
    """Jobs that could not become messages, the newest first, without what they contained."""
    columns = (rejected_jobs.c.at, rejected_jobs.c.source, rejected_jobs.c.kind, rejected_jobs.c.faults)
    return _rows(connection, select(*columns).order_by(rejected_jobs.c.id.desc()).limit(limit))


def _rows(connection: Connection, query: Select[Any]) -> list[Row]:
    return [dict(row) for row in connection.execute(query).mappings()]
