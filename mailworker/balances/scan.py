"""Which balances are low or have expired, page by page."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from mailworker.balances.variables import expired_variables, low_variables
from mailworker.config.settings import Settings
from mailworker.core.scan_names import BALANCES
from mailworker.crm import CrmSource
from mailworker.crm.records import Balance
from mailworker.crm.row_source import Cursor
from mailworker.errors import BadInput
from mailworker.ledger import Ledger
from mailworker.ledger.notification_log import Claim, SentNotification, about_balance, notifications_about
from mailworker.rules.balance_thresholds import (
    Alert,
    AlertDue,
    NoAlert,
    NoAlertReason,
    decide,
    read_balance_key,
)
from mailworker.rules.quiet_hours import not_before
from mailworker.scans.drafts import Draft, MessageDrafts
from mailworker.scans.rule_settings import balance_rules_of, hours_of
from mailworker.scans.runner import Findings, ScanBatch, ScanClaim
from mailworker.wording import quantity

SCAN = BALANCES


class BalanceScan:
    """Decides about balances."""

    scan = SCAN

    def __init__(self, settings: Settings, crm: CrmSource, ledger: Ledger, drafts: MessageDrafts) -> None:
        self.rules = balance_rules_of(settings.balances)
        self.hours = hours_of(settings.balances, settings.worker.timezone)
        self._kinds = {
            Alert.LOW: settings.balances.low_kind,
            Alert.EXPIRED: settings.balances.expired_kind,
        }
        self._crm = crm
        self._ledger = ledger
        self._drafts = drafts

    def count(self) -> int | None:
        """How many balances there are, where that is cheap to know."""
        return self._crm.count("balances")

    def batches(self, after: Cursor | None) -> Iterator[ScanBatch[Balance]]:
        """All balances."""
        for page in self._crm.balances(after=after):
            yield ScanBatch(page.records, page.end, page.faults)

    def inspect(self, records: Sequence[Balance], *, as_of: datetime, now: datetime) -> Findings:
        """What there is to say of these, and why nothing of the others."""
        history = self._history(records, as_of)
        notifications: list[ScanClaim] = []
        skipped: Counter[str] = Counter()
        faults: list[str] = []
        for balance in records:
            verdict = self.verdict(balance, history.get(about_balance(balance.balance_id), ()), as_of)
            if isinstance(verdict, NoAlert):
                skipped[verdict.why] += 1
                continue
            try:
                notifications.append(self._written(balance, verdict, as_of=as_of, now=now))
            except BadInput as fault:
                skipped["incomplete"] += 1
                faults += fault.faults
        return Findings(notifications, skipped, faults)

    def verdict(
        self, balance: Balance, spoken: Iterable[SentNotification], as_of: datetime
    ) -> AlertDue | NoAlert:
        """What there is to say of one balance that was not said before."""
        history = list(spoken)
        said_low_at, said_below = _said_low(history)
        verdict = decide(balance, self.rules, as_of, said_low_at, said_below)
        if isinstance(verdict, AlertDue) and any(one.claim.key == verdict.key for one in history):
            return NoAlert(NoAlertReason.ALREADY_SAID, "It was said.")
        return verdict

    def _history(
        self, records: Sequence[Balance], as_of: datetime
    ) -> Mapping[str, Sequence[SentNotification]]:
        """What was said of those that might be spoken of; most balances are full, and need no look."""
        ids = [one.balance_id for one in records if isinstance(decide(one, self.rules, as_of), AlertDue)]
        if not ids:
            return {}
        with self._ledger.read() as connection:
            return notifications_about(connection, [about_balance(one) for one in ids])

    def _written(self, balance: Balance, say: AlertDue, *, as_of: datetime, now: datetime) -> ScanClaim:
        language = self._drafts.language(balance.language, self._kinds[say.alert])
        opens = max(not_before(moment, self.hours, balance.timezone) for moment in (as_of, now))
        if say.threshold is not None:
            values = low_variables(balance, say.threshold, language=language)
        else:
            zone = self.hours.zone_of(balance.timezone)
            values = expired_variables(balance, balance.expires_at or as_of, language=language, zone=zone)
        draft = Draft(
            key=say.key,
            kind=self._kinds[say.alert],
            about=f"Balance {balance.balance_id}",
            email=balance.email,
            name=balance.customer_name,
            language=language,
            customer_id=balance.customer_id,
            not_before=opens,
            hours=self.hours,
            timezone=balance.timezone,
            variables=values,
        )
        claims = [Claim(key, about_balance(balance.balance_id)) for key in (say.key, *say.implied)]
        row = self._drafts.row(draft, now=now)
        return ScanClaim(row, (claims[0],), _why(balance, say), tuple(claims[1:]))


def _why(balance: Balance, say: AlertDue) -> str:
    if say.threshold is None:
        return f"{balance.service_name}: expired at {balance.expires_at:%Y-%m-%d %H:%M}Z"
    left, level = (quantity(one, balance.unit, language="en") for one in (balance.amount, say.threshold))
    return f"{balance.service_name}: {left} left, below {level}"


def _said_low(history: Iterable[SentNotification]) -> tuple[datetime | None, dict[str, datetime]]:
    """When low alerts were last written down: of the highest threshold, and of each of the others."""
    latest: dict[str, datetime] = {}
    for one in history:
        key = read_balance_key(one.claim.key)
        if key is not None and key.alert is Alert.LOW:
            latest[key.below] = max(one.written_at, latest.get(key.below, one.written_at))
    return latest.pop("", None), latest
