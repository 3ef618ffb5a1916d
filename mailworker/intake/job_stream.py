"""Draining a lane's stream into the ledger: many jobs in one transaction, acknowledged after its commit.

An entry stays pending in its consumer group until it is acknowledged, so a worker that dies anywhere in here
loses nothing: the entry comes again, and its key finds the row that may already be there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis import Redis

from mailworker.core.message import Job, Lane
from mailworker.errors import BadInput, IdempotencyConflict
from mailworker.intake.accept import Intake, Rejection, rejection_of
from mailworker.ledger.insert_messages import AcceptVerdict
from mailworker.queue import envelope
from mailworker.queue.stream import Entry, GroupStream

#: Jobs in one transaction: enough to make it cheap, few enough that a password reset waits briefly for it.
AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class JobsDrained:
    """What one go at the stream found."""

    entries: int = 0
    new: int = 0
    repeated: int = 0
    rejected: int = 0
    to_prepare: int = 0


class JobStream:
    """One lane's stream of jobs, as a worker reads it.

    `redis` must decode its answers (`decode_responses=True`) and speak RESP2.
    """

    def __init__(self, redis: "Redis", lane: Lane, intake: Intake) -> None:
        self._lane = lane
        self._stream = GroupStream(redis, envelope.stream(lane), envelope.GROUP, at_once=AT_ONCE)
        self._intake = intake

    def drain_some(self, now: datetime) -> JobsDrained:
        """Move up to `AT_ONCE` jobs into the ledger; `entries` is 0 when the stream is empty.

        Raises StreamUnavailable when Redis does not answer, and what the ledger raises when it does not; the
        jobs stay on the stream then.
        """
        entries = self._stream.read()
        drained = self._write(entries, now)
        self._stream.acknowledge(entries)
        return drained

    def take_ticket(self) -> None:
        """Say that this lane's ticket was heard: whoever enqueues from now on sends another."""
        self._stream.forget_flag(envelope.awake_flag(self._lane))

    def waiting(self) -> int:
        """How many jobs are on the stream, those in a dead worker's hands included."""
        return self._stream.waiting()

    def _write(self, entries: list[Entry], now: datetime) -> JobsDrained:
        jobs: list[tuple[str, Mapping[str, Any], Job]] = []
        rejections: list[Rejection] = []
        for entry_id, fields in entries:
            raw: Any = None
            try:
                opened = envelope.open_envelope(fields)
                raw = opened.job
                asked_at = envelope.added_at(entry_id)
                checked = self._intake.check(raw, asked_at=asked_at, own_id=opened.own_id)
                jobs += [(entry_id, raw, job) for job in checked]
            except BadInput as fault:
                rejections.append(rejection_of(fault, raw, source="stream", entry_id=entry_id))
        if not jobs and not rejections:
            return JobsDrained()
        acceptances = self._intake.write([job for _, _, job in jobs], now=now, rejections=rejections)
        conflicts = [
            rejection_of(IdempotencyConflict(), raw, source="stream", entry_id=entry_id)
            for (entry_id, raw, _), acceptance in zip(jobs, acceptances, strict=True)
            if acceptance.verdict is AcceptVerdict.CONFLICT
        ]
        if conflicts:
            self._intake.write([], now=now, rejections=conflicts)
        count = [acceptance.verdict for acceptance in acceptances].count
        refused = len(rejections) + len(conflicts)
        to_prepare = sum(job.needs_preparing for _, _, job in jobs)
        return JobsDrained(
            len(entries), count(AcceptVerdict.NEW), count(AcceptVerdict.REPEATED), refused, to_prepare
        )
