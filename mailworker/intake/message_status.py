"""What became of a job, by its message id: in the ledger, among the refused, or still on a stream."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from redis import Redis
from sqlalchemy import select

from mailworker.core.kind import Kind
from mailworker.core.lane import Lane
from mailworker.errors import BadInput
from mailworker.ledger import Ledger
from mailworker.ledger.run_query import first_row
from mailworker.ledger.tables import messages, rejected_jobs
from mailworker.queue import envelope
from mailworker.queue.celery_queues import MAIL
from mailworker.queue.redis_errors import translated
from mailworker.queue.status_reply import MessageStatus
from mailworker.rules.job.expected_message_ids import named_ids

#: Entries of a stream that are looked through for one that no worker has taken.
_LOOKED_AT = 2_000
#: Entries in one answer of Redis's; one with files may have 20 MB.
_AT_ONCE = 20


def status_of(ledger: Ledger, redis: "Redis", kinds: Mapping[str, Kind], id_: str) -> MessageStatus:
    """The status of this id. Raises the transient errors of the ledger, and of Redis where that is asked."""
    with ledger.read() as connection:
        columns = (messages.c.state, messages.c.reason, messages.c.delivery, messages.c.changed_at)
        row = connection.execute(select(*columns).where(messages.c.id == id_)).one_or_none()
        refused = select(rejected_jobs.c.faults, rejected_jobs.c.at).where(rejected_jobs.c.message_id == id_)
        refusals = first_row(connection, refused.order_by(rejected_jobs.c.id.desc()))
    refusal = " ".join(refusals["faults"]) if refusals is not None else ""
    if row is not None:
        changed_at = row.changed_at.isoformat()
        return MessageStatus(id_, row.state, row.reason or "", row.delivery or "", changed_at, refusal)
    if refusals is not None:
        return MessageStatus(id_, "refused", refusal, changed_at=refusals["at"].isoformat(), refusal=refusal)
    if _is_on_a_stream(redis, kinds, id_):
        return MessageStatus(id_, "enqueued", "No worker has taken it yet.")
    return MessageStatus(id_, "not_found", "Nobody knows this id: it was never enqueued, or it is forgotten.")


def _is_on_a_stream(redis: "Redis", kinds: Mapping[str, Kind], id_: str) -> bool:
    with translated():
        return any(id_ in ids for lane in Lane for ids in _waiting(redis, kinds, lane))


def _waiting(redis: "Redis", kinds: Mapping[str, Kind], lane: Lane) -> Iterable[list[str]]:
    newest = "+"
    for left in range(_LOOKED_AT, 0, -_AT_ONCE):
        entries: Any = redis.xrevrange(MAIL[lane].stream, max=newest, count=min(left, _AT_ONCE))
        for _, fields in entries:
            with suppress(BadInput):
                yield named_ids(envelope.open_envelope(fields).job, kinds)
        if not entries:
            return
        newest = f"({entries[-1][0]}"
