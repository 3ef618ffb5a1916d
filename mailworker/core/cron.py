"""When is a scan due? A crontab line in the operator's zone, or a plain interval."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_NAMES = {name: str(n) for n, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
_PART = re.compile(r"^(\*|(\d+)(?:-(\d+))?)(?:/(\d+))?$")
_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("weekday", 0, 7))

#: 29 February may be eight years away, when a century's end lies between.
_FARTHEST_DAYS = 366 * 8 + 2


@dataclass(frozen=True, slots=True)
class Crontab:
    """Minutes, hours, days and months as crontab(5) reads them; Sunday is 0. `text` is as it was written.

    Where day of month and weekday are both restricted, a day that fits either of them will do.
    """

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def latest(self, now: datetime, zone: ZoneInfo) -> datetime:
        """The last moment, up to and including `now`, at which it was time; in UTC.

        A time that the clocks' change leaves out comes when the change has passed, and one that comes twice
        counts once.
        """
        return next(moment for moment in self._moments(now, zone, -1) if moment <= now)

    def following(self, now: datetime, zone: ZoneInfo) -> datetime:
        """The first moment after `now` at which it is time; in UTC."""
        return next(moment for moment in self._moments(now, zone, 1) if moment > now)

    def comes(self) -> bool:
        """Whether there is any day that it names; 30 February is none."""
        return any(self._fits(date(2096, 1, 1) + timedelta(days=n)) for n in range(_FARTHEST_DAYS))

    def _moments(self, now: datetime, zone: ZoneInfo, direction: int) -> Iterator[datetime]:
        today = now.astimezone(zone).date()
        # One day on the other side first: a change of clocks may move a time over midnight.
        for n in range(-1, _FARTHEST_DAYS):
            day = today + timedelta(days=n * direction)
            if self._fits(day):
                yield from sorted(self._of(day, zone), reverse=direction < 0)

    def _of(self, day: date, zone: ZoneInfo) -> set[datetime]:
        times = (time(hour, minute) for hour in self.hours for minute in self.minutes)
        return {datetime.combine(day, at, tzinfo=zone).astimezone(UTC) for at in times}

    def _fits(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_date, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        either = len(self.days) < 31 and len(self.weekdays) < 7
        return by_date or by_weekday if either else by_date and by_weekday


@dataclass(frozen=True, slots=True)
class Every:
    """At moments that are one interval apart, counted from 1970 so that all hosts agree."""

    text: str
    interval: timedelta

    def latest(self, now: datetime, zone: ZoneInfo) -> datetime:  # noqa: ARG002 - the same in all zones
        """The last such moment, up to and including `now`; in UTC."""
        start = datetime.fromtimestamp(0, UTC)
        return start + (now - start) // self.interval * self.interval

    def following(self, now: datetime, zone: ZoneInfo) -> datetime:
        """The first such moment after `now`; in UTC."""
        return self.latest(now, zone) + self.interval


Timetable = Crontab | Every


def read_crontab(text: str) -> Crontab:
    """Read `0 6 * * mon-fri`: minute, hour, day of month, month, weekday.

    Raises ValueError with a sentence.
    """
    parts = text.lower().split()
    if len(parts) != len(_FIELDS):
        raise ValueError('is not a schedule: write "0 6 * * *" (minute hour day month weekday), or 15m')
    read = [_values(part, *field) for part, field in zip(parts, _FIELDS, strict=True)]
    minutes, hours, days, months, weekdays = read
    made = Crontab(" ".join(parts), minutes, hours, days, months, frozenset(day % 7 for day in weekdays))
    if not made.comes():
        raise ValueError("names a day that never comes")
    return made


def _values(part: str, name: str, lowest: int, highest: int) -> frozenset[int]:
    if name == "weekday":
        part = re.sub("|".join(_NAMES), lambda found: _NAMES[found[0]], part)
    found: set[int] = set()
    for piece in part.split(","):
        match = _PART.match(piece)
        first, last, step = _bounds(match, lowest, highest) if match else (1, 0, 1)
        if not (lowest <= first <= last <= highest and step):
            raise ValueError(f"{name} must be {lowest} to {highest}, as *, 5, 1-5, */15 or 1,15")
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _bounds(match: re.Match[str], lowest: int, highest: int) -> tuple[int, int, int]:
    step = int(match[4] or 1)
    if match[1] == "*":
        return lowest, highest, step
    first = int(match[2])
    return first, int(match[3] or (highest if match[4] else first)), step
