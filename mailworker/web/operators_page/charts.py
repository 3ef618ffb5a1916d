"""Bars of the operators' pages, as numbers for an SVG: no script, no style in the markup."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from mailworker.ledger.hourly_statistics import HourlyTally

#: Height of the tallest bar, and width and gap of each, in the SVG's own units.
HEIGHT, WIDTH, GAP = 100, 18, 6
_TONES = {"sent": "good", "failed": "bad"}


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a bar: what came to this state."""

    tone: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class ChartBar:
    """One hour: its label, how many came to which end, its parts from the bottom up."""

    x: int
    label: str
    counts: tuple[tuple[str, int], ...]
    parts: tuple[Segment, ...]


def bars_by_hour(
    found: Iterable[HourlyTally], *, now: datetime, hours: int, zone: ZoneInfo
) -> list[ChartBar]:
    """A bar for each of the last hours, the present one last; empty hours are bars without parts."""
    by_hour: dict[datetime, dict[str, int]] = {}
    for one in found:
        counts = by_hour.setdefault(one.hour, {})
        counts[_tone(one.state)] = counts.get(_tone(one.state), 0) + one.messages
    newest = now.replace(minute=0, second=0, microsecond=0)
    moments = [newest - timedelta(hours=back) for back in range(hours - 1, -1, -1)]
    tallest = max((sum(by_hour.get(at, {}).values()) for at in moments), default=0)
    return [_bar(number, at, by_hour.get(at, {}), tallest, zone) for number, at in enumerate(moments)]


def _tone(state: str) -> str:
    return _TONES.get(state, "other")


def _bar(number: int, at: datetime, counts: dict[str, int], tallest: int, zone: ZoneInfo) -> ChartBar:
    parts, y = [], float(HEIGHT)
    for tone in ("good", "other", "bad"):
        if counts.get(tone):
            # What failed must be seen, however few they are beside what was sent.
            height = max(HEIGHT * counts[tone] / tallest, 2.0)
            y -= height
            parts.append(Segment(tone, round(max(y, 0.0), 2), round(height, 2)))
    words = {"good": "sent", "other": "stopped", "bad": "failed"}
    shown = tuple((words[tone], counts[tone]) for tone in words if counts.get(tone))
    label = at.astimezone(zone).strftime("%H:%M")
    return ChartBar(number * (WIDTH + GAP), label, shown, tuple(parts))
