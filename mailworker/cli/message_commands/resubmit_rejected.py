"""Refused jobs, taken in again once what was wrong with them is mended.

The ledger keeps no values of what it refuses; Redis keeps the job itself for a while (`worker.keep_jobs`).
After that its caller has to repeat the call.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mailworker.cli.console import console, table, write_json
from mailworker.core.age_in_words import age
from mailworker.core.clock import utc_now
from mailworker.core.lane import Lane
from mailworker.core.plural import counted
from mailworker.errors import BadInput
from mailworker.ledger.insert_messages import AcceptVerdict
from mailworker.ledger.rejected_jobs import forget_rejected, rejected_with
from mailworker.queue import envelope
from mailworker.queue.redis_errors import StreamUnavailable
from mailworker.rules.job.idempotency_key import message_id

if TYPE_CHECKING:
    from mailworker.container import Container
    from mailworker.core.message import Job

_NO_CONTENT = (
    "its content is not kept for longer than worker.keep_jobs ({}), for it may be secret: have it enqueued "
    "again, with the same key"
)
_NEVER_KEPT = (
    "what comes by a Celery task is not kept, for it may be secret: have it enqueued again, with its key"
)
_CONFLICT = "its key belongs to a message with other content"


def resubmit_jobs(
    container: "Container", numbers: Sequence[int], *, act: bool, as_json: bool = False
) -> None:
    """Take these jobs in, as of when they were enqueued; give for the rest why that cannot be."""
    with container.ledger.read() as connection:
        rows = rejected_with(connection, numbers)
    refusals = dict.fromkeys({*numbers} - {r["id"] for r in rows}, "there is no refused job of this number")
    taken = 0
    for row in rows:
        why = _hindrance(container, row, act=act)
        if why:
            refusals[row["id"]] = why
        else:
            taken += 1
    if as_json:
        refused = [{"number": number, "why": why} for number, why in sorted(refusals.items())]
        write_json({"taken": taken, "dry_run": not act, "refused": refused})
        return
    out = console()
    if refusals:
        out.print(table(("no.", "cannot be taken in, because"), sorted(refusals.items())))
    on_their_way = counted(taken, "is on its way.", "are on their way.")
    out.print(on_their_way if act else f"Dry run: {taken} would be taken in. Add --yes to do it.")


def _hindrance(container: "Container", row: Mapping[str, Any], *, act: bool) -> str:
    """Take the job in, or say why not; without `act` it is only checked."""
    try:
        jobs = _jobs_of(container, row)
    except BadInput as fault:
        return "\n".join(fault.faults)
    except StreamUnavailable as fault:
        return str(fault)
    return _take_in(container, row["id"], jobs) if act else ""


def _jobs_of(container: "Container", row: Mapping[str, Any]) -> "list[Job]":
    """The job's messages, its lifetime counted from when it was enqueued, or refused. Raises BadInput."""
    if "kind" in (row["payload"] or {}):  # as the ledger kept it once
        own = message_id(f"refused:{row['id']}")
        return container.intake.check(dict(row["payload"]), asked_at=row["at"], own_id=own)
    if row["source"] != "stream":
        raise BadInput(_NEVER_KEPT)
    lane, _, entry_id = (row["entry_id"] or "").rpartition(":")
    # Rows of older workers name no lane; where two streams had the id, nobody knows whose the row is.
    lanes = [Lane.from_word(lane)] if lane else list(Lane)
    found = [fields for one in lanes if (fields := container.kept_jobs(one).find(entry_id))]
    if len(found) != 1:
        raise BadInput(_NO_CONTENT.format(age(container.settings.worker.keep_jobs)))
    opened = envelope.open_envelope(found[0])
    own = opened.own_id or message_id(f"refused:{row['id']}")
    return container.intake.check(opened.job, asked_at=envelope.added_at(entry_id), own_id=own)


def _take_in(container: "Container", number: int, jobs: "list[Job]") -> str:
    acceptances = container.intake.write(jobs, now=utc_now(), calls=[0] * len(jobs))
    if any(one.verdict is AcceptVerdict.CONFLICT for one in acceptances):
        return _CONFLICT
    with container.ledger.write() as connection:
        forget_rejected(connection, number)
    return ""
