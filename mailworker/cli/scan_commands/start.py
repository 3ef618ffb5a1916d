"""An operator's start of a scan: from now on its timetable writes to customers."""

from datetime import date
from typing import TYPE_CHECKING

from mailworker.cli.console import console
from mailworker.cli.scan_commands.run import to_its_end
from mailworker.core.calendar_range import within_calendar
from mailworker.core.clock import utc_now
from mailworker.core.scan_names import BALANCES, OVERDUE_INVOICES
from mailworker.errors import BadInput
from mailworker.rules.rehearse_or_write import ScanMode
from mailworker.scan_registry import Scan, off, scan_named, start_scan

if TYPE_CHECKING:
    from mailworker.container import Container


def start_reminders(container: "Container", start_from: str | None, *, backlog: bool) -> None:
    """Start the ladder from a day on, today where none is given. Raises BadInput."""
    if backlog and start_from is not None:
        raise BadInput("--backlog sends all that is due, --from leaves the old out; give one of them.")
    scan, now = _startable(container, OVERDUE_INVOICES), utc_now()
    today = now.astimezone(container.settings.worker.timezone).date()
    day = None if backlog else _day(start_from) or today
    start_scan(container, scan, start_from=day, now=now)
    old = (
        f"Steps whose day came before {day} are not sent." if day else "What is due from before is sent, too."
    )
    console().print(f"Reminders are started. {old} The next scan writes within a minute of its time.")


def start_balances(container: "Container", *, backlog: bool) -> None:
    """Start the alerts; of what is low or expired already none is sent, unless the backlog is asked for."""
    scan, now = _startable(container, BALANCES), utc_now()
    known = 0 if backlog else to_its_end(container, scan, None, ScanMode.BASELINE).found
    start_scan(container, scan, start_from=None, now=now)
    about_all = "Alerts of what is low or expired already are sent, too."
    old = about_all if backlog else f"No mail goes out about {known} of before."
    console().print(f"Balance alerts are started. {old} The next scan writes within a minute of its time.")


def _startable(container: "Container", name: str) -> Scan:
    scan = scan_named(container, name)
    if (why := off(container, scan)) is not None:
        raise BadInput(why)
    return scan


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return within_calendar(date.fromisoformat(text))
    except ValueError:
        raise BadInput("--from: write a day like 2026-11-30.") from None
