"""Balances that are low or have expired: found by the scan, rechecked before an alert leaves."""

from typing import TYPE_CHECKING

from mailworker.core.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from mailworker.balances.ask_crm_before_alert import BalancePreSendCheck
    from mailworker.balances.scan import BalanceScan

__all__ = ["BalancePreSendCheck", "BalanceScan"]

__getattr__ = lazy_exports(__name__, {"BalancePreSendCheck": "ask_crm_before_alert", "BalanceScan": "scan"})
