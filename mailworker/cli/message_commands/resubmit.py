"""Refused jobs, taken in again once what was wrong with them is mended.

The ledger keeps no values of what it refuses today; of such a job the caller has to repeat the call.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mailworker.cli.console import console, table
from mailworker.core.clock import utc_now
from mailworker.errors import BadInput
from mailworker.ledger.insert_messages import AcceptVerdict
from mailworker.ledger.rejected import forget_rejected, rejected_with
from mailworker.rules.job.idempotency_key import message_id

if TYPE_CHECKING:
    from mailworker.container import Container
    from mailworker.core.message import Job

_NO_CONTENT = "its content was not kept, for it may be secret: have it enqueued again, with the same key"
_CONFLICT = "its key belongs to a message with other content"


def resubmit_jobs(container: "Container", numbers: Sequence[int], *, act: bool) -> None:
    """Take these jobs in, as of when they were enqueued; say of the rest why that cannot be."""
    with container.ledger.read() as connection:
        rows = rejected_with(connection, numbers)
    told = dict.fromkeys({*numbers} - {r["id"] for r in rows}, "there is no refused job of this number")
    taken = 0
    for row in rows:
        why = _hindrance(container, row, act=act)
        if why:
            told[row["id"]] = why
        else:
            taken += 1
    out = console()
    if told:
        out.print(table(("no.", "cannot be taken in, because"), sorted(told.items())))
    out.print(f"{taken} are on their way." if act else f"{taken} would be taken in. Do it with --yes.")


def _hindrance(container: "Container", row: Mapping[str, Any], *, act: bool) -> str:
    """Take the job in, or say why not; without `act` it is only checked."""
    if "kind" not in (row["payload"] or {}):
        return _NO_CONTENT
    try:
        jobs = _jobs_of(container, row)
    except BadInput as fault:
        return "\n".join(fault.faults)
    return _take_in(container, row["id"], jobs) if act else ""


def _jobs_of(container: "Container", row: Mapping[str, Any]) -> "list[Job]":
    """The job's messages. Its lifetime counts from when it was refused, and its id is always the same."""
    return container.intake.check(
        dict(row["payload"]), asked_at=row["at"], own_id=message_id(f"refused:{row['id']}")
    )


def _take_in(container: "Container", number: int, jobs: "list[Job]") -> str:
    acceptances = container.intake.write(jobs, now=utc_now())
    if any(one.verdict is AcceptVerdict.CONFLICT for one in acceptances):
        return _CONFLICT
    with container.ledger.write() as connection:
        forget_rejected(connection, number)
    return ""
