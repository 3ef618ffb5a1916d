"""The pre-send check of a batch: read what is known now, decide for each message, record it all at once."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from mailworker.config.settings import Settings
from mailworker.core.kind import Kind
from mailworker.core.settlement import Settlement
from mailworker.dispatch.interfaces import ClaimedBatch, DispatchDependencies, Row
from mailworker.dispatch.outgoing_mail import incomplete
from mailworker.dispatch.recipient_checks import RecipientChecks, RecipientFacts
from mailworker.dispatch.record_call_outcome import OutcomeRecorder
from mailworker.errors import TransientError
from mailworker.ledger.reword_or_replace import apply
from mailworker.rules.pre_send.may_leave import Facts, last_step
from mailworker.rules.pre_send.verdicts import Verdict


class PreSendCheck:
    """Stops what may no longer leave, with its reason. Raises the ledger's transient errors."""

    def __init__(
        self,
        settings: Settings,
        deps: DispatchDependencies,
        recorder: OutcomeRecorder,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._ledger = deps.ledger
        self._questions = deps.questions
        self._recorder = recorder
        self._clock = clock
        self._recipients = RecipientChecks(settings, deps.ledger)

    def __call__(self, batch: ClaimedBatch) -> tuple[list[Row], list[Settlement]]:
        """Of the batch's messages, those that may leave, and what became of the others."""
        if not batch.rows:
            return [], []
        try:
            verdicts = self._questions(batch.rows)
        except TransientError as fault:
            return [], self._recorder.put_back(batch, batch.rows, fault)
        checked = self._recipients.ask(batch.rows, now=self._clock())
        facts = [self._facts(row, verdicts.get(row["id"]), checked) for row in batch.rows]
        objections = [objection for one in facts if (objection := last_step(one)) is not None]
        if objections:
            self._record(batch, objections, verdicts, checked)
        stopped = {objection.id for objection in objections}
        going = [row for row in batch.rows if row["id"] not in stopped]
        return [
            self._recipients.without_stopped_copies(row, self._kind(row), checked) for row in going
        ], objections

    def _facts(self, row: Row, verdict: Verdict | None, checked: RecipientFacts) -> Facts:
        now = self._clock()
        moved_away = self._recipients.no_longer_true(row, checked)
        return Facts(
            id=row["id"],
            now=now,
            expires_at=row["expires_at"],
            refused=self._recipients.refused(row, self._kind(row), checked),
            verdict=moved_away or verdict or incomplete(row, self._settings, now),
            safe=self._recipients.is_safe(row),
            attempts=row["attempts"],
            most_attempts=self._settings.worker.max_attempts // 2,
        )

    def _record(
        self,
        batch: ClaimedBatch,
        objections: Sequence[Settlement],
        verdicts: Mapping[str, Verdict],
        checked: RecipientFacts,
    ) -> None:
        """All that this check changes in the ledger, in one transaction."""
        now = self._clock()
        with self._ledger.write() as connection:
            moved = self._recorder.record(connection, batch, objections)
            followed = {
                one.id: verdict
                for one in objections
                if one.id in moved and (verdict := verdicts.get(one.id)) and verdict.why == one.why
            }
            apply(connection, followed, now=now)
            self._recipients.stop_floods(connection, batch.rows, checked, now=now)

    def _kind(self, row: Row) -> Kind:
        """The row's kind; one that has left the configuration is held when its mail is written out."""
        return self._settings.kinds.get(row["kind"]) or Kind(row["kind"], ())
