"""Balances that are low or have expired: found by the scan, rechecked before an alert leaves."""

from mailworker.balances.ask_crm_before_alert import BalancePreSendCheck
from mailworker.balances.scan import SCAN, BalanceScan

__all__ = ["SCAN", "BalancePreSendCheck", "BalanceScan"]
