"""Which days a document or a row can mean: none so far out that reckoning with it leaves the calendar."""

from datetime import date
from typing import TypeVar

Day = TypeVar("Day", bound=date)

#: Old contracts begin last century; nobody's term ends after these.
EARLIEST_YEAR, LATEST_YEAR = 1900, 2200


def within_calendar(day: Day) -> Day:
    """The same day or moment. ValueError where its year cannot be meant, as in 0001 and 9999."""
    if not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
        raise ValueError(f"is not between the years {EARLIEST_YEAR} and {LATEST_YEAR}")
    return day
