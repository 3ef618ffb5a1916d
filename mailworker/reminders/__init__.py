"""Reminders of unpaid invoices: found by a scan, asked about again before they leave, explained."""

from mailworker.reminders.explain import Explanation, explain, find_invoice
from mailworker.reminders.recheck import ReminderRecheck
from mailworker.reminders.scan import SCAN, ReminderScan

__all__ = ["SCAN", "Explanation", "ReminderRecheck", "ReminderScan", "explain", "find_invoice"]
