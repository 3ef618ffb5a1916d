"""On which days a customer is written to."""

from dataclasses import dataclass
from datetime import date

#: Monday is 0, as in `date.weekday()`.
EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class OpenDays:
    """The days on which mail may leave.

    `weekdays` counts Monday as 0. `holidays` are single dates; `yearly` are (month, day) of every year, where
    29 February simply does not come in most.
    """

    weekdays: frozenset[int] = EVERY_DAY
    holidays: frozenset[date] = frozenset()
    yearly: frozenset[tuple[int, int]] = frozenset()


ALWAYS = OpenDays()


def is_open(day: date, days: OpenDays) -> bool:
    """Whether mail may leave on this local day."""
    closed = day in days.holidays or (day.month, day.day) in days.yearly
    return not closed and day.weekday() in days.weekdays
