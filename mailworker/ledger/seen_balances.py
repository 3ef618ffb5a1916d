"""Balances that were seen: found by account, written so that two who see one at once keep both sights."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Any

from sqlalchemy import Column, Connection, delete, select, update

from mailworker.core.chunks import chunked
from mailworker.ledger.balance_tables import BASELINE, seen_balances
from mailworker.ledger.bulk_insert import insert_new
from mailworker.ledger.run_query import Row, all_rows, pairs
from mailworker.rules.balance_history import Reading, SeenBalance, first_sight, seen_again, taken_away

_DECIMALS = ("value", "highest", "level_after_top_up", "at_start")
#: Names and UUIDs longer than the columns are cut: the engine's own are short.
_LENGTHS = {"uuid": 120, "account": 120, "type": 60, "name": 200}
#: An expired balance is remembered so long after its end; one without end so long after it was last seen.
_KEEP_EXPIRED, _KEEP_UNSEEN = timedelta(days=60), timedelta(days=400)
_AT_ONCE = 500
_BY_UUID = attrgetter("uuid")

Seen = Mapping[str, list[SeenBalance]]


def seen_of(connection: Connection, accounts: Collection[str]) -> Seen:
    """All balances of these accounts that were ever seen, by account."""
    found: defaultdict[str, list[SeenBalance]] = defaultdict(list)
    for one in _read(connection, seen_balances.c.account, accounts):
        found[one.account].append(one)
    return found


def accounts_of(connection: Connection, uuids: Collection[str]) -> dict[str, str]:
    """The account of each of these balances, where it was ever seen."""
    query = select(seen_balances.c.uuid, seen_balances.c.account).where(seen_balances.c.uuid.in_(uuids))
    return pairs(connection, query)


def observe(
    connection: Connection, readings: Sequence[Reading], before: Seen, now: datetime, *, live: bool = False
) -> dict[str, SeenBalance]:
    """Write what is new of these balances, and give each as it is now, by UUID.

    `live`: the engine has just posted them, so that what is low is news even before the first scan's end.

    Where somebody else saw a balance meanwhile, his sight is read and ours is put on top of it.
    """
    known = {one.uuid: one for seen in before.values() for one in seen}
    # Always in the same order, so that no two writers wait for each other for ever.
    readings = sorted(readings, key=_BY_UUID)
    started = live or has_baseline(connection)
    fresh = [first_sight(one, now, started=started) for one in readings if one.uuid not in known]
    known |= _inserted(connection, fresh)
    return {one.uuid: _written(connection, known[one.uuid], one, now) for one in readings}


def note_taken_away(connection: Connection, absent: Iterable[SeenBalance], now: datetime) -> None:
    """Forget the end of balances that their accounts have no more."""
    for one in sorted(absent, key=_BY_UUID):
        if (after := taken_away(one, now)) is not one:
            _replaced(connection, one, after)  # else somebody sees it again


def has_baseline(connection: Connection) -> bool:
    """Whether this installation's first scan of balances has ended."""
    query = select(seen_balances.c.version).where(seen_balances.c.uuid == BASELINE)
    return connection.execute(query).scalar() == 1


def begin_baseline(connection: Connection, now: datetime) -> None:
    """Note that a first scan has begun; nothing where one did already."""
    row = _row(first_sight(Reading(BASELINE, "", "", "", Decimal(0)), now, started=True))
    insert_new(connection, seen_balances, [row])


def end_baseline(connection: Connection, now: datetime) -> None:
    """Note that the first scan has ended: balances that appear from here on are armed. Forget old ones."""
    mark = update(seen_balances).where(seen_balances.c.uuid == BASELINE, seen_balances.c.version == 0)
    connection.execute(mark.values(version=1, last_seen=now))
    old = (seen_balances.c.expires_at < now - _KEEP_EXPIRED) | (
        seen_balances.c.expires_at.is_(None) & (seen_balances.c.last_seen < now - _KEEP_UNSEEN)
    )
    connection.execute(delete(seen_balances).where(old, seen_balances.c.uuid != BASELINE))


def _inserted(connection: Connection, fresh: Sequence[SeenBalance]) -> dict[str, SeenBalance]:
    """These as they are in the ledger: ours, or those of whoever was first."""
    insert_new(connection, seen_balances, [_row(one) for one in fresh])
    uuids = [one.uuid for one in fresh]
    return {one.uuid: one for one in _read(connection, seen_balances.c.uuid, uuids)}


def _written(connection: Connection, before: SeenBalance, reading: Reading, now: datetime) -> SeenBalance:
    while True:
        after = seen_again(before, reading, now)
        if after is before or _replaced(connection, before, after):
            return after
        meanwhile = next(_read(connection, seen_balances.c.uuid, [before.uuid]), None)
        if meanwhile is None:
            return after
        before = meanwhile


def _replaced(connection: Connection, before: SeenBalance, after: SeenBalance) -> bool:
    """Whether this was still as before, and is now as after."""
    statement = update(seen_balances).where(
        seen_balances.c.uuid == before.uuid, seen_balances.c.version == before.version
    )
    return connection.execute(statement.values(**_row(after))).rowcount > 0


def _read(connection: Connection, column: Column[str], values: Collection[str]) -> Iterator[SeenBalance]:
    """The balances that have one of these values in this column."""
    for some in chunked(sorted(values), _AT_ONCE):
        for row in all_rows(connection, select(seen_balances).where(column.in_(some))):
            yield _seen(row)


def _row(seen: SeenBalance) -> dict[str, Any]:
    row = asdict(seen)
    row |= {name: None if row[name] is None else f"{row[name]:f}" for name in _DECIMALS}
    return row | {name: row[name][:length] for name, length in _LENGTHS.items()}


def _seen(row: Row) -> SeenBalance:
    exact = {name: None if row[name] is None else Decimal(row[name]) for name in _DECIMALS}
    return SeenBalance(**{**row, **exact})
