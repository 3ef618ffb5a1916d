"""Both scans by name: when each is due, what it needs, and how to set one to work."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from mailworker.config.balances import BalanceSettings
from mailworker.config.crm import CrmSettings, Question
from mailworker.config.reminders import ReminderSettings
from mailworker.core.calendar_range import within_calendar
from mailworker.core.cron import Timetable
from mailworker.core.scan_names import BALANCES, OVERDUE_INVOICES
from mailworker.errors import BadInput
from mailworker.ledger.scan_activation import accept_policy, arm, arming_of, wait_for_operator
from mailworker.ledger.scan_runs import Run, Start, latest, unfinished
from mailworker.rules.rehearse_or_write import ScanMode, mode_of, why_it_rehearses

if TYPE_CHECKING:
    from mailworker.container import Container
    from mailworker.scans.runner import Scanner

#: A day stands for its noon: no customer's zone is then on another day than most people are.
_NOON = time(12)


@dataclass(frozen=True, slots=True)
class Scan:
    """One of the scans as the configuration has it.

    `command` is its group on the command line. `policy` stands for all that decides who is due;
    `confirm_above` is how many of them a changed one may make without a person.
    """

    name: str
    task: str
    question: Question
    enabled: bool
    timetable: Timetable
    subject: Callable[["Container"], Any]
    command: str
    policy: str
    confirm_above: int
    rehearsal: Callable[["Container"], Any]


def scans_of(container: "Container") -> tuple[Scan, ...]:
    """All scans; what works on one is built only when it is needed."""
    ours, theirs = container.settings.reminders, container.settings.balances
    return (
        Scan(
            OVERDUE_INVOICES,
            "mailworker.scan_overdue_invoices",
            "open_invoices",
            ours.enabled,
            ours.schedule,
            lambda it: it.reminder_scan(),
            "reminders",
            policy_of(ours, container.settings.crm),
            ours.confirm_above,
            lambda it: it.reminder_scan(),
        ),
        Scan(
            BALANCES,
            "mailworker.scan_balances",
            "balances",
            theirs.enabled,
            theirs.schedule,
            lambda it: it.balance_scan(),
            "balances",
            policy_of(theirs, container.settings.crm),
            theirs.confirm_above,
            lambda it: it.balance_rehearsal(),
        ),
    )


def scan_named(container: "Container", name: str) -> Scan:
    """The scan of that name."""
    return next(scan for scan in scans_of(container) if scan.name == name)


def off(container: "Container", scan: Scan) -> str | None:
    """Why this scan finds nothing, whatever its timetable; None where it does."""
    if not scan.enabled:
        return "It is switched off (enabled: false)."
    if why := container.settings.crm.why_none:
        return why
    if not container.crm.offers(scan.question):
        return f"The CRM source does not offer {scan.question}."
    return None


def scanner(container: "Container", scan: Scan, clock: Callable[[], datetime]) -> "Scanner[Any]":
    """What works on this scan, for one slice."""
    from mailworker.scans.runner import Scanner  # noqa: PLC0415 - the timetable alone needs none of it

    lease = container.settings.worker.lease
    return Scanner(container.ledger, scan.subject(container), clock=clock, lease=lease)


def start_when_due(container: "Container", scan: Scan, now: datetime) -> Start:
    """What to start where the timetable's latest moment has not been answered yet."""
    slot = scan.timetable.latest(now, container.settings.worker.timezone)
    with container.ledger.read() as connection:
        mode = mode_of(arming_of(connection, scan.name), scan.policy)
    return Start(scan.name, slot=slot, mode=mode)


def rehearses(container: "Container", scan: Scan) -> str:
    """Why the timetable only rehearses this scan, and how to start it; empty where it writes."""
    with container.ledger.read() as connection:
        arming = arming_of(connection, scan.name)
    return why_it_rehearses(arming, scan.policy, scan.command)


def unanswered_since(connection: Connection, scan: Scan, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Since when this scan writes no mail though it should: it stopped in its middle, or did not start.

    None also for one that never ran, and for one that is under way.
    """
    left, last = unfinished(connection, scan.name), next(iter(latest(connection, scan.name)), None)
    if left is not None or last is None:
        return left.started_at if left is not None and left.trouble else None
    slot, arming = scan.timetable.latest(now, zone), arming_of(connection, scan.name)
    if why_it_rehearses(arming, scan.policy, scan.command):
        return slot if arming is not None else None
    answered = last.slot is not None and slot is not None and last.slot >= slot
    return None if answered else slot


def start_scan(container: "Container", scan: Scan, *, start_from: date | None, now: datetime) -> None:
    """Let the timetable write this scan's mails, as it is configured now."""
    with container.ledger.write() as connection:
        arm(connection, scan.name, policy=scan.policy, start_from=start_from, now=now)


def weigh(container: "Container", scan: Scan, run: Run) -> None:
    """After a run: take over a changed policy that makes few due, and wait for a person where it is many."""
    with container.ledger.write() as connection:
        arming = arming_of(connection, scan.name)
        if arming is None or run.finished_at is None or arming.policy == scan.policy:
            return
        if run.mode != ScanMode.REHEARSAL:
            if not arming.policy:  # it ran before starts were written down
                accept_policy(connection, scan.name, scan.policy)
        elif run.found <= scan.confirm_above:
            accept_policy(connection, scan.name, scan.policy)
        else:
            wait_for_operator(connection, scan.name, scan.policy, run.found)


def policy_of(section: ReminderSettings | BalanceSettings, crm: CrmSettings) -> str:
    """What stands for everything in the configuration that decides who is due: equal only while it is."""
    when = {"enabled", "schedule", "quiet_hours", "weekdays", "holidays", "confirm_above", "portal_url"}
    access = {
        "sql": {"url", "timeout"},
        "omnicrm": {"url", "database"},
        "http": {"api_key", "password", "email", "connect_timeout", "read_timeout"},
    }
    decides = [section.model_dump(exclude=when), crm.model_dump(exclude=access)]
    return hashlib.sha256(json.dumps(decides, default=str, sort_keys=True).encode()).hexdigest()[:32]


def read_as_of(container: "Container", text: str | None) -> datetime | None:
    """A day or a moment; a day is its noon in the operator's zone. Raises BadInput."""
    if text is None:
        return None
    zone = container.settings.worker.timezone
    try:
        if len(text) == 10:
            return datetime.combine(within_calendar(date.fromisoformat(text)), _NOON, tzinfo=zone).astimezone(
                UTC
            )
        moment = within_calendar(datetime.fromisoformat(text))
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (TypeError, ValueError):
        raise BadInput(
            "as_of: write a day like 2026-11-30, or a moment like 2026-11-30T09:00+01:00."
        ) from None
