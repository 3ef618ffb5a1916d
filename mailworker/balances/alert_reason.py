"""Why a balance alert was written, as staff read it beside the mail: what was left, and below which level."""

from zoneinfo import ZoneInfo

from mailworker.balances.alert_variables import low_variables
from mailworker.crm.records import Balance
from mailworker.rules.balance_thresholds import AlertDue


def reason_of(balance: Balance, alert: AlertDue, zone: ZoneInfo) -> str:
    """`Mobile 20 Go: 1.5 GB left, below 2 GB`, or when it ran out, by the clocks of this zone."""
    if alert.threshold is None:
        if balance.expires_at is None:
            return f"{balance.service_name}: expired"
        at = balance.expires_at.astimezone(zone)
        return f"{balance.service_name}: expired at {at:%Y-%m-%d %H:%M} ({zone.key})"
    told = low_variables(balance, alert.threshold, language="en")
    return f"{balance.service_name}: {told['current_balance']} left, below {told['threshold']}"
