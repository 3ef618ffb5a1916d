"""Reminders of unpaid invoices: found by a scan, asked about again before they leave, explained."""

from mailworker.reminders.asking import ReminderAsker
from mailworker.reminders.explaining import Explanation, explain
from mailworker.reminders.scan import SCAN, ReminderScan

__all__ = ["SCAN", "Explanation", "ReminderAsker", "ReminderScan", "explain"]
