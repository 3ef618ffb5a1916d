"""What may be claimed while something is held?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

#: The scope of a hold on all mail; any other scope is a kind's name, or a lane's behind this prefix.
EVERYTHING = "*"
LANE_PREFIX = "lane:"


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing in `scope` (a kind's name, `lane:` with a lane's, or EVERYTHING) leaves.

    But for one message at `probe_at`: it finds out whether the cause is gone. None: a person must release it.
    """

    scope: str
    reason: str
    since: datetime
    probe_at: datetime | None
    probes: int


def hold_on(holds: Iterable[Hold], kind: str, lane: str) -> Hold | None:
    """The hold that keeps a message of this kind and lane where it is; None where nothing does."""
    scopes = {EVERYTHING, kind, LANE_PREFIX + lane}
    return next((hold for hold in holds if hold.scope in scopes), None)


@dataclass(frozen=True, slots=True)
class ClaimPlan:
    """What the next claim may take.

    `stopped`: nothing at all. `probe`: the scope of a hold to try out with a single message. `held`: kinds to
    leave where they are. `lanes`: the words of lanes to leave alone, also for a probe.
    """

    stopped: bool = False
    probe: str | None = None
    held: frozenset[str] = frozenset()
    lanes: frozenset[str] = frozenset()


def plan_claim(holds: Sequence[Hold], now: datetime) -> ClaimPlan:
    """Leave alone what is held; try a hold whose probe is due with one message before anything else goes."""
    due = [hold.scope for hold in holds if hold.probe_at is not None and hold.probe_at <= now]
    scopes = frozenset(hold.scope for hold in holds)
    held = frozenset(scope for scope in scopes if not scope.startswith(LANE_PREFIX))
    lanes = frozenset(scope.removeprefix(LANE_PREFIX) for scope in scopes - held)
    if EVERYTHING in held:
        probe = EVERYTHING if EVERYTHING in due else None
        return ClaimPlan(stopped=probe is None, probe=probe, lanes=lanes)
    return ClaimPlan(probe=due[0] if due else None, held=held, lanes=lanes)
