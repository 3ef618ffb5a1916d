"""Draining a lane's stream into the ledger: many jobs in one transaction, acknowledged after its commit.

An entry stays pending in its consumer group until it is acknowledged, so a worker that dies anywhere in here
loses nothing: the entry comes again, and its key finds the row that may already be there.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis import Redis

from mailworker.core.lane import Lane
from mailworker.core.message import Job
from mailworker.core.summable import Summable
from mailworker.errors import BadInput, IdempotencyConflict
from mailworker.intake.accept import Intake
from mailworker.intake.entry_recipients import recipients_of
from mailworker.intake.rejections import Rejection, rejection_of
from mailworker.ledger.insert_messages import AcceptVerdict
from mailworker.queue import envelope
from mailworker.queue.celery_queues import MAIL
from mailworker.queue.drain import ChannelReader
from mailworker.queue.fair_stream import FairStream
from mailworker.queue.refill_log import Keeping
from mailworker.queue.stream import Entry, GroupStream

#: Jobs in one transaction: enough to make it cheap, few enough that a password reset waits briefly for it.
AT_ONCE = 200
#: Jobs of the urgent lane that are looked at together, to separate a flood from the rest.
_LOOKS_AT = 500


@dataclass(frozen=True, slots=True)
class JobsDrained(Summable):
    """What one go at the stream found; `alarms` are for people.

    `ids` are the new messages, `waits` the seconds that each of their jobs was on the stream; `carriers` are
    the traces of those whose callers trace.
    """

    entries: int = 0
    new: int = 0
    repeated: int = 0
    rejected: int = 0
    to_prepare: int = 0
    alarms: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    waits: tuple[float, ...] = ()
    carriers: tuple[tuple[str, str], ...] = ()


class JobStream(ChannelReader[JobsDrained]):
    """One lane's stream of jobs, as a worker reads it.

    `redis` must decode its answers (`decode_responses=True`) and speak RESP2.
    """

    def __init__(self, redis: "Redis", lane: Lane, intake: Intake, *, keeping: Keeping | None = None) -> None:
        super().__init__(
            _stream_of(redis, lane),
            sink=lambda now: _Ledgered(intake, lane, now),
            total=lambda found: sum(found.results, JobsDrained(entries=found.newer, alarms=found.alarms)),
            keeping=keeping,
        )


def _stream_of(redis: "Redis", lane: Lane) -> GroupStream:
    """The urgent lane's is fair between recipients: there somebody waits for the mail."""
    name = MAIL[lane].stream
    if lane is not Lane.URGENT:
        return GroupStream(redis, name, at_once=AT_ONCE)
    return FairStream(redis, name, looks_at=_LOOKS_AT, at_once=AT_ONCE, recipients_of=recipients_of)


def _carriers(entries: Sequence[Entry], new: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Each new message with its entry's trace, where there is one."""
    known = {entry_id: envelope.trace_of(fields) for entry_id, fields in entries}
    return tuple((message_id, known[entry_id]) for entry_id, message_id in new if known[entry_id])


class _Ledgered:
    """Stream entries become rows. Refused ones are named with their lane, for two streams may use one id."""

    def __init__(self, intake: Intake, lane: Lane, now: datetime) -> None:
        self._intake = intake
        self._lane = lane
        self._now = now

    def write(self, entries: Sequence[Entry]) -> JobsDrained:
        """Write all of them in one transaction, messages and rejections."""
        jobs, calls = list[tuple[str, Mapping[str, Any], Job]](), list[int]()
        rejections: list[Rejection] = []
        for call, (entry_id, fields) in enumerate(entries):
            raw: Any = None
            try:
                opened = envelope.open_envelope(fields)
                raw = opened.job
                checked = self._intake.check(raw, asked_at=envelope.added_at(entry_id), own_id=opened.own_id)
                jobs += [(entry_id, raw, job) for job in checked]
                calls += [call] * len(checked)
            except BadInput as fault:
                rejections.append(self._rejection(fault, raw, entry_id))
        acceptances = self._intake.write(
            [job for _, _, job in jobs], now=self._now, rejections=rejections, calls=calls
        )
        answered = list(zip(jobs, acceptances, strict=True))
        # A job to several people is refused once, as a whole.
        conflicts = {
            entry_id: self._rejection(IdempotencyConflict(), raw, entry_id)
            for (entry_id, raw, _), one in answered
            if one.verdict is AcceptVerdict.CONFLICT
        }
        if conflicts:
            self._intake.write([], now=self._now, rejections=tuple(conflicts.values()))
        new = [(job[0], one.message_id) for job, one in answered if one.verdict is AcceptVerdict.NEW]
        return JobsDrained(
            len(entries),
            len(new),
            sum(one.verdict is AcceptVerdict.REPEATED for one in acceptances),
            len(rejections) + len(conflicts),
            sum(job.needs_preparing for _, _, job in jobs),
            ids=tuple(message_id for _, message_id in new),
            carriers=_carriers(entries, new),
            waits=tuple((self._now - envelope.added_at(entry_id)).total_seconds() for entry_id, _ in new),
        )

    def reject(self, entry: Entry, fault: str) -> JobsDrained:
        """Keep the job's words for people, so far as they can be read."""
        entry_id, fields = entry
        raw: Any = None
        with suppress(BadInput):
            raw = envelope.open_envelope(fields).job
        rejection = self._rejection(BadInput(fault), raw, entry_id)
        self._intake.write([], now=self._now, rejections=[rejection])
        return JobsDrained(entries=1, rejected=1)

    def _rejection(self, fault: BadInput | IdempotencyConflict, raw: Any, entry_id: str) -> Rejection:
        return rejection_of(fault, raw, source="stream", entry_id=f"{self._lane.word}:{entry_id}")
