"""When may this mail go, and when is it too late?"""

from datetime import UTC, datetime
from typing import Any

#: Far from the ends of the calendar, where adding a kind's lifetime would leave it.
EARLIEST_YEAR, LATEST_YEAR = 2000, 2200


def read_moment(value: Any, where: str, faults: list[str]) -> datetime | None:
    """A moment from ISO 8601 text or an aware datetime, in UTC; adds a fault where it has no time zone."""
    if value is None:
        return None
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        faults.append(f"{where}: write a moment like 2026-11-30T09:00:00+01:00.")
        return None
    if moment.tzinfo is None:
        faults.append(f"{where}: needs its time zone, like 2026-11-30T09:00:00+01:00.")
        return None
    if not EARLIEST_YEAR < moment.year < LATEST_YEAR:
        faults.append(f"{where}: must lie between the years {EARLIEST_YEAR} and {LATEST_YEAR}.")
        return None
    return moment.astimezone(UTC)
