"""The scans: each works for a slice of time, and leaves the rest to the next task."""

from collections.abc import Mapping
from typing import Any

from mailworker.container import Container
from mailworker.core.lane import Lane
from mailworker.core.scan_names import BALANCES, OVERDUE_INVOICES
from mailworker.errors import TransientError
from mailworker.ledger.scan_runs import Run, Start, due
from mailworker.queue.celery_queues import DISPATCH, SCANS
from mailworker.rules.rehearse_or_write import ScanMode
from mailworker.scan_registry import (
    Scan,
    off,
    read_as_of,
    rehearses,
    scan_named,
    scanner,
    scans_of,
    start_when_due,
    weigh,
)
from mailworker.tasks.app import app
from mailworker.tasks.base import CommandTask, HousekeepingTask, current_container, log
from mailworker.tasks.time_slices import wake

#: How long one task works on a scan, in seconds: far from the limit of 110 s, one slow page included.
SLICE_SECONDS = 40.0
#: How long a scan for a certain day waits for another one that is under way.
_WAIT_SECONDS = 30


@app.task(name="mailworker.scan_when_due", base=HousekeepingTask)
def scan_when_due() -> None:
    """Start each scan that is due by timetable, or that was left before its end: beat asks every minute."""
    container = current_container()
    try:
        now = container.clock()
        with container.ledger.read() as connection:
            wanted = [
                scan
                for scan in scans_of(container)
                if off(container, scan) is None and due(connection, start_when_due(container, scan, now), now)
            ]
    except TransientError as fault:
        log.warning("no scan started, the next minute looks again", why=str(fault))
        return
    for scan in wanted:
        _start(scan, {"when_due": True})


@app.task(name="mailworker.scan_overdue_invoices", base=CommandTask)
def scan_overdue_invoices(as_of: str | None = None, when_due: bool = False) -> None:  # noqa: FBT001, FBT002 - JSON
    """Remind of unpaid invoices, as things stand now or `as_of` a day or moment.

    `when_due`: only if it is due by the timetable, or a scan was left before its end.
    """
    _scan(OVERDUE_INVOICES, as_of, when_due=when_due)


@app.task(name="mailworker.scan_balances", base=CommandTask)
def scan_balances(as_of: str | None = None, when_due: bool = False) -> None:  # noqa: FBT001, FBT002 - JSON
    """Announce balances that are low or have expired, as things stand now or `as_of` a day or moment.

    `when_due`: only if it is due by the timetable, or a scan was left before its end.
    """
    _scan(BALANCES, as_of, when_due=when_due)


def _scan(name: str, as_of: str | None, *, when_due: bool) -> None:
    container = current_container()
    scan, moment = scan_named(container, name), read_as_of(container, as_of)
    try:
        if (why := off(container, scan)) is not None:
            if not when_due:
                log.info("nothing scanned", scan=name, why=why)
            return
        now = container.clock()
        start = start_when_due(container, scan, now) if when_due else Start(name, as_of=moment)
        with container.ledger.read() as connection:
            ours = due(connection, start, now)
        run = scanner(container, scan, container.clock).work(start, seconds=SLICE_SECONDS) if ours else None
        if run is not None:
            weigh(container, scan, run)
            _go_on(container, scan, run)
        if moment is not None and (run is None or run.as_of != moment):
            # Another scan came first: this one is for a certain day, and must not be forgotten over it.
            _start(scan, {"as_of": as_of}, countdown=_WAIT_SECONDS)
    except TransientError as fault:
        log.warning("scan stopped, the next minute resumes it", scan=name, why=str(fault))


def _go_on(container: Container, scan: Scan, run: Run) -> None:
    """Report how far the scan is, have the next slice done, and wake the task that sends."""
    done = run.finished_at is not None
    log.info(
        "scan finished" if done else "scanning",
        scan=scan.name,
        run=run.id,
        seen=run.seen,
        expected=run.expected,
        found=run.found,
        written=run.written,
        skipped=dict(run.skipped),
        mode=str(run.mode),
    )
    if done and run.mode == ScanMode.REHEARSAL and (why := rehearses(container, scan)):
        log.warning("scan rehearsed, nobody was written to", scan=scan.name, due=run.found, why=why)
    if not done:
        _start(scan, {"when_due": True})
    if run.written:
        wake(container, DISPATCH[Lane.NORMAL])


def _start(scan: Scan, arguments: Mapping[str, Any], *, countdown: int | None = None) -> None:
    """Have a slice done that nobody waits for the answer of."""
    app.send_task(
        scan.task,
        kwargs=dict(arguments),
        queue=SCANS,
        countdown=countdown,
        retry=False,
        ignore_result=True,
    )
