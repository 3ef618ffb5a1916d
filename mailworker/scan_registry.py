"""Both scans by name: when each is due, what it needs, and how to set one to work."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from mailworker import balances, reminders
from mailworker.config.crm import Question
from mailworker.container import Container
from mailworker.core.cron import Timetable
from mailworker.errors import BadInput
from mailworker.ledger.scan_runs import Start
from mailworker.scans.runner import Scanner

#: A day stands for its noon: no customer's zone is then on another day than most people are.
_NOON = time(12)


@dataclass(frozen=True, slots=True)
class Scan:
    """One of the scans as the configuration has it."""

    name: str
    task: str
    question: Question
    enabled: bool
    timetable: Timetable
    subject: Callable[[], Any]


def scans_of(container: Container) -> tuple[Scan, ...]:
    """All scans."""
    ours, theirs = container.settings.reminders, container.settings.balances
    return (
        Scan(
            reminders.SCAN,
            "mailworker.scan_overdue_invoices",
            "open_invoices",
            ours.enabled,
            ours.schedule,
            container.reminder_scan,
        ),
        Scan(
            balances.SCAN,
            "mailworker.scan_balances",
            "balances",
            theirs.enabled,
            theirs.schedule,
            container.balance_scan,
        ),
    )


def scan_named(container: Container, name: str) -> Scan:
    """The scan of that name."""
    return next(scan for scan in scans_of(container) if scan.name == name)


def off(container: Container, scan: Scan) -> str | None:
    """Why this scan finds nothing, whatever its timetable says; None where it does."""
    if not scan.enabled:
        return "It is switched off (enabled: false)."
    if container.settings.crm.source == "none":
        return "No CRM is connected: set crm.source to sql, http or demo."
    if not container.crm.offers(scan.question):
        return f"The CRM source does not offer {scan.question}."
    return None


def scanner(container: Container, scan: Scan, clock: Callable[[], datetime]) -> Scanner[Any]:
    """What works on this scan, for one slice."""
    return Scanner(container.ledger, scan.subject(), clock=clock)


def start_when_due(container: Container, scan: Scan, now: datetime) -> Start:
    """What to start where the timetable's latest moment has not been answered yet."""
    return Start(scan.name, slot=scan.timetable.latest(now, container.settings.worker.timezone))


def read_as_of(container: Container, text: str | None) -> datetime | None:
    """A day or a moment; a day is its noon in the operator's zone. Raises BadInput."""
    if text is None:
        return None
    zone = container.settings.worker.timezone
    try:
        if len(text) == 10:
            return datetime.combine(date.fromisoformat(text), _NOON, tzinfo=zone).astimezone(UTC)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(
            "as_of: write a day like 2026-11-30, or a moment like 2026-11-30T09:00+01:00."
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
