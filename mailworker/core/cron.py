"""When is a scan due? A crontab line in the operator's zone, or a plain interval."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

#: cronsim's names of the fields, ours, and what may stand in them.
_FIELDS = {
    "minute": ("minute", "0 to 59"),
    "hour": ("hour", "0 to 23"),
    "day-of-month": ("day of month", "1 to 31"),
    "month": ("month", "1 to 12"),
    "day-of-week": ("weekday", "0 to 7"),
}
#: Clocks are put back by no more than this: who asks in the repeated hour must not get the hour before.
_CLOCK_CHANGE = timedelta(hours=3)
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Crontab:
    """Minutes, hours, days and months as crontab(5) reads them; `text` is as it was written.

    Where day of month and weekday are both restricted, a day that fits either of them will do. A time that
    the clocks' change leaves out comes when the change has passed, and a time of day that comes twice counts
    once (Debian's cron, cron(8)).
    """

    text: str

    def latest(self, now: datetime, zone: ZoneInfo) -> datetime:
        """The last moment, up to and including `now`, at which it was time; in UTC."""
        return next(
            moment for moment in self._moments(now + _CLOCK_CHANGE, zone, reverse=True) if moment <= now
        )

    def following(self, now: datetime, zone: ZoneInfo) -> datetime:
        """The first moment after `now` at which it is time; in UTC."""
        return next(moment for moment in self._moments(now - _CLOCK_CHANGE, zone) if moment > now)

    def _moments(self, start: datetime, zone: ZoneInfo, *, reverse: bool = False) -> Iterator[datetime]:
        for moment in CronSim(self.text, start.astimezone(zone), reverse):
            yield moment.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Every:
    """At moments that are one interval apart, counted from 1970 so that all hosts agree."""

    text: str
    interval: timedelta

    def latest(self, now: datetime, zone: ZoneInfo) -> datetime:  # noqa: ARG002 - the same in all zones
        """The last such moment, up to and including `now`; in UTC."""
        return _EPOCH + (now - _EPOCH) // self.interval * self.interval

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
    made = Crontab(" ".join(parts))
    try:
        CronSim(made.text, _EPOCH)
    except CronSimError as fault:
        raise ValueError(_sentence(str(fault), parts)) from None
    return made


def _sentence(fault: str, parts: list[str]) -> str:
    name, may_be = _FIELDS[fault.removeprefix("Bad ")]
    if name == "day of month":
        with suppress(CronSimError):
            CronSim(f"0 0 {parts[2]} 1 *", _EPOCH)  # January has them all
            return "names a day that never comes"
    return f"{name} must be {may_be}, as *, 5, 1-5, */15 or 1,15"
