"""How long the oldest of each line of the overview has waited, on Redis or in the ledger."""

from dataclasses import dataclass
from datetime import timedelta

from mailworker.core.age_in_words import age
from mailworker.core.lane import Lane
from mailworker.observability.prometheus_exposition import Figures
from mailworker.rules.late_after import LATE, STREAM_LATE, STUCK


@dataclass(frozen=True, slots=True)
class OldestWaiting:
    """An age in words, empty where nothing waits, and whether the doctor calls it a fault."""

    age: str
    late: bool


def oldest_waiting(figures: Figures) -> dict[str, OldestWaiting]:
    """By lane; of `render`, messages that wait for their PDF; of `events` and `contacts`."""
    rendering = max(figures.oldest_in_state.get(state, 0.0) for state in ("accepted", "rendering"))
    in_ledger = {lane.word: (figures.oldest_ready.get(lane.word, 0.0), LATE[lane]) for lane in Lane}
    in_ledger |= {"render": (rendering, STUCK), "contacts": (figures.oldest_contact, LATE[Lane.NORMAL])}
    found = {}
    for line in (*in_ledger, "events"):
        seconds, limit = in_ledger.get(line, (0.0, STREAM_LATE))
        on_redis = figures.oldest_entry.get(line, 0.0)
        late = timedelta(seconds=seconds) > limit or timedelta(seconds=on_redis) > STREAM_LATE
        oldest = timedelta(seconds=max(seconds, on_redis))
        found[line] = OldestWaiting(age(oldest) if oldest else "", late)
    return found
