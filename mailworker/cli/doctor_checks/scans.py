"""Whether reminders and balance alerts run when they should."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from mailworker.cli.doctor_checks.finding import Note
from mailworker.core.age_in_words import age
from mailworker.ledger.scan_activation import arming_of
from mailworker.ledger.scan_runs import latest, unfinished
from mailworker.rules.rehearse_or_write import ScanMode, why_it_rehearses
from mailworker.scan_registry import Scan, off, scans_of, unanswered_since

if TYPE_CHECKING:
    from mailworker.container import Container

#: Beat asks every minute whether a scan is due, and a page takes seconds.
LATE = timedelta(minutes=15)


def scan_faults(container: "Container", now: datetime) -> Iterator[str]:
    """One sentence for each scan that should have run, stopped in its middle, or only rehearses."""
    with container.ledger.read() as connection:
        for scan in scans_of(container):
            if not off(container, scan) and (fault := _fault(container, connection, scan, now)):
                yield fault


def _fault(container: "Container", connection: Connection, scan: Scan, now: datetime) -> str:
    left = unfinished(connection, scan.name)
    if left is not None and left.trouble:
        error = left.trouble.rstrip(".")
        return f"The scan {scan.name} stopped after {left.seen}: {error}. Once that is mended it goes on."
    arming, last = arming_of(connection, scan.name), next(iter(latest(connection, scan.name)), None)
    if why := why_it_rehearses(arming, scan.policy, scan.command):
        if last is not None and last.finished_at is not None and last.mode == ScanMode.REHEARSAL:
            why += f" Its last rehearsal found {last.found} due."
        sentence = f"The scan {scan.name}: {why}"
        # Not started yet is how every installation begins; what stopped to ask waits for an answer.
        return Note(sentence) if arming is None else sentence
    since = unanswered_since(connection, scan, now, container.settings.worker.timezone)
    if since is None or now - since <= LATE:
        return ""
    return (
        f"The scan {scan.name} was due {age(now - since)} ago and did not run: is beat up, and a worker for "
        "the queue scans? mailworker schedule."
    )
