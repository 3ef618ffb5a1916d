"""The scans that ran: who is at it, how far it is, and what it found.

A scan's unfinished row is its lock and its checkpoint. Whoever holds its lease writes every page's messages
together with the checkpoint in one transaction, so that a page is done wholly or not at all, and whoever lost
the lease writes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, delete, select, update

from mailworker.ledger.bulk_insert import insert_into
from mailworker.ledger.claiming import Lease
from mailworker.ledger.run_query import all_rows, any_row
from mailworker.ledger.scan_tables import scan_runs
from mailworker.rules.rehearse_or_write import ScanMode

#: Runs that ended longer ago are forgotten when a later one ends, so that each scan's latest is always known.
KEEP = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Run:
    """One scan. `slot` is the moment in the timetable that it answers; None for one started by hand.

    `as_of` is the moment for which it decides, None for the present. `skipped` counts by reason. `trouble` is
    why it stopped before its end. Only a run of the mode `real` writes mails.
    """

    id: int
    scan: str
    slot: datetime | None
    as_of: datetime | None
    started_at: datetime
    finished_at: datetime | None
    lease: str | None
    lease_until: datetime | None
    cursor: Sequence[Any] | None
    expected: int | None
    seen: int = 0
    found: int = 0
    written: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    faults: Sequence[str] = ()
    trouble: str | None = None
    mode: str = ScanMode.REAL


_COLUMNS = [scan_runs.c[one.name] for one in fields(Run)]


@dataclass(frozen=True, slots=True)
class Start:
    """What to start where nothing is unfinished. With a `slot`, only if no run has answered it yet."""

    scan: str
    slot: datetime | None = None
    as_of: datetime | None = None
    mode: ScanMode = ScanMode.REAL


def take(connection: Connection, start: Start, lease: Lease, now: datetime) -> Run | None:
    """Go on with the unfinished scan, else start one; None where another is at it, or nothing is due."""
    found = _one(connection, _unfinished(start.scan).with_for_update())
    if found is not None:
        return _taken_over(connection, found, lease, now)
    if start.slot is not None and _answered(connection, start, start.slot):
        return None
    # A rehearsal answers no slot: when the scan is started, that moment is still to come.
    slot = start.slot if start.mode is ScanMode.REAL else None
    begun = {
        **asdict(start),
        "slot": slot,
        "started_at": now,
        "lease": lease.token,
        "lease_until": lease.until,
    }
    nothing_yet: dict[str, Any] = {"seen": 0, "found": 0, "written": 0, "skipped": {}, "faults": []}
    statement = insert_into(connection.dialect, scan_runs).on_conflict_do_nothing()
    return _one(connection, statement.values(**begun, **nothing_yet).returning(*_COLUMNS))


def _taken_over(connection: Connection, run: Run, lease: Lease, now: datetime) -> Run | None:
    if run.lease_until is not None and run.lease_until > now:
        return None
    taken = update(scan_runs).where(scan_runs.c.id == run.id).returning(*_COLUMNS)
    return _one(connection, taken.values(lease=lease.token, lease_until=lease.until))


def _answered(connection: Connection, start: Start, slot: datetime) -> bool:
    moment = scan_runs.c.slot if start.mode is ScanMode.REAL else scan_runs.c.started_at
    alike = (scan_runs.c.scan == start.scan, scan_runs.c.mode == str(start.mode))
    return any_row(connection, select(scan_runs.c.id).where(*alike, moment >= slot))


def advance(connection: Connection, run: Run, lease: Lease) -> bool:
    """Write down how far the scan is, if this lease still holds it; give whether it does."""
    names = ("cursor", "expected", "seen", "found", "written", "skipped", "faults")
    values = {name: getattr(run, name) for name in names}
    return _held(connection, run, lease, {**values, "lease_until": lease.until, "trouble": None})


def finish(connection: Connection, run: Run, lease: Lease, now: datetime) -> bool:
    """End the scan, if this lease still holds it; give whether it does. Old ones are forgotten."""
    connection.execute(
        delete(scan_runs).where(scan_runs.c.scan == run.scan, scan_runs.c.finished_at < now - KEEP)
    )
    return _held(connection, run, lease, {"finished_at": now, "lease": None, "lease_until": None})


def let_go(connection: Connection, run: Run, lease: Lease, error: str | None = None) -> None:
    """Leave the scan to whoever goes on with it, if this lease still holds it."""
    _held(connection, run, lease, {"lease": None, "lease_until": None, "trouble": error})


def _held(connection: Connection, run: Run, lease: Lease, values: Mapping[str, Any]) -> bool:
    statement = update(scan_runs).where(
        scan_runs.c.id == run.id, scan_runs.c.lease == lease.token, scan_runs.c.finished_at.is_(None)
    )
    return connection.execute(statement.values(values)).rowcount == 1


def latest(connection: Connection, scan: str, *, limit: int = 1) -> list[Run]:
    """The scan's last runs, the newest first."""
    query = select(*_COLUMNS).where(scan_runs.c.scan == scan).order_by(scan_runs.c.id.desc()).limit(limit)
    return [Run(**row) for row in all_rows(connection, query)]


def unfinished(connection: Connection, scan: str) -> Run | None:
    """The run that is under way, or was left before its end."""
    return _one(connection, _unfinished(scan))


def due(connection: Connection, start: Start, now: datetime) -> bool:
    """Whether `take` would give a run: a look that waits for no writer."""
    run = unfinished(connection, start.scan)
    if run is not None:
        return run.lease_until is None or run.lease_until <= now
    return start.slot is None or not _answered(connection, start, start.slot)


def _unfinished(scan: str) -> Select[Any]:
    return select(*_COLUMNS).where(scan_runs.c.scan == scan, scan_runs.c.finished_at.is_(None))


def _one(connection: Connection, statement: Any) -> Run | None:
    row = connection.execute(statement).mappings().one_or_none()
    return None if row is None else Run(**row)
