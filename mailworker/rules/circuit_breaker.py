"""May a call leave for Mailjet, and how much may it carry, seeing how the last ones fared?

A circuit breaker for the whole installation. No more messages than an operator chose are without an answer
at once: one full call's, as shipped. Where it is more, calls overlap as far as Mailjet's usual answer time
needs it. After a call whose outcome nobody saw, only questions leave, after growing pauses: calls that have
Mailjet check a mail and send nothing. Once one is answered, a single message tries; then calls grow with
what was answered. So an outage, however long, leaves in doubt what was under way when it began.
"""

import math
from dataclasses import dataclass, replace

from mailworker.core.mailjet_limits import MESSAGES_PER_CALL

#: What a call carries once Mailjet answers, after a rest of ours, and after a look-up that found messages.
FULL = MESSAGES_PER_CALL
AFTER_REST = 20
AFTER_FOUND = 10
#: A call carries at most this part of what was answered since the last failure, and at least one message: so
#: what a Mailjet that comes and goes leaves in doubt is a part of what it delivered.
TRUST = 0.25
_TRUSTED = round(FULL / TRUST)
#: So much is left of it when one call among answered ones stays silent.
_DISTRUST = 40
#: After so long without an answer nobody knows any more how Mailjet is. Seconds.
REST = 10.0
#: An answer that takes this many times the usual time, but at least so many seconds, is silence.
SLOW_FACTOR = 4.0
SILENCE = 3.0
LONGEST_SILENCE = 20.0
#: The longest pauses between two questions, and between two messages that try, in seconds.
LONGEST_PAUSE = 30.0
LONGEST_TRIAL_PAUSE = 90.0
#: A call whose end nobody reported for so long had a worker that died. Seconds.
FORGOTTEN = 180.0
#: A clock that is so many seconds behind was set back.
CLOCK_STEP = 1.0
#: Whoever waits for a call under way asks again so soon. Seconds.
SOON = 0.02
#: Where answers take longer, in seconds, so many of the messages that may be without one are urgent mail's
#: alone: it does not wait until a call of 50 others is answered.
SLOW = 0.75
URGENT_ROOM = 5
#: How much a new answer time counts against the usual one.
_WEIGHT = 0.2
#: From this many failures in a row on, it is an outage, and an alarm.
OUTAGE = 2
#: After so many tries into silence, too, whose own outcome is not known yet.
SILENT_OUTAGE = 4


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A call that has left, and when, in seconds since 1970; a question carries no messages."""

    call_id: str
    since: float
    is_probe: bool = False
    messages: int = FULL


@dataclass(frozen=True, slots=True)
class Circuit:
    """What all workers know of Mailjet's health. Moments are seconds since 1970, by one clock.

    `failures` counts calls without an answer, in a row, questions included, and `trials` the messages that
    tried meanwhile. `trial` is how many may try next, 0 before a question was answered. `next_try` ends our
    own pause, `not_before` the one that Mailjet asked for. `open_since` is when it became an outage, `reason`
    why. `trust` counts the messages answered since the last failure, up to what full calls need. `witness` is
    when the newest call left that was answered, `lost` the newest that was not: what older calls show is no
    news. `latency` is the usual answer time in seconds, `noted_at` when this was noted.
    """

    failures: int = 0
    trials: int = 0
    trial: int = 0
    trust: int = _TRUSTED
    next_try: float = 0.0
    not_before: float = 0.0
    open_since: float | None = None
    reason: str = ""
    answered_at: float = 0.0
    witness: float = 0.0
    lost: float = 0.0
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

    @property
    def is_question(self) -> bool:
        """Whether the call may only ask, and carries nothing."""
        return self.is_probe and self.messages == 0 and self.wait <= 0


def by_this_clock(circuit: Circuit, now: float) -> Circuit:
    """The same where the clock went on; where it was set back, all moments are set back with it.

    Else a pause would last until the clock is there again, and a call under way would never grow old.
    """
    step = circuit.noted_at - now
    if step <= CLOCK_STEP:
        return circuit
    moments = ("next_try", "not_before", "open_since", "answered_at", "witness", "lost")
    back = {name: at - step for name in moments if (at := getattr(circuit, name)) is not None}
    under_way = tuple(replace(one, since=one.since - step) for one in circuit.under_way)
    return replace(circuit, under_way=under_way, noted_at=now, **back)


def clearance(circuit: Circuit, now: float, pace: float, most: int, *, urgent: bool = False) -> Clearance:
    """What may leave now. `pace` is how many seconds the rate limit puts between two calls.

    `most` is how many messages may be without an answer at once, `urgent` whether urgent mail asks.
    """
    if circuit.failures:
        wait = max(circuit.next_try, circuit.not_before) - now
        return Clearance(0 if wait > 0 else min(circuit.trial, most), is_probe=True, wait=max(wait, 0.0))
    unanswered = [one for one in circuit.under_way if one.since > circuit.witness]
    rested = _rested(circuit, now)
    step = min(FULL, max(1, int(circuit.trust * TRUST)), most)
    kept = 0 if urgent or circuit.latency <= SLOW else min(URGENT_ROOM, most - 1)
    free = most - kept - sum(one.messages for one in unanswered)
    careful = rested or step < min(FULL, most)
    if len(unanswered) < (1 if careful else _overlap(circuit, pace)) and free > 0:
        return Clearance(min(step, free, AFTER_REST if rested else FULL))
    if now - min(one.since for one in unanswered) > _silence(circuit):
        return Clearance(0, is_probe=True)
    return Clearance(0, wait=SOON)


def enter(
    circuit: Circuit, call_id: str, now: float, pace: float, most: int, *, urgent: bool = False
) -> tuple[Circuit, Clearance]:
    """Let a call leave if it may."""
    cleared = clearance(circuit, now, pace, most, urgent=urgent)
    if cleared.wait > 0:
        return circuit, cleared
    going = UnderWay(call_id, now, cleared.is_probe, cleared.messages)
    known = tuple(one for one in circuit.under_way if now - one.since < FORGOTTEN)
    circuit = replace(circuit, under_way=(*known, going))
    if not cleared.is_probe:
        return circuit, cleared
    failures = max(circuit.failures, 1) + 1
    trials = circuit.trials + 1 if cleared.messages else circuit.trials
    circuit = replace(circuit, failures=failures, trials=trials, trial=0, next_try=now + pause(failures))
    if failures >= SILENT_OUTAGE and not circuit.is_open:
        circuit = replace(circuit, open_since=now, reason="Mailjet does not answer.")
    return circuit, cleared


def carrying(circuit: Circuit, call_id: str, messages: int) -> Circuit:
    """The call carries so many messages, fewer than it might."""
    smaller = (
        replace(one, messages=messages) if one.call_id == call_id else one for one in circuit.under_way
    )
    return replace(circuit, under_way=tuple(smaller))


def left_out(circuit: Circuit, call_id: str) -> Circuit:
    """The call did not leave after all: nothing was learned."""
    call = _call(circuit, call_id)
    circuit = _without(circuit, call_id)
    if call is None or not call.is_probe or not call.messages:
        return circuit
    return replace(circuit, trial=max(circuit.trial, call.messages), trials=max(circuit.trials - 1, 0))


def answered(circuit: Circuit, call_id: str, now: float) -> Circuit:
    """Mailjet answered this call, whatever the answer."""
    call = _call(circuit, call_id) or UnderWay(call_id, now, messages=1)
    circuit = _without(circuit, call_id)
    if call.messages == 0:
        return _question_answered(circuit, call, now)
    circuit = replace(circuit, latency=_usual(circuit.latency, now - call.since))
    if circuit.failures and call.since < circuit.lost:
        return circuit
    trust = min((0 if circuit.failures else circuit.trust) + call.messages, _TRUSTED)
    silent = any(now - one.since > _silence(circuit) for one in circuit.under_way if one.since < call.since)
    return replace(
        circuit,
        failures=0,
        trials=0,
        trial=0,
        trust=min(trust, _DISTRUST) if silent else trust,
        open_since=None,
        reason="",
        answered_at=now,
        witness=max(circuit.witness, call.since),
    )


def _question_answered(circuit: Circuit, call: UnderWay, now: float) -> Circuit:
    """Mailjet answers questions: a message may try, later and later if those before it had no answer."""
    if not circuit.failures or call.since < circuit.lost:
        return circuit
    wait = min(LONGEST_TRIAL_PAUSE, 2.0**circuit.trials) if circuit.trials else 0.0
    return replace(
        circuit, trial=max(circuit.trial, 1), next_try=now + wait, witness=max(circuit.witness, call.since)
    )


def unanswered(circuit: Circuit, call_id: str, now: float, reason: str, retry_after: float = 0.0) -> Circuit:
    """Nobody saw this call's outcome, or it could not leave: only questions from now on.

    That is no news where Mailjet has answered a call since that left later.
    """
    call = _call(circuit, call_id) or UnderWay(call_id, now)
    circuit = _without(circuit, call_id)
    if call.since < circuit.witness and not retry_after:
        return replace(circuit, trust=min(circuit.trust, _DISTRUST))
    failures = max(circuit.failures, 1)
    opens = not circuit.is_open and failures >= OUTAGE
    return replace(
        circuit,
        failures=failures,
        trial=0,
        trust=0,
        not_before=max(circuit.not_before, now + retry_after),
        open_since=now if opens else circuit.open_since,
        reason=reason if opens or circuit.is_open else circuit.reason,
        lost=max(circuit.lost, call.since),
    )


def found(circuit: Circuit, messages: int) -> Circuit:
    """A look-up showed that Mailjet took so many messages whose answer was lost: it works.

    As many may try as are no longer in doubt, so that the doubt does not grow.
    """
    if not circuit.failures:
        return circuit
    return replace(circuit, trial=max(circuit.trial, min(messages, AFTER_FOUND)), next_try=0.0)


def open_for(circuit: Circuit, now: float) -> float:
    """For how many seconds Mailjet has been out of order, more than 0.0 if it is at all."""
    return 0.0 if circuit.open_since is None else max(now - circuit.open_since, 0.001)


def slowed_to(circuit: Circuit, pace: float, most: int) -> int:
    """How many messages a minute leave where slow answers halve the speed, or worse; else 0."""
    slow = circuit.latency > 2 * pace * most / FULL
    return round(60 * most / circuit.latency) if slow else 0


def pause(failures: int) -> float:
    """Seconds until the next question: none after the first failure, then 2, 4, 8 ... up to LONGEST_PAUSE."""
    return 0.0 if failures <= 1 else min(LONGEST_PAUSE, 2.0 ** min(failures - 1, 10))


def _call(circuit: Circuit, call_id: str) -> UnderWay | None:
    return next((one for one in circuit.under_way if one.call_id == call_id), None)


def _without(circuit: Circuit, call_id: str) -> Circuit:
    return replace(circuit, under_way=tuple(one for one in circuit.under_way if one.call_id != call_id))


def _usual(latency: float, took: float) -> float:
    return latency + _WEIGHT * (took - latency) if latency else took


def _overlap(circuit: Circuit, pace: float) -> int:
    """How many calls are without an answer at once where one leaves whenever the rate limit lets it."""
    return 1 + math.floor(1.1 * circuit.latency / pace)


def _rested(circuit: Circuit, at: float) -> bool:
    """Whether by then no answer had come for so long that nobody knew how Mailjet was."""
    return at - circuit.answered_at > max(REST, 3 * circuit.latency)


def _silence(circuit: Circuit) -> float:
    return min(max(SILENCE, SLOW_FACTOR * circuit.latency), LONGEST_SILENCE)
