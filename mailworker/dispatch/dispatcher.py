"""One call's story: take a token, claim what fits, check each message's last step, call, record each fate.

A token comes before the claim. So nobody who waits for one holds messages, and whoever gets it takes the
highest lane's messages of that moment, whichever lane's worker it is.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from mailworker.config.settings import Settings
from mailworker.core.kind import Kind
from mailworker.core.message import Lane, Mail
from mailworker.core.settlement import Settlement
from mailworker.core.states import FINAL, State
from mailworker.dispatch.interfaces import ClaimedBatch, Departure, DispatchDependencies, Dispatched, Row
from mailworker.dispatch.outgoing_mail import mail_of, recipients, tell_left_out, without_copies
from mailworker.errors import MailworkerError, Misconfigured, PermanentError, Throttled, TransientError
from mailworker.ledger.claiming import Lease, Wish, anything_ready, begin_call, claim
from mailworker.ledger.confirm_sent import prove
from mailworker.ledger.holds_and_suppressions import current_holds, hold, release, suppressed
from mailworker.ledger.record_outcome import CallRecord, settle
from mailworker.limits import CallLane, Permit
from mailworker.rules.batch import MAX_MESSAGES, Limits, fill
from mailworker.rules.holds import EVERYTHING, ClaimPlan, plan_claim
from mailworker.rules.pre_send_check import Facts, Later, is_safe, last_step, stops
from mailworker.rules.secret_variables import wiped
from mailworker.rules.send_outcome import Answer, Patience, settlement, split


class Dispatcher:
    """Makes one call after the other. One per process; `clock` tells the time, in UTC."""

    def __init__(
        self, settings: Settings, hands: DispatchDependencies, *, clock: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._kinds = settings.kinds
        self._ledger = hands.ledger
        self._bucket = hands.bucket
        self._post = hands.post
        self._files = hands.files
        self._ask_again = hands.ask_again
        self._clock = clock
        worker = settings.worker
        self._limits = Limits(body_bytes=settings.mailjet.max_body_bytes)
        self._patience = Patience(
            worker.max_attempts, worker.retry_base, worker.retry_cap, worker.lookups_after[0]
        )

    def dispatch_once(self, lane: Lane, *, patience: float) -> Dispatched | None:
        """Prepare one call and make it, as `prepare` and `depart` say."""
        departure = self.prepare(lane, patience=patience)
        return None if departure is None else self.depart(departure)

    def prepare(self, lane: Lane, *, patience: float) -> Departure | None:
        """Make one call ready for this lane, with whatever goes first at that moment.

        Waits for a token for `patience` seconds at most. None when there was nothing to do or no token in
        time. Raises the transient errors of ledger and bucket; claimed messages come back by their lease.
        """
        plan = self._plan(lane)
        if plan.stopped or not self._waiting(lane, plan):
            return None
        permit = self._bucket.take(
            CallLane(lane), patience=patience, worth_waiting=lambda: self._waiting(lane, plan)
        )
        if permit is None:
            return None
        batch = self._claim(permit, plan)
        sendable, stopped = self._last_steps(batch)
        mails, unreadable = self._write_out(batch, sendable)
        batch, mails = self._begin(batch, mails)
        if not mails:
            self._bucket.give_back(permit)
        return Departure(batch, mails, _count([*stopped, *unreadable]))

    def depart(self, departure: Departure) -> Dispatched:
        """Make the call and record each message's fate. Safe in several threads, each with a call of its own.

        Raises the ledger's transient errors; what Mailjet's answer said is then asked for by a look-up.
        """
        if not departure.mails:
            return Dispatched(outcomes=departure.outcomes)
        settlements, alarms = self._call(departure.batch, departure.mails)
        return Dispatched(True, Counter(departure.outcomes) + Counter(_count(settlements)), tuple(alarms))

    def waiting(self, lane: Lane) -> bool:
        """Whether this lane has something that may go now."""
        plan = self._plan(lane)
        return not plan.stopped and self._waiting(lane, plan)

    def _plan(self, lane: Lane) -> ClaimPlan:
        now = self._clock()
        with self._ledger.read() as connection:
            plan = plan_claim(current_holds(connection), now)
            if plan.probe and not anything_ready(connection, now, [lane], _wish(plan)):
                return replace(plan, probe=None, stopped=plan.probe == EVERYTHING)
        return plan

    def _waiting(self, lane: Lane, plan: ClaimPlan) -> bool:
        with self._ledger.read() as connection:
            return anything_ready(connection, self._clock(), [lane], _wish(plan))

    def _claim(self, permit: Permit, plan: ClaimPlan) -> ClaimedBatch:
        now = self._clock()
        lease = Lease(permit.call_id, now + self._settings.worker.lease)
        with self._ledger.write() as connection:
            rows = claim(
                connection,
                now=now,
                lease=lease,
                wish=_wish(plan),
                choose=lambda candidates: fill(candidates, self._limits),
            )
        return ClaimedBatch(lease, rows, plan.probe)

    def _last_steps(self, batch: ClaimedBatch) -> tuple[list[Row], list[Settlement]]:
        """Stop what may no longer leave, with its reason."""
        if not batch.rows:
            return [], []
        try:
            changed = self._ask_again(batch.rows)
        except TransientError as fault:
            return [], self._put_back(batch, batch.rows, fault)
        with self._ledger.read() as connection:
            reasons = suppressed(connection, {email for row in batch.rows for email in recipients(row)})
        facts = self._facts(batch, changed, reasons)
        objections = [objection for one in facts if (objection := last_step(one)) is not None]
        self._settle(batch, objections)
        stopped = {objection.id for objection in objections}
        going = [row for row in batch.rows if row["id"] not in stopped]
        return [self._without_stopped_copies(row, reasons) for row in going], objections

    def _without_stopped_copies(self, row: Row, reasons: Mapping[str, str]) -> Row:
        kind = self._kind(row)
        return without_copies(row, {email for email, reason in reasons.items() if stops(reason, kind)})

    def _facts(
        self, batch: ClaimedBatch, changed: Mapping[str, str | Later], reasons: Mapping[str, str]
    ) -> list[Facts]:
        worker, now = self._settings.worker, self._clock()
        later = {id_: word for id_, word in changed.items() if isinstance(word, Later)}
        gone = {id_: word for id_, word in changed.items() if isinstance(word, str)}
        return [
            Facts(
                id=row["id"],
                kind=self._kind(row),
                now=now,
                expires_at=row["expires_at"],
                suppressed=reasons.get(row["to_email"].lower()),
                no_longer_true=gone.get(row["id"]),
                later=later.get(row["id"]),
                safe=all(
                    is_safe(email, environment=worker.environment, safelist=worker.safelist)
                    for email in recipients(row)
                ),
            )
            for row in batch.rows
        ]

    def _write_out(self, batch: ClaimedBatch, rows: Sequence[Row]) -> tuple[list[Mail], list[Settlement]]:
        """The mails themselves; a message that cannot be written out goes its own way."""
        mails: list[Mail] = []
        answers: dict[str, Answer] = {}
        for row in rows:
            try:
                mails.append(mail_of(row, self._settings, self._files))
            except MailworkerError as fault:
                answers[row["id"]] = fault
        settlements = self._settlements(batch, answers)
        self._settle(batch, settlements)
        self._hold_kinds(batch, answers)
        return mails, settlements

    def _begin(self, batch: ClaimedBatch, mails: list[Mail]) -> tuple[ClaimedBatch, list[Mail]]:
        """Write down that the call leaves now. Messages whose lease was lost meanwhile stay behind."""
        if not mails:
            return batch, []
        now = self._clock()
        lease = Lease(batch.lease.token, now + self._settings.worker.lease)
        with self._ledger.write() as connection:
            ours = begin_call(connection, lease, now)
        return replace(batch, lease=lease), [mail for mail in mails if mail.id in ours]

    def _call(self, batch: ClaimedBatch, mails: Sequence[Mail]) -> tuple[list[Settlement], list[str]]:
        started_at = self._clock()
        if started_at >= batch.lease.until:
            return [], ["This worker stood still past its lease; its messages are somebody else's now."]
        answers: dict[str, Answer]
        try:
            fates = self._post.send(mails, call_id=batch.lease.token)
            answers = {mail.id: fate for mail, fate in zip(mails, fates, strict=True)}
            settlements = tell_left_out(self._settlements(batch, answers), batch.rows, mails)
            alarms = self._hold_kinds(batch, answers)
            if batch.probe is not None and not alarms:
                self._release(batch.probe)
        except PermanentError as fault:
            now = self._clock()
            attempts = {row["id"]: row["attempts"] for row in batch.rows}
            settlements = [
                split(mail.id, fault, attempts=attempts[mail.id], together=len(mails), now=now)
                for mail in mails
            ]
            alarms = []
        except MailworkerError as fault:
            answers = {mail.id: fault for mail in mails}
            settlements = self._settlements(batch, answers)
            alarms = self._react(fault)
        self._settle(batch, settlements, call=CallRecord(batch.lease.token, started_at, self._clock()))
        return settlements, alarms

    def _react(self, fault: MailworkerError) -> list[str]:
        """What a refusal of the whole call means for everybody else."""
        if isinstance(fault, Throttled):
            try:
                pause = self._bucket.pause(fault.retry_after)
            except TransientError as gone:  # no token comes from there either; what is known is kept first
                return [f"Mailjet says we are too fast; nobody calls until Redis is back: {gone}"]
            return [f"Mailjet says we are too fast; nobody calls for {pause:.0f} s."]
        if isinstance(fault, Misconfigured):
            self._hold({EVERYTHING: fault})
            return [f"ALL MAIL IS HELD until a person acts: {fault}"]
        return []

    def _hold_kinds(self, batch: ClaimedBatch, answers: Mapping[str, Answer]) -> list[str]:
        """Hold the kinds that Mailjet would refuse again and again."""
        kinds = {row["id"]: row["kind"] for row in batch.rows}
        faults = {kinds[id_]: fault for id_, fault in answers.items() if isinstance(fault, Misconfigured)}
        self._hold(faults)
        return [f"MAIL OF KIND {kind} IS HELD until a person acts: {fault}" for kind, fault in faults.items()]

    def _release(self, scope: str) -> None:
        with self._ledger.write() as connection:
            release(connection, [scope])

    def _hold(self, faults: Mapping[str, Misconfigured]) -> None:
        if faults:
            with self._ledger.write() as connection:
                for scope, fault in faults.items():
                    hold(connection, scope, reason=str(fault), code=fault.code, now=self._clock())

    def _put_back(self, batch: ClaimedBatch, rows: Sequence[Row], fault: TransientError) -> list[Settlement]:
        settlements = self._settlements(batch, {row["id"]: fault for row in rows})
        self._settle(batch, settlements)
        return settlements

    def _settlements(self, batch: ClaimedBatch, answers: Mapping[str, Answer]) -> list[Settlement]:
        attempts = {row["id"]: row["attempts"] for row in batch.rows}
        now = self._clock()
        return [
            settlement(
                id_,
                answer,
                attempts=attempts[id_],
                now=now,
                patience=self._patience,
                chance=random.random(),  # noqa: S311 - jitter
            )
            for id_, answer in answers.items()
        ]

    def _settle(
        self, batch: ClaimedBatch, settlements: Sequence[Settlement], call: CallRecord | None = None
    ) -> None:
        if settlements:
            done = [self._without_secrets(batch, settlement) for settlement in settlements]
            now, token = self._clock(), batch.lease.token
            with self._ledger.write() as connection:
                moved = settle(connection, done, now=now, expected=State.SENDING, lease=token, call=call)
                if moved < len(done):  # the lease ran out, but a receipt is proof however late it comes
                    prove(connection, [one for one in done if one.receipt], now=now, call=call)

    def _without_secrets(self, batch: ClaimedBatch, settlement: Settlement) -> Settlement:
        """A failed message keeps its secrets, for it can be replayed; any other final one loses them."""
        if settlement.state not in FINAL - {State.FAILED}:
            return settlement
        row = next(row for row in batch.rows if row["id"] == settlement.id)
        return replace(settlement, wiped=wiped(self._kind(row), row["variables"]))

    def _kind(self, row: Row) -> Kind:
        """The row's kind; one that has left the configuration is held when its mail is written out."""
        return self._kinds.get(row["kind"]) or Kind(row["kind"], ())


def _wish(plan: ClaimPlan) -> Wish:
    if plan.probe is None:
        return Wish(MAX_MESSAGES, held=plan.held)
    return Wish(1, only=None if plan.probe == EVERYTHING else plan.probe)


def _count(settlements: Sequence[Settlement]) -> dict[State, int]:
    return dict(Counter(settlement.state for settlement in settlements))
