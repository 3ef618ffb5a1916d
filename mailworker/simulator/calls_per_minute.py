"""How many calls arrive in any sixty seconds: what is allowed, and what was seen."""

from collections import Counter, deque
from dataclasses import dataclass, field

#: Seconds. The manual page's limit is per minute; any sixty seconds count, not the clock's minutes.
WINDOW = 60.0


@dataclass(slots=True)
class SlidingCount:
    """Moments of the last sixty seconds, and the most that ever stood in such a window (t-60 < x <= t)."""

    moments: deque[float] = field(default_factory=deque)
    most: int = 0

    def now(self, moment: float) -> int:
        """The count in the window that ends now."""
        while self.moments and self.moments[0] <= moment - WINDOW:
            self.moments.popleft()
        return len(self.moments)

    def add(self, moment: float) -> None:
        """Note one more."""
        self.moments.append(moment)
        self.most = max(self.most, self.now(moment))


@dataclass(slots=True)
class CallMeter:
    """Counts every call at its arrival, over all endpoints together; `limit` 0 allows all."""

    limit: int
    arrived: SlidingCount = field(default_factory=SlidingCount)
    accepted: SlidingCount = field(default_factory=SlidingCount)
    refused: int = 0
    total: int = 0
    by_endpoint: Counter[str] = field(default_factory=Counter)
    first_at: float | None = None
    last_at: float | None = None

    def arrive(self, endpoint: str, moment: float) -> bool:
        """Note a call; False where it is over the limit and must be answered with 429."""
        self.total += 1
        self.by_endpoint[endpoint] += 1
        self.first_at = moment if self.first_at is None else self.first_at
        self.last_at = moment
        self.arrived.add(moment)
        if self.limit and self.accepted.now(moment) >= self.limit:
            self.refused += 1
            return False
        self.accepted.add(moment)
        return True
