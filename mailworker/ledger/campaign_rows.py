"""Campaigns, and the messages that our own lane made of them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, update

from mailworker.core.lane import Lane
from mailworker.core.settlement import Settlement
from mailworker.core.states import State
from mailworker.ledger.bulk_insert import insert_rows
from mailworker.ledger.contact_tables import campaigns
from mailworker.ledger.run_query import Row, all_rows, any_row, count_rows, first_row
from mailworker.ledger.settle_messages import settle
from mailworker.ledger.tables import in_state, messages
from mailworker.rules.campaign_rules import NOT_ASKED, NOT_SENT, UNFINISHED, key_of
from mailworker.rules.delivery_rates import figures_of

_C = campaigns.c
#: States in which a message of a campaign has still something before it.
_OPEN = ("accepted", "rendering", "ready", "sending", "unknown", "held")


def add(connection: Connection, row: Row) -> None:
    """Write a new campaign."""
    insert_rows(connection, campaigns, [row])


def find(connection: Connection, name: str) -> Row | None:
    """The campaign of this name, or of this id."""
    query = select(campaigns).where((_C.name == name) | (_C.id == name))
    return first_row(connection, query.order_by(_C.name == name))


def names(connection: Connection) -> list[str]:
    """Every campaign's name."""
    return list(connection.execute(select(_C.name)).scalars())


def latest(connection: Connection, *, limit: int) -> list[Row]:
    """Campaigns, the youngest first."""
    return all_rows(connection, select(campaigns).order_by(_C.created_at.desc()).limit(limit))


def stopped(connection: Connection) -> list[Row]:
    """Campaigns that could not go on, or not begin when their time came, with why; the oldest first."""
    halted = _C.state.in_(("paused", "draft")) & (_C.note.is_not(None)) & (_C.note != UNFINISHED)
    waits = (_C.state == "scheduled") & (_C.note.startswith(NOT_ASKED) | _C.note.startswith(NOT_SENT))
    query = select(_C.name, _C.state, _C.note).where(halted | waits)
    return all_rows(connection, query.order_by(_C.changed_at))


def move(connection: Connection, id_: str, expected: str, target: str, *, now: datetime, **more: Any) -> bool:
    """Change a campaign's state, if it still is the expected one; give whether it was."""
    statement = update(campaigns).where(_C.id == id_, _C.state == expected)
    return connection.execute(statement.values(state=target, changed_at=now, **more)).rowcount > 0


def note(connection: Connection, id_: str, *, now: datetime, **values: Any) -> None:
    """Keep something about a campaign."""
    connection.execute(update(campaigns).where(_C.id == id_).values(changed_at=now, **values))


def in_progress(connection: Connection, way: str, now: datetime) -> list[Row]:
    """Campaigns of this way that are being sent, or whose time has come."""
    due = (_C.state == "scheduled") & (_C.send_at <= now)
    query = select(campaigns).where(_C.way == way, (_C.state == "sending") | due).order_by(_C.created_at)
    return all_rows(connection, query)


def lock(connection: Connection, id_: str) -> Row | None:
    """The campaign, while it is being sent, and nobody else's until the transaction ends."""
    query = select(campaigns).where(_C.id == id_, _C.state == "sending").with_for_update()
    return first_row(connection, query)


def written_to(connection: Connection, campaign_id: str, emails: Collection[str]) -> set[str]:
    """Of these addresses, those that a campaign has written a message to."""
    query = select(messages.c.to_canonical).where(messages.c.to_canonical.in_(emails), *_of(campaign_id))
    return set(connection.execute(query).scalars())


def waiting_in_bulk(connection: Connection, *, at_most: int) -> int:
    """How many messages of the bulk lane could go now; counted up to `at_most`."""
    ready = select(messages.c.id).where(in_state("ready"), messages.c.lane == int(Lane.BULK)).limit(at_most)
    return count_rows(connection, ready.subquery())


def anything_open(connection: Connection, campaign_id: str) -> bool:
    """Whether a message of this campaign is not final yet."""
    query = select(messages.c.id).where(messages.c.state.in_(_OPEN), *_of(campaign_id))
    return any_row(connection, query)


def shift(
    connection: Connection, campaign_id: str, old: State, new: State, *, why: str, now: datetime
) -> int:
    """Move all of a campaign's messages of one state to another; gives how many moved."""
    query = select(messages.c.id).where(messages.c.state == str(old), *_of(campaign_id)).limit(1000)
    moved = 0
    while True:
        again = [Settlement(id_, new, why) for id_ in connection.execute(query).scalars()]
        changed = settle(connection, again, now=now, expected=old)
        moved += len(changed)
        if not changed:
            return moved


def figures(connection: Connection, campaign_id: str) -> dict[str, int]:
    """How many of a campaign's messages stand where, and what became of the sent ones."""
    query = select(messages.c.state, messages.c.delivery, func.count()).where(*_of(campaign_id))
    tallies = connection.execute(query.group_by(messages.c.state, messages.c.delivery)).all()
    found: dict[str, int] = {}
    for state, _, count in tallies:
        found[state] = found.get(state, 0) + count
    became = figures_of((state, delivery or "", count) for state, delivery, count in tallies)
    return found | {name: count for name, count in became.counts().items() if count}


def waiting(found: Mapping[str, int]) -> int:
    """Of a campaign's figures those messages that have still something before them."""
    return sum(found.get(state, 0) for state in _OPEN)


def _of(campaign_id: str) -> Sequence[ColumnElement[bool]]:
    """The campaign's messages: a range of keys, which an index finds; `;` follows `:`."""
    start, end = key_of(campaign_id, ""), f"campaign:{campaign_id};"
    return messages.c.idempotency_key >= start, messages.c.idempotency_key < end
