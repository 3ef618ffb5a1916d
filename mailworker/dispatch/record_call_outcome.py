"""Writing down what became of a batch's messages, and which kinds are held because of it."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from mailworker.config.settings import Settings
from mailworker.core.kind import Kind
from mailworker.core.lane import Lane
from mailworker.core.settlement import Settlement
from mailworker.core.states import FINAL, State
from mailworker.dispatch.interfaces import ClaimedBatch, Row, SentMail
from mailworker.errors import FileMissing, MailworkerError, Misconfigured, TransientError
from mailworker.ledger import Ledger
from mailworker.ledger.claiming import held_by
from mailworker.ledger.confirm_sent import prove
from mailworker.ledger.holds import hold, release
from mailworker.ledger.settle_messages import CallRecord, settle
from mailworker.ledger.sqlite_write_queue import LedgerUnavailable
from mailworker.rules.operator_alarms import held_kind_alarms
from mailworker.rules.secret_variables import wiped
from mailworker.rules.send_outcome import Answer, Patience, settlement, split

#: What a worker alone knows of its messages it tries to write down for so long, in seconds: a fail-over of
#: the ledger is over by then. With a slice before and the longest call it stays within the task's time limit.
RECORD_SECONDS = 45.0
_NAP_SECONDS = 0.5


class OutcomeRecorder:
    """Turns answers into the next states of messages. Every method may raise the ledger's errors."""

    def __init__(self, settings: Settings, ledger: Ledger, clock: Callable[[], datetime]) -> None:
        self._kinds = settings.kinds
        self._ledger = ledger
        self._clock = clock
        worker = settings.worker
        pauses = (worker.retry_base, worker.retry_cap, worker.lookups_after[0])
        self._patience = Patience(worker.max_attempts, *pauses)

    def settlements(self, batch: ClaimedBatch, answers: Mapping[str, Answer]) -> list[Settlement]:
        """What each message's own answer means for it."""
        rows = {row["id"]: row for row in batch.rows}
        now = self._clock()
        found = [self._settlement(id_, answer, rows[id_]["attempts"], now) for id_, answer in answers.items()]
        return [
            replace(one, state=State.ACCEPTED)
            if isinstance(answers[one.id], FileMissing) and _can_be_rendered(rows[one.id])
            else one
            for one in found
        ]

    def _settlement(self, id_: str, answer: Answer, attempts: int, now: datetime) -> Settlement:
        chance = random.random()  # noqa: S311 - jitter
        return settlement(id_, answer, attempts=attempts, now=now, patience=self._patience, chance=chance)

    def halves(self, batch: ClaimedBatch, ids: Sequence[str], fault: MailworkerError) -> list[Settlement]:
        """What it means for these messages that all of them together were refused."""
        attempts = {row["id"]: row["attempts"] for row in batch.rows}
        now = self._clock()
        return [split(id_, fault, attempts=attempts[id_], together=len(ids), now=now) for id_ in ids]

    def settle(
        self, batch: ClaimedBatch, settlements: Sequence[Settlement], call: CallRecord | None = None
    ) -> None:
        """Move the batch's messages on, those that it still holds; a receipt counts however late it comes."""
        if settlements:
            self._write(lambda connection: self.record(connection, batch, settlements, call))

    def record(
        self,
        connection: Connection,
        batch: ClaimedBatch,
        settlements: Sequence[Settlement],
        call: CallRecord | None = None,
    ) -> set[str]:
        """The same in a transaction that does more; gives the ids of those that the batch still held."""
        done = [self._without_secrets(batch, settlement) for settlement in settlements]
        now, token = self._clock(), batch.lease.token
        moved = settle(connection, done, now=now, expected=State.SENDING, lease=token, call=call)
        if len(moved) < len(done):  # the lease ran out, but a receipt is proof however late it comes
            prove(connection, [one for one in done if one.receipt], now=now, call=call)
        return moved

    def put_back(self, batch: ClaimedBatch, rows: Sequence[Row], fault: MailworkerError) -> list[Settlement]:
        """Have messages wait that could not leave now."""
        settlements = self.settlements(batch, {row["id"]: fault for row in rows})
        self.settle(batch, settlements)
        return settlements

    def give_back(self, token: str, fault: TransientError) -> None:
        """Have all messages of this lease wait: nothing of them left, and `fault` is why.

        The claim's own commit may be the one whose answer was lost, so the ledger is asked what it holds.
        """

        def change(connection: Connection) -> None:
            held, now = held_by(connection, token), self._clock()
            waiting = [self._settlement(id_, fault, attempts, now) for id_, attempts in held.items()]
            settle(connection, waiting, now=now, expected=State.SENDING, lease=token)

        self._write(change)

    def _write(self, change: Callable[[Connection], object]) -> None:
        """Change the ledger, and try again for a while where it does not answer: nobody else knows this."""
        deadline = time.monotonic() + RECORD_SECONDS
        while True:
            try:
                with self._ledger.write() as connection:
                    change(connection)
            except LedgerUnavailable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_NAP_SECONDS)
            else:
                return

    def hold_kinds(self, batch: ClaimedBatch, answers: Mapping[str, Answer]) -> list[str]:
        """Hold the kinds that would be refused again and again; gives alarms for the operator."""
        kinds = {row["id"]: row["kind"] for row in batch.rows}
        faults = {kinds[id_]: fault for id_, fault in answers.items() if isinstance(fault, Misconfigured)}
        self.hold(faults)
        return held_kind_alarms(faults)

    def hold(self, faults: Mapping[str, Misconfigured]) -> None:
        """Hold these scopes, each because of its fault."""

        def change(connection: Connection) -> None:
            for scope, fault in faults.items():
                hold(connection, scope, reason=str(fault), code=fault.code, now=self._clock())

        if faults:
            self._write(change)

    def release(self, scope: str) -> None:
        """End a hold whose probe passed."""
        self._write(lambda connection: release(connection, [scope]))

    def _without_secrets(self, batch: ClaimedBatch, settlement: Settlement) -> Settlement:
        """A failed message keeps its secrets, for it can be replayed; any other final one loses them."""
        if settlement.state not in FINAL - {State.FAILED}:
            return settlement
        row = next(row for row in batch.rows if row["id"] == settlement.id)
        kind = self._kinds.get(row["kind"]) or Kind(row["kind"], ())
        return replace(settlement, wiped=wiped(kind, row["variables"]))


def _can_be_rendered(row: Row) -> bool:
    """Whether what is missing can be made again: a file that the caller gave cannot."""
    return row["invoice"] is not None or row["invoice_id"] is not None


def settled_mails(batch: ClaimedBatch, settlements: Sequence[Settlement], at: datetime) -> list[SentMail]:
    """What became of these messages now, for metrics and for the task; nothing that names a person."""
    rows = {row["id"]: row for row in batch.rows}
    return [_mail(rows[one.id], one, at) for one in settlements]


def _mail(row: Mapping[str, Any], settled: Settlement, at: datetime) -> SentMail:
    waited = (at - max(row["accepted_at"], row["not_before"])).total_seconds()
    lane = Lane(row["lane"])
    return SentMail(row["id"], row["kind"], lane, max(waited, 0.0), settled.state, settled.code)
