"""What Redis keeps for a ledger that lost its last commits: how much, and whether this one did."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from mailworker.cli.doctor_checks.finding import Note
from mailworker.core.age_in_words import age
from mailworker.core.plural import counted
from mailworker.core.readable_size import readable_size
from mailworker.limits.call_journal import JournalUnavailable
from mailworker.queue.redis_errors import StreamUnavailable

if TYPE_CHECKING:
    from mailworker.container import Container

_FULL = 0.9


def kept_faults(container: "Container", now: datetime) -> Iterator[str]:
    """How far back the kept jobs and events reach, and what they weigh."""
    found = [(kept, kept.figures()) for kept in container.kept()]
    count = sum(figures.entries for _, figures in found)
    moments = [figures.since for _, figures in found if figures.since is not None]
    if not count:
        return
    most = container.keeping.max_bytes
    weight = readable_size(sum(figures.bytes for _, figures in found))
    yield Note(
        f"Redis keeps {counted(count, 'entry', 'entries')} of jobs and events of the last "
        f"{age(now - min(moments))} for `mailworker ledger refill`: "
        f"{weight} of at most {readable_size(most * len(found))}."
    )
    for kept, one in found:
        if one.since is not None and one.bytes > most * _FULL and now - one.since < kept.period * _FULL:
            yield Note(
                f"Redis keeps {kept.stream} of the last {age(now - one.since)} only, not of "
                f"{age(kept.period)}: raise worker.keep_jobs_bytes, if Redis has the memory."
            )


def lost_faults(container: "Container") -> Iterator[str]:
    """Whether the ledger lacks jobs that Redis kept: it was restored, or failed over."""
    from mailworker.cli.ledger_refill import refilled

    try:
        lacked = refilled(container, dry_run=True).jobs.lacked
    except (StreamUnavailable, JournalUnavailable):  # which is shown above
        return
    if lacked:
        yield (
            f"The ledger lacks {counted(lacked, 'job that was', 'jobs that were')} in it, as after a restore "
            "or a fail-over to a standby that was behind: `mailworker ledger refill` brings "
            "them back, and sends nothing twice."
        )
