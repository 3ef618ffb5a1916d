"""What `mailworker ledger refill` does and prints."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mailworker.core.plural import counted
from mailworker.intake.ledger_refill import Refill, Refilled
from mailworker.queue.celery_queues import EVENTS, MAIL

if TYPE_CHECKING:
    from mailworker.container import Container


@dataclass(frozen=True, slots=True)
class RefillReport:
    """What was found: jobs, since when they were kept, and how many events were put back on their stream."""

    jobs: Refilled
    since: datetime | None
    events: int

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        since = self.since.isoformat() if self.since else None
        return asdict(self.jobs) | {"since": since, "events": self.events}


def refilled(container: "Container", *, dry_run: bool) -> RefillReport:
    """Read the kept jobs into the ledger, the urgent ones first, then put the kept events back.

    Raises the errors of Redis, ledger and store; run again, it goes on.
    """
    refill = Refill(container.ledger, container.intake, complete_since=container.journal.complete_since())
    done, since, events = Refilled(), None, 0
    lanes = {channel.stream for channel in MAIL.values()}
    for kept in container.kept():
        figures = kept.figures()
        if kept.stream in lanes:
            done += refill.read(kept.entries(), now=container.clock(), dry_run=dry_run)
            since = min(filter(None, (since, figures.since)), default=None)
        elif kept.stream == EVENTS.stream:
            events = figures.entries if dry_run else kept.put_back()
    return RefillReport(done, since, events)


def sentence_of(found: RefillReport, *, dry_run: bool) -> str:
    """The report in sentences."""
    if found.since is None:
        lines = ["Redis keeps no jobs: nothing to read (worker.keep_jobs says for how long it does)."]
    else:
        lines = [
            f"Redis keeps {counted(found.jobs.jobs, 'job')}, from {found.since:%Y-%m-%d %H:%M:%S} UTC on."
        ]
        if not found.jobs.lacked:
            lines.append("The ledger has them all: nothing to do.")
        elif dry_run:
            lines.append(f"The ledger lacks {found.jobs.lacked} of them; nothing was changed.")
        else:
            lacked = f"The ledger lacked {found.jobs.lacked} of them"
            lines.append(f"{lacked}; it has them now, and workers go on with them.")
    if found.jobs.skipped:
        entries = counted(found.jobs.skipped, "entry is", "entries are")
        lines.append(f"{entries} left out, older than what is known of calls: see docs/outages.md.")
    if found.events:
        lines.append(f"{found.events} webhook calls {'would be' if dry_run else 'are'} read once more.")
    return "\n".join(lines)
