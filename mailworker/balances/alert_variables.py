"""What a balance alert's template prints, as the customer's language writes it."""

from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from mailworker.crm.records import Balance
from mailworker.invoices.languages.locale_format import locale_format
from mailworker.rules.quiet_hours import local_day
from mailworker.wording import measured

#: What expires at midnight was good through the day before, and people name that day.
_JUST_BEFORE = timedelta(seconds=1)


def low_variables(balance: Balance, threshold: Decimal, *, language: str) -> dict[str, Any]:
    """The variables of an alert that this balance fell below `threshold`, in its own unit."""
    return _both(balance) | {
        "current_balance": measured(balance.amount, balance.unit, language=language),
        "threshold": measured(threshold, balance.unit, language=language, rounding=ROUND_CEILING),
        "topup_url": balance.topup_url,
    }


def expired_variables(
    balance: Balance, expired_at: datetime, *, language: str, zone: ZoneInfo
) -> dict[str, Any]:
    """The variables of an alert that this balance expired."""
    return _both(balance) | {
        "expiry_date": locale_format(language).day(local_day(expired_at - _JUST_BEFORE, zone)),
        "renewal_url": balance.renewal_url,
    }


def _both(balance: Balance) -> dict[str, Any]:
    return {
        "customer_name": balance.customer_name,
        "service_name": balance.service_name,
        "balance_type": balance.balance_type,
    }
