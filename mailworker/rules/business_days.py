"""On which days a customer is written to."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

#: Monday is 0, as in `date.weekday()`.
EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class OpenDays:
    """The days on which mail may leave.

    `weekdays` counts Monday as 0. `holidays` are single dates; `yearly` are (month, day) of every year, where
    29 February simply does not come in most; `regions` are countries (`FR`), or parts of them (`FR-57`), with
    their public holidays.
    """

    weekdays: frozenset[int] = EVERY_DAY
    holidays: frozenset[date] = frozenset()
    yearly: frozenset[tuple[int, int]] = frozenset()
    regions: tuple[str, ...] = ()


ALWAYS = OpenDays()


def is_open(day: date, days: OpenDays) -> bool:
    """Whether mail may leave on this local day."""
    closed = day in days.holidays or (day.month, day.day) in days.yearly
    closed = closed or any(day in _public_holidays(region) for region in days.regions)
    return not closed and day.weekday() in days.weekdays


@lru_cache(maxsize=50)
def _public_holidays(region: str) -> Container[date]:
    """The calendar of a region; it works out each year when it is first asked for a day of it."""
    from holidays import country_holidays  # noqa: PLC0415 - a twentieth of a second, and few name a region

    country, _, part = region.partition("-")
    return country_holidays(country, subdiv=part or None)
