"""From a balance alert that is due to its mail."""

from datetime import datetime

from mailworker.balances.alert_reason import reason_of
from mailworker.balances.alert_variables import expired_variables, low_variables
from mailworker.config.settings import Settings
from mailworker.crm.records import Balance
from mailworker.ledger.notification_log import Claim, about_balance
from mailworker.rules.balance_key import Alert
from mailworker.rules.balance_thresholds import AlertDue
from mailworker.rules.quiet_hours import not_before
from mailworker.scans.message_drafts import Draft, MessageDrafts
from mailworker.scans.rules_from_settings import hours_of
from mailworker.scans.runner import ScanClaim


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
