"""Filling a ledger again that lost its last commits: the kept jobs are read once more, nothing comes twice.

A job whose key the ledger has changes nothing. One that it lost becomes a message again under its old id;
where it had already been in a call, the dispatcher has Mailjet asked about it first (`limits.call_journal`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mailworker.core.chunks import chunked
from mailworker.core.message import Job
from mailworker.core.summable import Summable
from mailworker.errors import BadInput
from mailworker.intake.accept import Intake
from mailworker.ledger import Ledger
from mailworker.ledger.insert_messages import AcceptVerdict, known_recipients, missing_keys
from mailworker.queue import envelope

Entry = tuple[str, Mapping[str, str]]

#: Entries in one transaction; those with files are large.
_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Refilled(Summable):
    """What was read: `jobs` in all, of which the ledger `lacked` some.

    `skipped` entries are older than what is known of calls.
    """

    jobs: int = 0
    lacked: int = 0
    skipped: int = 0


class Refill:
    """Reads kept jobs into the ledger. Of calls before `complete_since` nobody knows: older jobs stay out."""

    def __init__(self, ledger: Ledger, intake: Intake, *, complete_since: datetime | None) -> None:
        self._ledger = ledger
        self._intake = intake
        self._complete_since = complete_since

    def read(self, entries: Iterable[Entry], *, now: datetime, dry_run: bool = False) -> Refilled:
        """Write what the ledger lacks of these entries, or only count it. Raises the ledger's errors."""
        done = Refilled()
        for batch in chunked(entries, _AT_ONCE):
            certain = [entry for entry in batch if self._is_certain(entry)]
            calls = [self._jobs(entry) for entry in certain]
            lacking = self._lacking(calls)
            lacked = sum(len(missing) for _, missing in lacking)
            if lacking and not dry_run:
                lacked = self._write([jobs for jobs, _ in lacking], now)
            done += Refilled(sum(map(len, calls)), lacked, len(batch) - len(certain))
        return done

    def _is_certain(self, entry: Entry) -> bool:
        return self._complete_since is None or envelope.added_at(entry[0]) > self._complete_since

    def _jobs(self, entry: Entry) -> list[Job]:
        """The entry's jobs; one that was refused at first is refused again, and that is known already."""
        entry_id, fields = entry
        try:
            opened = envelope.open_envelope(fields)
            asked_at = envelope.added_at(entry_id)
            return self._intake.check(opened.job, asked_at=asked_at, own_id=opened.own_id)
        except BadInput:
            return []

    def _lacking(self, calls: Sequence[Sequence[Job]]) -> list[tuple[Sequence[Job], list[Job]]]:
        """Each entry that the ledger lacks messages of, with those; none that was refused at first."""
        jobs = {job.key: job for call in calls for job in call}
        with self._ledger.read() as connection:
            missing = missing_keys(connection, list(jobs))
            lost = [job.recipient_key for job in jobs.values() if job.key in missing and job.recipient_key]
            known = known_recipients(connection, lost)
        found = [(call, [job for job in call if job.key in missing]) for call in calls]
        return [
            (call, lacked)
            for call, lacked in found
            if lacked and not any(job.recipient_key in known for job in lacked)
        ]

    def _write(self, calls: Sequence[Sequence[Job]], now: datetime) -> int:
        """How many were written: a key with other content was refused once, and logged then."""
        jobs = [job for call in calls for job in call]
        numbers = [number for number, call in enumerate(calls) for _ in call]
        given = self._intake.write(jobs, now=now, calls=numbers)
        return sum(one.verdict is AcceptVerdict.NEW for one in given)
