"""The scans' timetable and their last runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mailworker.cli.console import console, plain, table
from mailworker.cli.scan_commands.run import facts
from mailworker.core.age_in_words import age
from mailworker.core.clock import utc_now
from mailworker.core.states import State
from mailworker.ledger.notification_log import fates
from mailworker.ledger.scan_runs import Run, due, latest
from mailworker.scan_registry import Scan, off, rehearses, scans_of, start_when_due

if TYPE_CHECKING:
    from mailworker.container import Container


@dataclass(frozen=True, slots=True)
class _Line:
    scan: Scan
    off: str | None
    next: datetime | None
    last: Run | None
    fates: Mapping[State, int]
    due_now: bool
    rehearses: str


def show(container: "Container") -> None:
    """Print it for people."""
    now, out = utc_now(), console()
    lines = [_line(container, scan, now) for scan in scans_of(container)]
    rows = [(it.scan.name, it.scan.timetable.text, _last(it, now), _next(it)) for it in lines]
    out.print(table(("scan", "schedule", "last run", "next run"), rows))
    for line in lines:
        if line.rehearses and not line.off:
            out.print(f"\n{line.scan.name}: {line.rehearses}")
        if line.last is not None:
            out.print()
            out.print(table((line.scan.name, "#count"), _counts(line, line.last)))
            for fault in line.last.faults:
                out.print(fault)


def document(container: "Container") -> list[dict[str, Any]]:
    """The same for programs."""
    now = utc_now()
    return [
        {
            "scan": line.scan.name,
            "schedule": line.scan.timetable.text,
            "off": line.off,
            "rehearses": line.rehearses or None,
            "due_now": line.due_now,
            "next_run": line.next.isoformat() if line.next else None,
            "last_run": facts(line.last) | {"trouble": line.last.trouble} if line.last else None,
            "messages": {state.value: count for state, count in line.fates.items()},
        }
        for line in (_line(container, scan, now) for scan in scans_of(container))
    ]


def _line(container: "Container", scan: Scan, now: datetime) -> _Line:
    with container.ledger.read() as connection:
        last = next(iter(latest(connection, scan.name)), None)
        became = fates(connection, last.id) if last else {}
        is_due = due(connection, start_when_due(container, scan, now), now)
    why = off(container, scan)
    coming = scan.timetable.following(now, container.settings.worker.timezone)
    return _Line(
        scan, why, None if why else coming, last, became, why is None and is_due, rehearses(container, scan)
    )


def _next(line: _Line) -> datetime | str | None:
    return line.off or ("due now" if line.due_now else line.next)


def _last(line: _Line, now: datetime) -> str:
    run = line.last
    if run is None:
        return "never"
    if run.finished_at is not None:
        return f"{plain(run.started_at)}, took {age(run.finished_at - run.started_at)}"
    done = f"{run.seen} of {run.expected}" if run.expected else f"{run.seen}"
    if run.lease_until is not None and run.lease_until > now:
        return f"since {plain(run.started_at)}, {done} looked at"
    return f"stopped after {done}: {run.trouble or 'goes on within a minute'}"


def _counts(line: _Line, run: Run) -> list[tuple[str, int]]:
    """Found, written, what became of it, skipped: in the order in which people ask."""
    counts = [("looked at", run.seen), ("due", run.found), ("mails written", run.written)]
    counts += [(f"  of them {state.value}", count) for state, count in sorted(line.fates.items())]
    skipped = sorted(run.skipped.items(), key=lambda it: -it[1])
    return counts + [(f"not now: {why}", count) for why, count in skipped]
