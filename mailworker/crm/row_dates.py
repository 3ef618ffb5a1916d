"""Dates and moments as a row of the CRM has them, whose zone they mean, and ends that are a whole day."""

from datetime import MAXYEAR, UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from mailworker.core.calendar_range import within_calendar

#: A bare date here means "through that day": the moment is the midnight after it, where the customer lives.
THROUGH = {"expires_at", "ends_at"}
#: Staff choose a day for these; a column of dates with times keeps it as that day's first moment.
CHOSEN_DAYS = {"ends_at"}


def day_of(value: Any, zone: ZoneInfo) -> date:
    """A date, or the date of a moment in this zone. ValueError where no invoice means it."""
    return within_calendar(_any_day(value, zone))


def moment_of(value: Any, zone: ZoneInfo) -> datetime:
    """A moment in UTC; a bare date is its first moment in this zone, which clocks without one mean, too."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        value = datetime.combine(_any_day(value, zone), time(0))
    aware: datetime = value if value.tzinfo else value.replace(tzinfo=zone)
    return aware.astimezone(UTC)


def end_of(value: Any, zone: ZoneInfo, customers: ZoneInfo, *, midnight_is_day: bool) -> datetime | None:
    """When something ends, in UTC: after the whole day that is named, where the customer lives.

    A moment counts as it is; None for the last year of everybody's calendar, which stands for never.
    """
    if _is_never(value):
        return None
    day = _chosen_day(value, zone, midnight_is_day=midnight_is_day)
    if day is None:
        return moment_of(value, zone)
    return datetime.combine(day + timedelta(days=1), time(0), customers).astimezone(UTC)


def in_zone(value: Any, zone: ZoneInfo) -> Any:
    """A moment as clocks in this zone show it; anything else as it is."""
    if isinstance(value, str) and len(value) > 10:
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(zone).replace(tzinfo=None)
    return value


def _any_day(value: Any, zone: ZoneInfo) -> date:
    if isinstance(value, str):
        value = datetime.fromisoformat(value) if len(value) > 10 else date.fromisoformat(value)
    if isinstance(value, datetime):
        return (value.astimezone(zone) if value.tzinfo else value).date()
    if not isinstance(value, date):
        raise TypeError
    return value


def _chosen_day(value: Any, zone: ZoneInfo, *, midnight_is_day: bool) -> date | None:
    """The day that this value stands for; None of a moment."""
    bare = isinstance(value, str) and len(value) <= 10
    if bare or (isinstance(value, date) and not isinstance(value, datetime)):
        return _any_day(value, zone)
    local = moment_of(value, zone).astimezone(zone)
    return local.date() if midnight_is_day and local.time() == time(0) else None


def _is_never(value: Any) -> bool:
    """Whether a column that may not be empty says so: the last year of everybody's calendar."""
    return value.year == MAXYEAR if isinstance(value, date) else str(value).startswith(f"{MAXYEAR}-")
