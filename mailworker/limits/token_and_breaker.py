"""Both questions before a call: is a token free, and does the circuit breaker let it leave?"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mailworker.limits.rate_limit_by_lane import CallLane, Permit
from mailworker.rules.circuit_breaker import Clearance

#: Whoever waits for the breaker looks again at least this often, in seconds.
_NAP_SECONDS = 0.25
#: Who would have to wait longer than so many seconds goes, and comes back with the next wake-up.
LONGEST_WAIT = 1.0


class Tokens(Protocol):
    """Where tokens come from: the bucket of calls."""

    def take(
        self, lane: CallLane, *, patience: float, worth_waiting: Callable[[], bool] = ...
    ) -> Permit | None:
        """Wait for a token, so many seconds at most."""

    def give_back(self, permit: Permit) -> None:
        """Return a token whose call never left."""


class Gate(Protocol):
    """Who lets calls leave: the circuit breaker."""

    def wait(self, *, urgent: bool = False) -> float:
        """In how many seconds it is worth asking; 0.0: now."""

    def enter(self, call_id: str, *, urgent: bool = False) -> tuple[Clearance, str]:
        """Let a call leave if it may, and give an alarm for the operator, or nothing."""


@dataclass(frozen=True, slots=True)
class Admission:
    """A call that may leave, and what it may carry. `alarm` is for the operator, or empty."""

    permit: Permit
    clearance: Clearance
    alarm: str = ""


def admit(
    tokens: Tokens, gate: Gate, lane: CallLane, *, patience: float, worth_waiting: Callable[[], bool]
) -> Admission | None:
    """Wait until a call may leave, `patience` seconds at most; None when that did not come in time.

    The breaker is asked before the token, so that an outage spends none, and again with it in hand.
    """
    deadline = time.monotonic() + patience
    urgent = lane is CallLane.URGENT
    while True:
        wait = gate.wait(urgent=urgent)
        if wait <= 0:
            permit = tokens.take(
                lane, patience=max(deadline - time.monotonic(), 0), worth_waiting=worth_waiting
            )
            if permit is None:
                return None
            cleared, alarm = gate.enter(permit.call_id, urgent=urgent)
            wait = cleared.wait
            if wait <= 0:
                return Admission(permit, cleared, alarm)
            tokens.give_back(permit)
        left = deadline - time.monotonic()
        if wait > min(left, LONGEST_WAIT) or not worth_waiting():
            return None
        time.sleep(min(wait, left, _NAP_SECONDS))
