"""From a caller's words to rows in the ledger."""

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, Protocol

from sqlalchemy import Connection

from mailworker.config.crm import NO_DOCUMENTS
from mailworker.core.kind import Kind
from mailworker.core.lane import Lane
from mailworker.core.message import Attachment, AttachmentRef, Job
from mailworker.errors import BadInput, IdempotencyConflict, TransientError
from mailworker.intake.job_row import row_of
from mailworker.intake.rejections import Rejection, rejected_row
from mailworker.ledger import Ledger
from mailworker.ledger.insert_messages import Acceptance, AcceptVerdict, accept, take_back
from mailworker.ledger.notification_log import claim_alerts
from mailworker.ledger.rejected_jobs import reject
from mailworker.ledger.timeline_notes import note
from mailworker.rules.balance_key import AlertKey, read_balance_key
from mailworker.rules.job.check_job import check_job

#: Attachments that are written to the store side by side.
_FILES_AT_ONCE = 16
#: What the first message's timeline notes where its key came again with other content.
REFUSED_AGAIN = (
    "a job with the same key and other content was refused: a corrected document needs `replaces` or a key "
    "of its own"
)
#: What a message's timeline notes where its text could not travel as it came.
FITTED = "made fit for a mail (characters that it cannot carry, line breaks in a name, too long a text): {}"
_FITTED_NAMED = 10


class FileWriter(Protocol):
    """Where attachments are kept until they leave."""

    def put(self, key: str, pdf: bytes) -> None:
        """Keep the content under `key`; TransientError where that cannot be done now."""

    def delete(self, key: str) -> None:
        """Remove the content, if it is there; TransientError where that cannot be done now."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A job's messages, their lane, and whether an invoice has to be prepared first."""

    ids: list[str]
    lane: Lane
    to_prepare: bool


class Intake:
    """Checks jobs and writes them down."""

    def __init__(
        self,
        ledger: Ledger,
        kinds: Mapping[str, Kind],
        files: FileWriter,
        *,
        language: str,
        has_documents: Callable[[], bool] = lambda: True,
    ) -> None:
        self._ledger = ledger
        self._kinds = kinds
        self._files = files
        self._language = language
        self._has_documents = has_documents

    def check(self, raw: Any, *, asked_at: datetime, own_id: str | None = None) -> list[Job]:
        """The jobs in what a caller gave, one for each recipient. Raises BadInput with every fault."""
        jobs = check_job(raw, self._kinds, now=asked_at, language=self._language, own_id=own_id)
        if self._needs_a_document(jobs[0]) and not self._has_documents():
            raise BadInput(f"invoice_id: {NO_DOCUMENTS}.")
        return jobs

    def _needs_a_document(self, job: Job) -> bool:
        return job.invoice is None and job.invoice_id is not None and self._kinds[job.kind].invoice_pdf

    def accept(self, raw: Any, *, now: datetime, own_id: str | None = None) -> Accepted:
        """Check and write one job as a whole. `own_id` is the message's id where no key gives it one.

        The same key with the same content answers with the first message. Raises BadInput where the job is
        wrong, IdempotencyConflict where the key was used for other content; nothing is written then.
        """
        jobs = self.check(raw, asked_at=now, own_id=own_id)
        given = self.write(jobs, now=now, calls=[0] * len(jobs))
        conflicts = [one for one in given if one.verdict is AcceptVerdict.CONFLICT]
        if conflicts:
            raise IdempotencyConflict(
                f"idempotency_key: was already used for message {conflicts[0].message_id} "
                "with other content; use a new key for a new mail."
            )
        return Accepted([job.id for job in jobs], jobs[0].lane, jobs[0].needs_preparing)

    def write(
        self,
        jobs: Sequence[Job],
        *,
        now: datetime,
        rejections: Sequence[Rejection] = (),
        calls: Sequence[int] = (),
    ) -> list[Acceptance]:
        """Write checked jobs, and what was wrong with others, in one transaction; answer for each job.

        Jobs of one number in `calls` came as one, to several people: where one of them is refused all are.
        Files are kept once their row is won, and before anybody can see it: a job that is refused, or that
        repeats another, leaves none.
        """
        contents: dict[int, bytes] = {}
        files = [_files_of(job, contents) for job in jobs]
        rows = [row_of(job, [file.ref for file in own], now) for job, own in zip(jobs, files, strict=True)]
        with self._ledger.write() as connection:
            acceptances = accept_whole(connection, rows, now, calls)
            claim_alerts(connection, _alerts(jobs, acceptances), now=now)
            note(connection, _notes(jobs, acceptances), now=now)
            reject(connection, [rejected_row(rejection, self._kinds, now) for rejection in rejections])
            won = zip(files, acceptances, strict=True)
            self._keep([file for own, given in won if given.verdict is AcceptVerdict.NEW for file in own])
        return acceptances

    def _keep(self, files: Sequence["_KeptFile"]) -> None:
        """Many at once: each waits for its disk or its network, and those sync many in the time of one."""
        if not files:
            return
        try:
            with ThreadPoolExecutor(_FILES_AT_ONCE) as pool:
                list(pool.map(lambda file: self._files.put(file.ref.key, file.content), files))
        except TransientError:
            for file in files:
                with suppress(TransientError):
                    self._files.delete(file.ref.key)
            raise


def accept_whole(
    connection: Connection, rows: Sequence[Mapping[str, Any]], now: datetime, calls: Sequence[int]
) -> list[Acceptance]:
    """Write the rows; where one of a call is refused, none of that call is written."""
    together = accept(connection, rows, now)
    if not _in_part(calls, together):
        return together
    take_back(connection, [one.message_id for one in together if one.verdict is AcceptVerdict.NEW])
    acceptances: list[Acceptance] = []
    for _, numbered in groupby(range(len(rows)), key=calls.__getitem__):
        given = accept(connection, [rows[position] for position in numbered], now)
        if why := _in_part([0] * len(given), given):
            new = [one.message_id for one in given if one.verdict is AcceptVerdict.NEW]
            take_back(connection, new)
            refused = Acceptance(why, AcceptVerdict.CONFLICT)
            given = [refused if one.message_id in new else one for one in given]
        acceptances += given
    return acceptances


def _in_part(calls: Sequence[int], acceptances: Sequence[Acceptance]) -> str:
    """The message that stands in the way of a call of which others were written; empty where none is so."""
    pairs = list(zip(calls, acceptances, strict=True))
    new = {call for call, one in pairs if one.verdict is AcceptVerdict.NEW}
    in_the_way = (one for call, one in pairs if call in new and one.verdict is AcceptVerdict.CONFLICT)
    return next((one.message_id for one in in_the_way), "")


@dataclass(frozen=True, slots=True)
class _KeptFile:
    ref: AttachmentRef
    content: bytes = field(repr=False)


def _files_of(job: Job, contents: dict[int, bytes]) -> list[_KeptFile]:
    return [_file_of(job, number, file, contents) for number, file in enumerate(job.attachments)]


def _file_of(job: Job, number: int, file: Attachment, contents: dict[int, bytes]) -> _KeptFile:
    """The file under a name that holds its digest: other content never takes its place.

    The many recipients of one job share its files in memory: `contents` has what is decoded already.
    """
    if id(file) not in contents:
        contents[id(file)] = base64.b64decode(file.base64)
    content = contents[id(file)]
    digest = hashlib.sha256(content).hexdigest()
    key = f"{job.id}-{number}-{digest}"
    return _KeptFile(AttachmentRef(key, file.filename, file.content_type, len(content), digest), content)


def _notes(jobs: Sequence[Job], acceptances: Sequence[Acceptance]) -> dict[str, str]:
    """What earlier messages' timelines should note of these jobs."""
    notes: dict[str, str] = {}
    for job, given in zip(jobs, acceptances, strict=True):
        if given.verdict is AcceptVerdict.NEW and job.fitted:
            notes[given.message_id] = FITTED.format(", ".join(job.fitted[:_FITTED_NAMED]))
        if given.verdict is AcceptVerdict.CONFLICT:
            notes[given.message_id] = REFUSED_AGAIN
        elif given.verdict is AcceptVerdict.NEW and job.replaces:
            notes[job.replaces] = f"a corrected one was sent: {given.message_id}"
            place = f"sent in the place of {job.replaces}"
            notes[given.message_id] = "; ".join(filter(None, (notes.get(given.message_id), place)))
    return notes


def _alerts(jobs: Sequence[Job], acceptances: Sequence[Acceptance]) -> dict[str, AlertKey]:
    """The alerts about balances among the new messages, by message id."""
    new = [job for job, given in zip(jobs, acceptances, strict=True) if given.verdict is AcceptVerdict.NEW]
    return {job.id: alert for job in new if (alert := read_balance_key(job.key))}
