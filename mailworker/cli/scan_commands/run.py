"""A scan in this process, from beginning to end."""

from datetime import datetime
from typing import TYPE_CHECKING

from mailworker.cli.console import console, table, write_json
from mailworker.cli.progress import ProgressBar
from mailworker.core.clock import utc_now
from mailworker.core.plural import counted
from mailworker.errors import BadInput, TransientError
from mailworker.ledger.scan_runs import Run, Start
from mailworker.rules.rehearse_or_write import ScanMode
from mailworker.scan_registry import Scan, off, read_as_of, scan_named, scanner

if TYPE_CHECKING:
    from mailworker.container import Container

#: How long one slice may take here: progress shows between pages anyway.
_SLICE_SECONDS = 60.0


def run_or_rehearse(
    container: "Container", name: str, *, dry_run: bool, as_of: str | None, as_json: bool
) -> None:
    """Do the scan, or show what it would do. Raises BadInput where it cannot find anything."""
    scan, moment = scan_named(container, name), read_as_of(container, as_of)
    why = off(container, scan)
    if why is not None and (scan.enabled or not dry_run):
        raise BadInput(why)
    if dry_run:
        from mailworker.cli.scan_commands.dry_run import Rehearsal

        rehearsal = Rehearsal(container, scan, moment)
        return rehearsal.write_json() if as_json else rehearsal.show()
    run = to_its_end(container, scan, moment)
    if as_json:
        write_json(facts(run))
    else:
        show(run)
    return None


def to_its_end(
    container: "Container", scan: Scan, as_of: datetime | None, mode: ScanMode = ScanMode.REAL
) -> Run:
    """One whole scan. Raises TransientError where a worker is at it."""
    start = Start(scan.name, as_of=as_of, mode=mode)
    with ProgressBar("looked at", None) as bar:
        while True:
            work = scanner(container, scan, utc_now).work
            run = work(start, seconds=_SLICE_SECONDS, on_page=lambda it: bar.reach(it.seen, it.expected))
            if run is None:
                raise TransientError("A worker is scanning right now; see mailworker schedule.")
            # One that was left before its end came first: ours begins when it is done.
            if run.finished_at is not None and (run.as_of, run.mode) == (as_of, start.mode):
                return run


def facts(run: Run) -> dict[str, object]:
    """A run as JSON tells it."""
    return {
        "scan": run.scan,
        "run": run.id,
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "seen": run.seen,
        "found": run.found,
        "mails": run.written,
        "skipped": dict(run.skipped),
        "faults": list(run.faults),
    }


def show(run: Run) -> None:
    """A run for people."""
    out = console()
    out.print(
        f"{run.seen} looked at, {run.found} due, {counted(run.written, 'mail')} written; workers send them."
    )
    if run.skipped:
        out.print(
            table(("not now, because", "#how many"), sorted(run.skipped.items(), key=lambda it: -it[1]))
        )
    for fault in run.faults:
        out.print(fault)
