"""One call's story: take a token, claim what fits, check each message's last step, call, record each fate.

A token comes before the claim. So nobody who waits for one holds messages, and whoever gets it takes the
highest lane's messages of that moment, whichever lane's worker it is.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from mailworker.config.settings import Settings
from mailworker.core.lane import Lane
from mailworker.core.message import Mail
from mailworker.core.plural import counted
from mailworker.core.settlement import Settlement
from mailworker.core.states import State
from mailworker.dispatch.claim_limits import Claims
from mailworker.dispatch.interfaces import (
    CallFacts,
    ClaimedBatch,
    Departure,
    DispatchDependencies,
    Dispatched,
    Row,
    SentMail,
)
from mailworker.dispatch.make_call import CallMaker
from mailworker.dispatch.outgoing_mail import FilesUntilAway, mail_of, question_mail
from mailworker.dispatch.pre_send_check import PreSendCheck
from mailworker.dispatch.record_call_outcome import OutcomeRecorder, settled_mails
from mailworker.dispatch.restored_ledger import WHY, LostCalls
from mailworker.dispatch.unsubscribe_links import UnsubscribeLinks
from mailworker.errors import MailworkerError, PermanentError, TransientError
from mailworker.ledger.claiming import Lease, begin_call
from mailworker.limits import CallLane
from mailworker.limits.token_and_breaker import LONGEST_WAIT, Admission, admit
from mailworker.rules.claimable_while_held import ClaimPlan
from mailworker.rules.operator_alarms import failure_alarms, missing_file_alarms
from mailworker.rules.send_outcome import Answer

#: What the content of a row can raise, whatever is wrong with it: its message goes alone then.
_ROW_FAULTS = (
    PermanentError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RecursionError,
)


class Dispatcher:
    """Makes one call after the other. One per process; `clock` gives the time, in UTC."""

    def __init__(
        self, settings: Settings, deps: DispatchDependencies, *, clock: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._ledger = deps.ledger
        self._bucket = deps.bucket
        self._breaker = deps.breaker
        self._post = deps.post
        self._files = deps.files
        self._clock = clock
        self._claims = Claims(settings, deps.ledger, deps.large_calls, clock)
        self._recorder = OutcomeRecorder(settings, deps.ledger, clock)
        self._check = PreSendCheck(settings, deps, self._recorder, clock)
        self._calls = CallMaker(deps, self._recorder, clock)
        self._journal = deps.journal
        self._links = UnsubscribeLinks(settings, deps.ledger)
        self._lost_calls = LostCalls(deps.ledger, deps.journal, clock)

    def dispatch_once(self, lane: Lane, *, patience: float) -> Dispatched | None:
        """Prepare one call and make it, by `prepare` and `depart`."""
        departure = self.prepare(lane, patience=patience)
        return None if departure is None else self.depart(departure)

    def prepare(self, lane: Lane, *, patience: float) -> Departure | None:
        """Make one call ready for this lane, with whatever goes first at that moment.

        Waits for a token, and for the circuit breaker, `patience` seconds at most. None when there was
        nothing to do, or no call may leave now. Raises the transient errors of ledger, bucket, breaker and
        journal; what was claimed is given back as soon as the ledger answers, else by its lease.
        """
        plan = self._claims.plan(lane)
        if plan.stopped or not self._claims.waiting(lane, plan):
            return None
        admission = admit(
            self._bucket,
            self._breaker,
            CallLane(lane),
            patience=patience,
            worth_waiting=lambda: self._claims.waiting(lane, plan),
        )
        if admission is None:
            return None
        if admission.clearance.is_question:
            return self._question(admission)
        try:
            return self._filled(admission, plan)
        except TransientError as fault:  # nothing has left, so nobody has to wait for the lease
            with suppress(TransientError):
                self._recorder.give_back(admission.permit.call_id, fault)
            with suppress(TransientError):
                self._breaker.leave(admission.permit.call_id)
            raise
        except Exception:
            self._breaker.leave(admission.permit.call_id)
            raise

    def _filled(self, admission: Admission, plan: ClaimPlan) -> Departure:
        """A call with what goes first now; without mails where nothing may leave after all."""
        batch = self._claims.claim(admission, plan)
        try:
            departure = self._checked(admission, batch)
            if not departure.mails:
                self._breaker.leave(admission.permit.call_id)
                self._bucket.give_back(admission.permit)
            elif len(departure.mails) < admission.clearance.messages:
                self._breaker.carry(admission.permit.call_id, len(departure.mails))
        except BaseException:
            self._claims.let_go(batch)
            raise
        if not departure.mails:
            self._claims.let_go(batch)
        return departure

    def _question(self, admission: Admission) -> Departure:
        """A call that sends nothing, and finds out whether Mailjet answers."""
        call_id = admission.permit.call_id
        lease = Lease(call_id, self._clock() + self._settings.worker.lease)
        alarms = (admission.alarm,) if admission.alarm else ()
        mails = [question_mail(self._settings, call_id)]
        return Departure(ClaimedBatch(lease, ()), mails, alarms=alarms, question=True)

    def _checked(self, admission: Admission, claimed: ClaimedBatch) -> Departure:
        """Take out what may not or cannot leave; what is left is noted as leaving."""
        batch, lost = self._lost_calls.without_them(claimed)
        alarms = [admission.alarm] if admission.alarm else []
        if lost:
            wait = counted(len(lost), "message waits", "messages wait")
            alarms.append(f"THE LEDGER HAS LOST CALLS, {wait} for Mailjet's word: {WHY}.")
        try:
            sendable, stopped = self._check(batch)
        except _ROW_FAULTS as fault:
            return self._apart(batch, fault, alarms)
        mails, unreadable, more = self._write_out(batch, sendable)
        left_out = settled_mails(claimed, [*lost, *stopped, *unreadable], self._clock())
        batch, mails = self._begin(batch, mails)
        alarms += [*more, *failure_alarms(unreadable)]
        return Departure(batch, mails, left_out, tuple(alarms))

    def depart(self, departure: Departure) -> Dispatched:
        """Make the call and record each message's fate. Safe in several threads, each with a call of its own.

        Raises the ledger's transient errors; Mailjet's answer is then found by a look-up.
        """
        if departure.question:
            return Dispatched(alarms=(*departure.alarms, *self._calls.ask(departure)))
        if not departure.mails:
            counts = _count(departure.stopped)
            return Dispatched(outcomes=counts, alarms=departure.alarms, stopped=departure.stopped)
        left_at = self._clock()
        try:
            settlements, alarms = self._calls.make(departure)
        finally:
            self._claims.let_go(departure.batch)
        outcomes = _count([*departure.stopped, *settlements])
        mails = settled_mails(departure.batch, settlements, left_at)
        facts = CallFacts((self._clock() - left_at).total_seconds(), mails)
        return Dispatched(True, outcomes, (*departure.alarms, *alarms), facts, departure.stopped)

    def waiting(self, lane: Lane) -> bool:
        """Whether this lane has something that may go now."""
        plan = self._claims.plan(lane)
        return not plan.stopped and self._claims.waiting(lane, plan) and self._breaker.wait() <= LONGEST_WAIT

    def _write_out(
        self, batch: ClaimedBatch, rows: Sequence[Row]
    ) -> tuple[list[Mail], list[Settlement], list[str]]:
        """The mails themselves; a message that cannot be written out goes its own way, and is logged."""
        mails: list[Mail] = []
        answers: dict[str, Answer] = {}
        files = FilesUntilAway(self._files)
        for row in rows:
            try:
                mail = mail_of(row, self._settings, files, unsubscribe=self._links.of(row))
                self._post.weigh(mail)
            except MailworkerError as fault:
                answers[row["id"]] = fault
            except _ROW_FAULTS as fault:
                answers[row["id"]] = _unwritable(fault)
            else:
                mails.append(mail)
        settlements = self._recorder.settlements(batch, answers)
        self._recorder.settle(batch, settlements)
        alarms = [*self._recorder.hold_kinds(batch, answers), *missing_file_alarms(answers)]
        return mails, settlements, alarms

    def _apart(self, batch: ClaimedBatch, fault: Exception, alarms: Sequence[str]) -> Departure:
        """Something in this batch breaks the pre-send check: half as many go together next time."""
        ids = [row["id"] for row in batch.rows]
        settlements = self._recorder.halves(batch, ids, _unwritable(fault))
        self._recorder.settle(batch, settlements)
        stopped = settled_mails(batch, settlements, self._clock())
        return Departure(batch, (), stopped, (*alarms, *failure_alarms(settlements)))

    def _begin(self, batch: ClaimedBatch, mails: list[Mail]) -> tuple[ClaimedBatch, list[Mail]]:
        """Write down that the call leaves now. Messages whose lease was lost meanwhile stay behind."""
        if not mails:
            return batch, []
        now = self._clock()
        lease = Lease(batch.lease.token, now + self._settings.worker.lease)
        with self._ledger.write() as connection:
            ours = begin_call(connection, lease, now)
        batch, leaving = replace(batch, lease=lease), [mail for mail in mails if mail.id in ours]
        self._journal.note([mail.id for mail in leaving], now)
        return batch, leaving


def _count(settled: Sequence[Settlement | SentMail]) -> dict[State, int]:
    return dict(Counter(one.state for one in settled))


def _unwritable(fault: Exception) -> PermanentError:
    """The fault of a row that breaks our own code; its text may quote the row, so only its name is kept."""
    if isinstance(fault, PermanentError):
        return fault
    return PermanentError(
        f"Its row cannot be read ({type(fault).__name__}): mend it in the ledger, replay it."
    )
