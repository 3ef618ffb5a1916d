"""Taking messages for one call, under a lease that others respect and that runs out by itself."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any

from sqlalchemy import Connection, Select, or_, select, update

from mailworker.core.lane import Lane
from mailworker.core.states import State
from mailworker.ledger.query_planner import in_index_order, still
from mailworker.ledger.run_query import Row, all_rows, any_row, pairs
from mailworker.ledger.tables import in_state, messages

#: More messages than this to one address do not go ahead of everybody else's in the urgent lane.
FAIR_SHARE = 5
_CANDIDATE = [
    messages.c[name] for name in ("id", "recipients", "content_bytes", "batch_limit", "to_canonical")
]

#: Picks from candidates, by id and in order, those that fit into one call.
Choose = Callable[[Sequence[Row]], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds messages, and until when. `token` fences: a holder who comes late changes nothing."""

    token: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Wish:
    """What to claim: how many at the most, kinds to leave alone, and the one kind to take, if only one.

    `lanes` are those to take from, the highest first. `most_bytes` leaves messages alone that weigh more.
    `lowest_first` turns the lanes' order round: for a call that is likely to fail.
    """

    limit: int
    held: Collection[str] = ()
    only: str | None = None
    lowest_first: bool = False
    lanes: Sequence[Lane] = tuple(Lane)
    most_bytes: int | None = None


def anything_ready(connection: Connection, now: datetime, lanes: Sequence[Lane], wish: Wish) -> bool:
    """Whether a claim would find something in these lanes."""
    in_index_order(connection)
    open_ones = [lane for lane in lanes if lane in wish.lanes]
    return any(any_row(connection, _ready(lane, now, wish)) for lane in open_ones)


def claim(connection: Connection, *, now: datetime, lease: Lease, wish: Wish, choose: Choose) -> list[Row]:
    """Lease ready messages, the highest lane first, the longest waiting first within it.

    `choose` picks from the candidates those that fit into one call. On PostgreSQL rows that another worker is
    just claiming are skipped; SQLite has one writer at a time.
    """
    candidates: list[Row] = []
    in_index_order(connection)
    for lane in reversed(wish.lanes) if wish.lowest_first else wish.lanes:
        if (missing := wish.limit - len(candidates)) > 0:
            candidates += _candidates(connection, lane, now, wish, missing)
    chosen = choose(candidates)
    if not chosen:
        return []
    change = {
        "state": State.SENDING,
        "lease": lease.token,
        "lease_until": lease.until,
        "called_at": None,
        "attempts": messages.c.attempts + 1,
        "changed_at": now,
    }
    statement = update(messages).where(messages.c.id.in_(chosen), still("ready")).values(change)
    return _in_order(all_rows(connection, statement.returning(*messages.c)), chosen)


def _candidates(connection: Connection, lane: Lane, now: datetime, wish: Wish, limit: int) -> list[Row]:
    """A lane's next messages. In the urgent lane many to one address come after everybody else's."""
    ready = _ready(lane, now, wish).with_for_update(skip_locked=True)
    found = all_rows(connection, ready.limit(limit))
    crowd: set[str] = set()
    while lane is Lane.URGENT and (more := _crowd(found) - crowd):
        crowd |= more
        elsewhere = or_(messages.c.to_canonical.is_(None), messages.c.to_canonical.not_in(crowd))
        others = all_rows(connection, ready.where(elsewhere).limit(limit))
        found = [*others, *(row for row in found if row["to_canonical"] in crowd)]
    return found[:limit]


def _crowd(rows: Sequence[Row]) -> set[str]:
    """The addresses that more than a fair share of these messages go to."""
    counts = Counter(row["to_canonical"] for row in rows if row["to_canonical"])
    return {name for name, count in counts.items() if count > FAIR_SHARE}


def _ready(lane: Lane, now: datetime, wish: Wish) -> Select[Any]:
    query = (
        select(*_CANDIDATE)
        .where(in_state("ready"), messages.c.lane == int(lane), messages.c.not_before <= now)
        .order_by(messages.c.not_before, messages.c.id)
    )
    if wish.most_bytes is not None:
        query = query.where(messages.c.content_bytes <= wish.most_bytes)
    if wish.only is not None:
        query = query.where(messages.c.kind == wish.only)
    return query.where(messages.c.kind.not_in(wish.held)) if wish.held else query


def begin_call(connection: Connection, lease: Lease, now: datetime) -> set[str]:
    """Write down that the call for this lease is about to leave, and give which messages are still ours.

    From here on a dead worker's messages are of unknown outcome; before, they simply become ready again.
    """
    statement = (
        update(messages)
        .where(messages.c.lease == lease.token, in_state("sending"), messages.c.lease_until > now)
        .values(called_at=now, last_call_at=now, lease_until=lease.until)
        .returning(messages.c.id)
    )
    return set(connection.execute(statement).scalars())


def held_by(connection: Connection, token: str) -> dict[str, int]:
    """The messages that this lease holds for a call, by id, with their attempts."""
    query = select(messages.c.id, messages.c.attempts).where(in_state("sending"), messages.c.lease == token)
    return pairs(connection, query)


def call_again_known(connection: Connection, calls: Mapping[str, datetime], lease: Lease) -> None:
    """Write down calls that the ledger had lost: these messages, which this lease holds, were in them."""
    for id_, moment in calls.items():
        held = update(messages).where(messages.c.id == id_, messages.c.lease == lease.token)
        connection.execute(held.values(called_at=moment, last_call_at=moment))


def claim_for_rendering(connection: Connection, *, now: datetime, lease: Lease, limit: int) -> list[Row]:
    """Lease accepted messages whose PDF has to be made, urgent ones first.

    One that was tried before comes alone: if it is what its worker died of, it takes no other along.
    """
    query = (
        select(messages.c.id, messages.c.attempts)
        .where(in_state("accepted"), messages.c.not_before <= now)
        .order_by(messages.c.not_before, messages.c.lane)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    in_index_order(connection)
    found = list(connection.execute(query))
    if not found:
        return []
    fresh = [row.id for row in takewhile(lambda row: not row.attempts, found)]
    ids = fresh or [found[0].id]
    statement = (
        update(messages)
        .where(messages.c.id.in_(ids), still("accepted"))
        .values(state=State.RENDERING, lease=lease.token, lease_until=lease.until, changed_at=now)
        .values(attempts=messages.c.attempts + 1)
    )
    return _in_order(all_rows(connection, statement.returning(*messages.c)), ids)


def release_unrendered(connection: Connection, ids: Sequence[str], *, lease: str, now: datetime) -> None:
    """Give back messages that were claimed for rendering and not looked at."""
    connection.execute(
        update(messages)
        .where(messages.c.id.in_(ids), in_state("rendering"), messages.c.lease == lease)
        .values(state=State.ACCEPTED, lease=None, lease_until=None, changed_at=now)
        .values(attempts=messages.c.attempts - 1)
    )


def claim_unknown(connection: Connection, *, now: datetime, lease: Lease, limit: int) -> list[Row]:
    """Take messages of unknown outcome whose look-up is due.

    Their next look-up moves to the lease's end at once, so that two reconcilers do not ask about the same
    ones; and one who comes back later than that changes nothing.
    """
    due = select(messages.c.id).where(in_state("unknown"), messages.c.not_before <= now)
    query = due.order_by(messages.c.not_before).limit(limit).with_for_update(skip_locked=True)
    in_index_order(connection)
    ids = list(connection.execute(query).scalars())
    if not ids:
        return []
    statement = (
        update(messages)
        .where(messages.c.id.in_(ids), still("unknown"))
        .values(not_before=lease.until, lease=lease.token, lookups=messages.c.lookups + 1)
    )
    return all_rows(connection, statement.returning(*messages.c))


def _in_order(rows: Sequence[Row], ids: Sequence[str]) -> list[Row]:
    """A statement returns the rows that it changes in any order."""
    return sorted(rows, key=lambda row: ids.index(row["id"]))
