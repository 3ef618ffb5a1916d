"""When a mail that is ready now may leave: outside quiet hours, on an open day, in the customer's zone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mailworker.rules.business_days import ALWAYS, OpenDays, is_open

#: A calendar that is closed for longer than this is a mistake, not a holiday.
_LONGEST_CLOSED = timedelta(days=400)
#: In such steps a lifetime is counted.
_STEP = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Quiet:
    """Quiet from `start` (inclusive) until `end` (exclusive), local wall-clock time, over midnight or not."""

    start: time
    end: time

    def covers(self, at: time) -> bool:
        """Whether this local time is a quiet one."""
        if self.start < self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end


@dataclass(frozen=True, slots=True)
class Hours:
    """All that decides when a customer is written to. `zone` is the operator's own."""

    zone: ZoneInfo
    quiet: Quiet | None = None
    days: OpenDays = ALWAYS

    def zone_of(self, name: str) -> ZoneInfo:
        """The customer's zone where known and real, else the operator's."""
        if not name:
            return self.zone
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return self.zone


def not_before(now: datetime, hours: Hours, zone_name: str = "") -> datetime:
    """The first moment from `now` on at which the mail may leave, in UTC.

    The clock's changes are no special case to the caller: an end that falls into the hour that spring leaves
    out is reached when that hour has passed, and one in the hour that autumn repeats is reached once.

    Raises ValueError where no day is open for more than a year.
    """
    zone = hours.zone_of(zone_name)
    moment = now.astimezone(UTC)
    limit = moment + _LONGEST_CLOSED
    while moment < limit:
        local = moment.astimezone(zone)
        if not is_open(local.date(), hours.days):
            moment = _at(local.date() + timedelta(days=1), time(0), zone, moment)
        elif hours.quiet and hours.quiet.covers(local.time()):
            moment = _at(_end_day(local, hours.quiet), hours.quiet.end, zone, moment)
        else:
            return moment
    raise ValueError("No day is open for more than a year: look at weekdays and holidays.")


@lru_cache(maxsize=2_000)
def open_until(start: datetime, lifetime: timedelta, hours: Hours, zone_name: str = "") -> datetime:
    """When a mail that may leave from `start` on is of no use any more, in UTC.

    Only hours in which it may leave count, each begun one whole: what waits for Monday is still true then.
    """
    moment, left = not_before(start, hours, zone_name), lifetime
    while left > _STEP:
        moment = not_before(moment + _STEP, hours, zone_name)
        left -= _STEP
    return moment + left


def _end_day(local: datetime, quiet: Quiet) -> date:
    """The day on which the quiet time that covers `local` ends."""
    over_midnight = quiet.start >= quiet.end and local.time() >= quiet.start
    return local.date() + timedelta(days=1) if over_midnight else local.date()


def _at(day: date, wall: time, zone: ZoneInfo, after: datetime) -> datetime:
    """The moment at which clocks in `zone` show this, in UTC, and always later than `after`.

    A time that the zone skips counts as reached as much later as the clock jumped (PEP 495, fold 0).
    """
    first = datetime.combine(day, wall, tzinfo=zone).astimezone(UTC)
    if first > after:
        return first
    return datetime.combine(day, wall.replace(fold=1), tzinfo=zone).astimezone(UTC)


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """The date that clocks in `zone` show."""
    return moment.astimezone(zone).date()
