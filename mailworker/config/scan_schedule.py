"""`schedule:` of a scan: `"0 6 * * *"` in the operator's zone, or an interval such as 15m."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator

from mailworker.config.duration import parse_duration
from mailworker.core.cron import Crontab, Every, Timetable, read_crontab

_SHORTEST = timedelta(minutes=1)


def read_timetable(value: Any) -> Timetable:
    """A crontab line or an interval. Raises ValueError with a sentence."""
    if isinstance(value, Crontab | Every):
        return value
    if isinstance(value, str) and len(value.split()) > 1:
        return read_crontab(value)
    try:
        interval = parse_duration(value)
    except ValueError:
        raise ValueError(
            'is not a schedule: write "0 6 * * *" (minute hour day month weekday), or 15m'
        ) from None
    if interval < _SHORTEST:
        raise ValueError("must be a minute at least: beat looks once a minute whether a scan is due")
    return Every(str(value), interval)


Schedule = Annotated[Timetable, BeforeValidator(read_timetable)]
