"""One scan's story: take its lease, read a page, decide, write, and go on until the slice's time is over.

Every page is written in one short transaction together with the bookmark. A scan that dies goes on where it
was, whoever goes on with it; two who start it at once find one lease.
"""

import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Connection

from mailworker.config.worker import LEASE
from mailworker.crm.row_source_interface import Cursor
from mailworker.errors import TransientError
from mailworker.ledger import Ledger
from mailworker.ledger.claiming import Lease
from mailworker.ledger.insert_messages import AcceptVerdict, accept
from mailworker.ledger.notification_log import Claim, claim, unclaim
from mailworker.ledger.scan_runs import Run, Start, advance, finish, let_go, take
from mailworker.rules.rehearse_or_write import ScanMode

RecordT = TypeVar("RecordT")

#: How many sentences about records that cannot be read a run keeps.
KEPT_FAULTS = 20


@dataclass(frozen=True, slots=True)
class ScanBatch(Generic[RecordT]):
    """Records to decide about together, and the position in the list after them."""

    records: Sequence[RecordT]
    end: Cursor | None
    faults: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ScanClaim:
    """One mail: its row for the ledger, its notifications, and why, for staff.

    `implied` is what need not be sent any more once this is; it may have been sent before.
    """

    row: Mapping[str, Any] = field(repr=False)
    claims: tuple[Claim, ...]
    why: str
    implied: tuple[Claim, ...] = ()


@dataclass(frozen=True, slots=True)
class Findings:
    """What a batch has: mails to write, how many records are not due and why, what cannot be written."""

    notifications: Sequence[ScanClaim] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    faults: Sequence[str] = ()


class Subject(Protocol[RecordT]):
    """What is scanned, and how it is decided about."""

    @property
    def scan(self) -> str:
        """The scan's name in the ledger."""

    def count(self) -> int | None:
        """How many records there are, where that is cheap to know."""

    def batches(self, after: Cursor | None) -> Iterator[ScanBatch[RecordT]]:
        """All records, or those after a position."""

    def inspect(self, records: Sequence[RecordT], *, as_of: datetime, now: datetime) -> Findings:
        """Decide about these for the moment `as_of`. Reads the notifications; writes nothing."""


#: Gets how far the scan is, after each page.
Progress = Callable[[Run], None]


def rehearse(
    subject: Subject[RecordT], *, as_of: datetime, now: datetime
) -> Iterator[tuple[ScanBatch[RecordT], Findings]]:
    """What a scan would find, page by page; nothing is written."""
    for batch in subject.batches(None):
        yield batch, subject.inspect(batch.records, as_of=as_of, now=now)


class Scanner(Generic[RecordT]):
    """Works on one subject's scans. `clock` gives the time, in UTC."""

    def __init__(
        self,
        ledger: Ledger,
        subject: Subject[RecordT],
        *,
        clock: Callable[[], datetime],
        lease: timedelta = LEASE,
    ) -> None:
        self._ledger = ledger
        self._subject = subject
        self._clock = clock
        self._lease_time = lease

    def work(self, start: Start, *, seconds: float, on_page: Progress = lambda _run: None) -> Run | None:
        """Go on with this scan for so long, or until its end; None where there is nothing for us to do.

        The run that it gives is finished, or goes on with the next call. Raises the CRM's and the ledger's
        transient errors; the run keeps its position and their reason.
        """
        lease, deadline = self._lease(str(uuid.uuid4())), time.monotonic() + seconds
        with self._ledger.write() as connection:
            run = take(connection, start, lease, self._clock())
        if run is None:
            return None
        try:
            return self._pages(run, lease.token, deadline, on_page)
        except TransientError as fault:
            self._leave(run, lease.token, str(fault))
            raise

    def _pages(self, run: Run, token: str, deadline: float, on_page: Progress) -> Run | None:
        if run.expected is None:
            run = replace(run, expected=self._subject.count())
        for batch in self._subject.batches(run.cursor):
            now = self._clock()
            findings = self._subject.inspect(batch.records, as_of=run.as_of or now, now=now)
            further = self._write(run, batch, findings, now, token)
            if further is None:
                return None
            run = further
            on_page(run)
            if time.monotonic() > deadline:
                self._leave(run, token)
                return run
        with self._ledger.write() as connection:
            ended_at = self._clock()
            ours = finish(connection, run, self._lease(token), ended_at)
        return replace(run, finished_at=ended_at) if ours else None

    def _write(
        self, run: Run, batch: ScanBatch[RecordT], findings: Findings, now: datetime, token: str
    ) -> Run | None:
        """The page's messages, their claims and the bookmark; None, nothing written, without the lease."""
        further = _further(run, batch, findings)
        with self._ledger.write() as connection:
            if not advance(connection, further, self._lease(token)):
                return None
            written = self._write_mails(connection, run, findings.notifications, now)
            further = replace(further, written=further.written + written)
            advance(connection, further, self._lease(token))
        return further

    def _write_mails(
        self, connection: Connection, run: Run, notifications: Sequence[ScanClaim], now: datetime
    ) -> int:
        """Write what is new, and give how many mails that is.

        A rehearsal writes nothing; a baseline only claims, so that what is due today counts as sent.
        """
        if run.mode == ScanMode.REHEARSAL:
            return 0
        if run.mode == ScanMode.BASELINE:
            claim(connection, _claims(notifications), run_id=run.id, now=now)
            return 0
        return write_mails(connection, notifications, run_id=run.id, now=now)

    def _leave(self, run: Run, token: str, error: str | None = None) -> None:
        with self._ledger.write() as connection:
            let_go(connection, run, self._lease(token), error)

    def _lease(self, token: str) -> Lease:
        return Lease(token, self._clock() + self._lease_time)


def write_mails(connection: Connection, mails: Sequence[ScanClaim], *, run_id: int, now: datetime) -> int:
    """Write those mails all of whose claims are new; give how many they are."""
    claimed = claim(connection, _claims(mails), run_id=run_id, now=now)
    fresh = [mail for mail in mails if {one.key for one in mail.claims} <= claimed]
    kept = {one.key for mail in fresh for one in (*mail.claims, *mail.implied)}
    unclaim(connection, claimed - kept)
    accepted = accept(connection, [mail.row for mail in fresh], now) if fresh else ()
    return sum(one.verdict is AcceptVerdict.NEW for one in accepted)


def _claims(notifications: Sequence[ScanClaim]) -> list[tuple[Claim, str]]:
    return [(one, mail.row["id"]) for mail in notifications for one in (*mail.claims, *mail.implied)]


def _further(run: Run, batch: ScanBatch[Any], findings: Findings) -> Run:
    skipped = Counter(run.skipped) + Counter(findings.skipped) + Counter(unreadable=len(batch.faults))
    return replace(
        run,
        cursor=list(batch.end) if batch.end is not None else run.cursor,
        seen=run.seen + len(batch.records) + len(batch.faults),
        found=run.found + sum(len(mail.claims) for mail in findings.notifications),
        skipped=dict(skipped),
        faults=[*run.faults, *batch.faults, *findings.faults][:KEPT_FAULTS],
    )
