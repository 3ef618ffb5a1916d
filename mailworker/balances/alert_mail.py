"""From a balance alert that is due to its mail: what it prints, and why it was written."""

from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from mailworker.config.settings import Settings
from mailworker.crm.records import Balance
from mailworker.invoices.languages.locale_format import locale_format
from mailworker.ledger.notification_log import Claim, about_balance
from mailworker.rules.balance_key import Alert
from mailworker.rules.balance_thresholds import AlertDue
from mailworker.rules.quiet_hours import local_day, not_before
from mailworker.scans.message_drafts import Draft, MessageDrafts
from mailworker.scans.rules_from_settings import hours_of
from mailworker.scans.runner import ScanClaim
from mailworker.wording import measured

#: What expires at midnight was good through the day before, and people name that day.
_JUST_BEFORE = timedelta(seconds=1)


class AlertDrafts:
    """Writes alerts as `balances:` has them."""

    def __init__(self, settings: Settings, drafts: MessageDrafts) -> None:
        self.hours = hours_of(settings.balances, settings.worker.timezone)
        self._kinds = {
            Alert.LOW: settings.balances.low_kind,
            Alert.EXPIRED: settings.balances.expired_kind,
        }
        self._drafts = drafts

    def written(self, balance: Balance, alert: AlertDue, *, as_of: datetime, now: datetime) -> ScanClaim:
        """The mail of this alert. Raises BadInput where something that it needs is missing or wrong."""
        kind = self._kinds[alert.alert]
        language = self._drafts.language(balance.language, kind)
        if alert.threshold is not None:
            values = low_variables(balance, alert.threshold, language=language)
        else:
            zone = self.hours.zone_of(balance.timezone)
            values = expired_variables(balance, balance.expires_at or as_of, language=language, zone=zone)
        draft = Draft(
            key=alert.key,
            kind=kind,
            about=f"Balance {balance.balance_id}",
            email=balance.email,
            name=balance.customer_name,
            language=language,
            customer_id=balance.customer_id,
            not_before=max(not_before(moment, self.hours, balance.timezone) for moment in (as_of, now)),
            hours=self.hours,
            timezone=balance.timezone,
            variables=values,
        )
        claims = [Claim(key, about_balance(balance.balance_id)) for key in (alert.key, *alert.implied)]
        row = self._drafts.row(draft, now=now)
        why = reason_of(balance, alert, self.hours.zone_of(balance.timezone))
        return ScanClaim(row, (claims[0],), why, tuple(claims[1:]))


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


def reason_of(balance: Balance, alert: AlertDue, zone: ZoneInfo) -> str:
    """Why it was written, as staff read it beside the mail, by the clocks of this zone.

    `Mobile 20 Go: 1.5 GB left, below 2 GB`, or when it ran out.
    """
    if alert.threshold is None:
        if balance.expires_at is None:
            return f"{balance.service_name}: expired"
        at = balance.expires_at.astimezone(zone)
        return f"{balance.service_name}: expired at {at:%Y-%m-%d %H:%M} ({zone.key})"
    told = low_variables(balance, alert.threshold, language="en")
    return f"{balance.service_name}: {told['current_balance']} left, below {told['threshold']}"
