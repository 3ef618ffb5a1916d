"""Counts by hour, kind and fate, kept beside the messages: cheap to read, and there when they are gone.

An hour is counted anew as long as its messages may still change (`SETTLES`), then left as it is.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import Connection, delete, select

from mailworker.ledger.bulk_insert import insert_rows
from mailworker.ledger.campaign_statistics import campaign_figures, campaign_tallies, roll_up_campaigns
from mailworker.ledger.message_counts import ended_in_hour
from mailworker.ledger.tables import messages, statistics
from mailworker.rules.delivery_rates import MailFigures, figures_of

#: Events about a mail come within days; what comes later changes no count any more.
SETTLES = timedelta(days=7)
#: Within so long every hour was rolled up again after its end.
ROLLED_UP = timedelta(minutes=6)
_HOUR = timedelta(hours=1)


class HourlyTally(NamedTuple):
    """So many messages of a kind came to this state in this hour; `delivery` is empty where no event came."""

    hour: datetime
    kind: str
    state: str
    delivery: str
    messages: int


def roll_up(connection: Connection, *, since: datetime, now: datetime) -> None:
    """Count the hours from `since` to `now` anew."""
    hours = list(_hours(since, now))
    rows = [row for hour in hours for row in _count(connection, hour)]
    roll_up_campaigns(connection, hours)
    connection.execute(delete(statistics).where(statistics.c.hour >= _whole(since)))
    insert_rows(connection, statistics, [row._asdict() for row in rows])


def tallies(
    connection: Connection, *, since: datetime, until: datetime, kind: str | None = None
) -> list[HourlyTally]:
    """What was counted between these moments, hour by hour."""
    query = select(*[statistics.c[name] for name in HourlyTally._fields])
    query = query.where(statistics.c.hour >= _whole(since), statistics.c.hour < until)
    if kind is not None:
        query = query.where(statistics.c.kind == kind)
    return [HourlyTally(*row) for row in connection.execute(query.order_by(statistics.c.hour))]


def current_tallies(
    connection: Connection, *, since: datetime, now: datetime, kind: str | None = None
) -> list[HourlyTally]:
    """The same to this very moment: what the last roll-up cannot know yet is counted now."""
    live = _live_hours(since, now)
    kept = tallies(connection, since=since, until=live[0], kind=kind)
    counted = [row for hour in live for row in _count(connection, hour)]
    return kept + [row for row in counted if kind is None or row.kind == kind]


def current_campaigns(
    connection: Connection, *, since: datetime, now: datetime
) -> list[tuple[str, MailFigures]]:
    """Each campaign that wrote anything, to this very moment, the most sent first."""
    found = campaign_tallies(connection, since=_whole(since), live=_live_hours(since, now))
    return campaign_figures(connection, found)


def _live_hours(since: datetime, now: datetime) -> list[datetime]:
    """The hours that the last roll-up cannot know whole yet."""
    return list(_hours(max(_whole(since), _whole(now - ROLLED_UP)), now))


def figures_by_kind(found: Iterable[HourlyTally]) -> list[tuple[str, MailFigures]]:
    """Each kind with its figures, the most sent first; those that sent alike by their names."""
    by_kind = groupby(sorted(found, key=lambda one: one.kind), key=lambda one: one.kind)
    figures = [
        (kind, figures_of((one.state, one.delivery, one.messages) for one in own)) for kind, own in by_kind
    ]
    return sorted(figures, key=lambda one: -one[1].sent)


def _count(connection: Connection, hour: datetime) -> list[HourlyTally]:
    return [HourlyTally(hour, *row) for row in ended_in_hour(connection, hour, messages.c.kind)]


def _hours(since: datetime, now: datetime) -> Iterator[datetime]:
    hour = _whole(since)
    while hour <= now:
        yield hour
        hour += _HOUR


def _whole(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
