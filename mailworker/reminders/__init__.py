"""Reminders of unpaid invoices: found by a scan, rechecked before they leave, explained."""

from typing import TYPE_CHECKING

from mailworker.core.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from mailworker.reminders.ask_crm_before_reminder import ReminderPreSendCheck
    from mailworker.reminders.explain import Explanation
    from mailworker.reminders.scan import ReminderScan

__all__ = ["Explanation", "ReminderPreSendCheck", "ReminderScan"]

__getattr__ = lazy_exports(
    __name__,
    {
        "Explanation": "explain",
        "ReminderPreSendCheck": "ask_crm_before_reminder",
        "ReminderScan": "scan",
    },
)
