"""The call itself, and what its answer means: for each of its messages, and for everybody else."""

from collections.abc import Callable, Sequence
from datetime import datetime

from mailworker.core.settlement import Settlement
from mailworker.dispatch.interfaces import Departure, DispatchDependencies
from mailworker.dispatch.leave_out_copies import note_copies_left_out
from mailworker.dispatch.record_call_outcome import OutcomeRecorder
from mailworker.errors import (
    MailworkerError,
    Misconfigured,
    PermanentError,
    RefusedWithoutReason,
    Throttled,
    TransientError,
    UnknownOutcome,
    Unreachable,
)
from mailworker.ledger.settle_messages import CallRecord
from mailworker.rules.claimable_while_held import EVERYTHING
from mailworker.rules.operator_alarms import failure_alarms, unexplained_alarms
from mailworker.rules.send_outcome import Answer


class CallMaker:
    """Makes calls that were prepared. Safe in several threads, each with a call of its own."""

    def __init__(
        self, deps: DispatchDependencies, recorder: OutcomeRecorder, clock: Callable[[], datetime]
    ) -> None:
        self._post = deps.post
        self._bucket = deps.bucket
        self._breaker = deps.breaker
        self._recorder = recorder
        self._clock = clock

    def ask(self, departure: Departure) -> list[str]:
        """Find out whether Mailjet answers, and send nothing; gives alarms for the operator."""
        fault, fates = self._call(departure)
        alarms = _quietly(lambda: self._update_breaker(departure.batch.lease.token, fault, fates))
        return [*alarms, *(self._react(fault) if isinstance(fault, Throttled) else [])]

    def make(self, departure: Departure) -> tuple[list[Settlement], list[str]]:
        """Call, and record each message's fate. Gives the fates, and alarms for the operator.

        Raises the ledger's transient errors; Mailjet's answer is then found by a look-up.
        """
        batch, call_id = departure.batch, departure.batch.lease.token
        started_at = self._clock()
        if started_at >= batch.lease.until:
            late = "This worker stood still past its lease; its messages are somebody else's now."
            return [], [late, *_quietly(lambda: self._breaker.leave(call_id))]
        fault, fates = self._call(departure)
        # The breaker first: the ledger may be away, and the next call must not wait for it.
        alarms = _quietly(lambda: self._update_breaker(call_id, fault, fates))
        settlements, more = self._judge(departure, fault, fates)
        self._recorder.settle(batch, settlements, call=CallRecord(call_id, started_at, self._clock()))
        return settlements, [*alarms, *more, *failure_alarms(settlements)]

    def _call(self, departure: Departure) -> tuple[MailworkerError | None, Sequence[Answer]]:
        """What befell the call as a whole, or each message's own fate."""
        call_id = departure.batch.lease.token
        try:
            return None, self._post.send(departure.mails, call_id=call_id, sandbox=departure.question)
        except MailworkerError as fault:
            return fault, []

    def _judge(
        self, departure: Departure, fault: MailworkerError | None, fates: Sequence[Answer]
    ) -> tuple[list[Settlement], list[str]]:
        batch, mails = departure.batch, departure.mails
        if fault is None:
            answers = {mail.id: fate for mail, fate in zip(mails, fates, strict=True)}
            settlements = note_copies_left_out(self._recorder.settlements(batch, answers), batch.rows, mails)
            alarms = self._recorder.hold_kinds(batch, answers)
            if batch.probe is not None and not alarms:
                self._recorder.release(batch.probe)
            return settlements, [*alarms, *unexplained_alarms(answers)]
        mute = isinstance(fault, RefusedWithoutReason)
        if isinstance(fault, PermanentError) or (mute and len(mails) > 1):
            return self._recorder.halves(batch, [mail.id for mail in mails], fault), []
        answers = dict.fromkeys([mail.id for mail in mails], fault)
        return self._recorder.settlements(batch, answers), [*self._react(fault), *unexplained_alarms(answers)]

    def _update_breaker(
        self, call_id: str, fault: MailworkerError | None, fates: Sequence[Answer]
    ) -> list[str]:
        silent = fault or next((fate for fate in fates if isinstance(fate, UnknownOutcome)), None)
        nobody_saw = fault is not None or all(isinstance(fate, UnknownOutcome) for fate in fates)
        if isinstance(silent, UnknownOutcome | Unreachable) and nobody_saw:
            alarm = self._breaker.unanswered(call_id, str(silent), silent.retry_after)
        else:
            alarm = self._breaker.answered(call_id)
        return [alarm] if alarm else []

    def _react(self, fault: MailworkerError) -> list[str]:
        """What a refusal of the whole call means for everybody else."""
        if isinstance(fault, Throttled):
            try:
                pause = self._bucket.pause(fault.retry_after)
            except TransientError as gone:  # no token comes from there either; what is known is kept first
                return [f"Mailjet says we are too fast; nobody calls until Redis is back: {gone}"]
            return [f"Mailjet says we are too fast; nobody calls for {pause:.0f} s."]
        if isinstance(fault, Misconfigured):
            self._recorder.hold({EVERYTHING: fault})
            return [f"ALL MAIL IS HELD until a person acts: {fault}"]
        return []


def _quietly(update: Callable[[], list[str] | None]) -> list[str]:
    """Update the breaker; without Redis nobody calls anyway, and what is known of the messages goes first."""
    try:
        return update() or []
    except TransientError as fault:
        return [str(fault)]
