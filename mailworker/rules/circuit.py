"""May a call leave for Mailjet, and how much may it carry, seeing how the last ones fared?

A circuit breaker for the whole installation. While answers come, calls overlap as far as Mailjet's usual
answer time needs it, no further. After a call whose outcome nobody saw, one message at a time finds out
whether Mailjet is back, after growing pauses; then calls grow in steps. So an outage leaves the messages of
one call in doubt, and one more for each try.
"""

import math
from dataclasses import dataclass, replace

#: What a call carries once Mailjet answers, after a rest of ours, and after a look-up that found a message.
FULL = 50
AFTER_REST = 20
AFTER_FOUND = 10
#: Each answered call lets the next one be so many times as large.
GROWTH = 5
#: After so long without an answer nobody knows any more how Mailjet is. Seconds.
REST = 10.0
#: An answer that takes this many times the usual time, but at least so many seconds, is silence.
SLOW_FACTOR = 4.0
SILENCE = 3.0
LONGEST_SILENCE = 20.0
#: The longest pause between two tries, in seconds: so long at the most nobody notices that Mailjet is back.
LONGEST_PAUSE = 90.0
#: A call whose end nobody reported for so long had a worker that died. Seconds.
FORGOTTEN = 180.0
#: A clock that is so many seconds behind was set back.
CLOCK_STEP = 1.0
#: Whoever waits for a call under way asks again so soon. Seconds.
SOON = 0.05
#: How much a new answer time counts against the usual one.
_WEIGHT = 0.2
#: From this many failures in a row on, it is an outage: the operator is told.
OUTAGE = 2
#: After so many tries into silence, too, whose own outcome is not known yet.
SILENT_OUTAGE = 4


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A call that has left, and when, in seconds since 1970."""

    call_id: str
    since: float
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class Circuit:
    """What all workers know of Mailjet's health. Moments are seconds since 1970, by one clock.

    `failures` counts calls without an answer, in a row, tries included. `open_since` is when that became an
    outage, and `reason` why. `latency` is the usual answer time in seconds, `noted_at` when this was noted.
    """

    failures: int = 0
    step: int = FULL
    next_try: float = 0.0
    open_since: float | None = None
    reason: str = ""
    answered_at: float = 0.0
    latency: float = 0.0
    under_way: tuple[UnderWay, ...] = ()
    noted_at: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether Mailjet is out of order, as far as we see."""
        return self.open_since is not None


@dataclass(frozen=True, slots=True)
class Clearance:
    """How many messages a call may carry now, or in how many seconds it is worth asking again.

    `is_probe`: it finds out whether Mailjet is back, so it should carry what does the least harm in doubt.
    """

    messages: int = FULL
    is_probe: bool = False
    wait: float = 0.0


def by_this_clock(circuit: Circuit, now: float) -> Circuit:
    """The same where the clock went on; where it was set back, what lies ahead of it counts as now.

    Else a pause would last until the clock is there again, and a call under way would never grow old.
    """
    if circuit.noted_at <= now + CLOCK_STEP:
        return circuit
    return replace(
        circuit,
        next_try=min(circuit.next_try, now),
        open_since=None if circuit.open_since is None else min(circuit.open_since, now),
        answered_at=min(circuit.answered_at, now),
        under_way=(),
        noted_at=now,
    )


def clearance(circuit: Circuit, now: float, pace: float) -> Clearance:
    """What may leave now. `pace` is how many seconds the rate limit puts between two calls."""
    if circuit.failures:
        wait = circuit.next_try - now
        return Clearance(1, is_probe=True) if wait <= 0 else Clearance(0, is_probe=True, wait=wait)
    unanswered = [one.since for one in circuit.under_way if one.since > circuit.answered_at]
    rested = now - circuit.answered_at > max(REST, 3 * circuit.latency)
    if len(unanswered) < _overlap(circuit, pace, careful=rested or circuit.step < FULL):
        return Clearance(min(circuit.step, AFTER_REST) if rested else circuit.step)
    if now - min(unanswered) > _silence(circuit):
        return Clearance(1, is_probe=True)
    return Clearance(0, wait=SOON)


def enter(circuit: Circuit, call_id: str, now: float, pace: float) -> tuple[Circuit, Clearance]:
    """Let a call leave if it may."""
    cleared = clearance(circuit, now, pace)
    if cleared.wait > 0:
        return circuit, cleared
    going = UnderWay(call_id, now, cleared.is_probe)
    known = tuple(one for one in circuit.under_way if now - one.since < FORGOTTEN)
    circuit = replace(circuit, under_way=(*known, going))
    if not cleared.is_probe:
        return circuit, cleared
    failures = max(circuit.failures, 1) + 1
    circuit = replace(circuit, failures=failures, next_try=now + pause(failures))
    if failures >= SILENT_OUTAGE and not circuit.is_open:
        circuit = replace(circuit, open_since=now, reason="Mailjet does not answer.")
    return circuit, cleared


def left_out(circuit: Circuit, call_id: str) -> Circuit:
    """The call did not leave after all: nothing was learned."""
    return replace(circuit, under_way=tuple(one for one in circuit.under_way if one.call_id != call_id))


def answered(circuit: Circuit, call_id: str, now: float) -> Circuit:
    """Mailjet answered this call, whatever it said."""
    took = next((now - one.since for one in circuit.under_way if one.call_id == call_id), None)
    latency = circuit.latency
    if took is not None:
        latency = latency + _WEIGHT * (took - latency) if latency else took
    return replace(
        left_out(circuit, call_id),
        failures=0,
        step=min(FULL, circuit.step * GROWTH),
        open_since=None,
        reason="",
        answered_at=now,
        latency=latency,
    )


def unanswered(circuit: Circuit, call_id: str, now: float, reason: str, retry_after: float = 0.0) -> Circuit:
    """Nobody saw this call's outcome, or it could not leave: one message at a time from now on."""
    failures = max(circuit.failures, 1)
    known = left_out(circuit, call_id)
    next_try = max(circuit.next_try, now + retry_after)
    opens = not circuit.is_open and failures >= OUTAGE
    return replace(
        known,
        failures=failures,
        step=1,
        next_try=next_try,
        open_since=now if opens else circuit.open_since,
        reason=reason if opens or circuit.is_open else circuit.reason,
    )


def open_for(circuit: Circuit, now: float) -> float:
    """For how many seconds Mailjet has been out of order, more than 0.0 if it is at all."""
    return 0.0 if circuit.open_since is None else max(now - circuit.open_since, 0.001)


def found(circuit: Circuit) -> Circuit:
    """A look-up showed that Mailjet took what it did not answer: it works, only its answers get lost."""
    if not circuit.failures:
        return circuit
    return replace(circuit, failures=0, step=AFTER_FOUND)


def pause(failures: int) -> float:
    """Seconds until the next try: none after the first failure, then 2, 4, 8 ... up to LONGEST_PAUSE."""
    return 0.0 if failures <= 1 else min(LONGEST_PAUSE, 2.0 ** min(failures - 1, 10))


def _overlap(circuit: Circuit, pace: float, *, careful: bool) -> int:
    """How many calls may be without an answer at once: as many as leave in one and a half answer times."""
    return 1 if careful else 1 + math.floor(1.5 * circuit.latency / pace)


def _silence(circuit: Circuit) -> float:
    return min(max(SILENCE, SLOW_FACTOR * circuit.latency), LONGEST_SILENCE)
