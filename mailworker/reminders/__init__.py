"""Reminders of unpaid invoices: found by a scan, asked about again before they leave, explained."""

from typing import TYPE_CHECKING

from mailworker.core.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from mailworker.reminders.explain import Explanation, find_invoice
    from mailworker.reminders.recheck import ReminderRecheck
    from mailworker.reminders.scan import SCAN, ReminderScan

__all__ = ["SCAN", "Explanation", "ReminderRecheck", "ReminderScan", "find_invoice"]

__getattr__ = lazy_exports(
    __name__,
    {
        "Explanation": "explain",
        "ReminderRecheck": "recheck",
        "ReminderScan": "scan",
        "SCAN": "scan",
        "find_invoice": "explain",
    },
)
