"""Which balances are low or have expired, page by page."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from mailworker.balances.alert_mail import AlertDrafts
from mailworker.config.settings import Settings
from mailworker.core.scan_names import BALANCES
from mailworker.crm import CrmSource
from mailworker.crm.records import Balance
from mailworker.crm.row_source_interface import Cursor
from mailworker.errors import BadInput
from mailworker.ledger import Ledger
from mailworker.ledger.notification_log import SentNotification, about_balance, notifications_about
from mailworker.rules.balance_key import Alert, read_balance_key
from mailworker.rules.balance_thresholds import AlertDue, NoAlert, NoAlertReason, decide
from mailworker.scans.message_drafts import MessageDrafts
from mailworker.scans.rules_from_settings import balance_rules_of
from mailworker.scans.runner import Findings, ScanBatch, ScanClaim


class BalanceScan:
    """Decides about balances."""

    scan = BALANCES

    def __init__(self, settings: Settings, crm: CrmSource, ledger: Ledger, drafts: MessageDrafts) -> None:
        self.rules = balance_rules_of(settings.balances)
        self._crm = crm
        self._ledger = ledger
        self._drafts = AlertDrafts(settings, drafts)

    def count(self) -> int | None:
        """How many balances there are, where that is cheap to know."""
        return self._crm.count("balances")

    def batches(self, after: Cursor | None) -> Iterator[ScanBatch[Balance]]:
        """All balances."""
        for page in self._crm.balances(after=after):
            yield ScanBatch(page.records, page.end, page.faults)

    def inspect(self, records: Sequence[Balance], *, as_of: datetime, now: datetime) -> Findings:
        """The alerts due about these, and why none about the others."""
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
                notifications.append(self._drafts.written(balance, verdict, as_of=as_of, now=now))
            except BadInput as fault:
                skipped["incomplete"] += 1
                faults += fault.faults
        return Findings(notifications, skipped, faults)

    def verdict(
        self, balance: Balance, notified: Iterable[SentNotification], as_of: datetime
    ) -> AlertDue | NoAlert:
        """The alert due about one balance, if it was not sent before."""
        history = list(notified)
        low_notified_at, notified_below = _low_notifications(history)
        verdict = decide(balance, self.rules, as_of, low_notified_at, notified_below)
        if isinstance(verdict, AlertDue) and any(one.claim.key == verdict.key for one in history):
            return NoAlert(NoAlertReason.ALREADY_NOTIFIED, "This alert was sent before.")
        return verdict

    def _history(
        self, records: Sequence[Balance], as_of: datetime
    ) -> Mapping[str, Sequence[SentNotification]]:
        """The notifications about those that may be due; most balances are full, and need no look."""
        ids = [one.balance_id for one in records if isinstance(decide(one, self.rules, as_of), AlertDue)]
        if not ids:
            return {}
        with self._ledger.read() as connection:
            return notifications_about(connection, [about_balance(one) for one in ids])


def _low_notifications(history: Iterable[SentNotification]) -> tuple[datetime | None, dict[str, datetime]]:
    """When low alerts were last written down: of the highest threshold, and of each of the others."""
    latest: dict[str, datetime] = {}
    for one in history:
        key = read_balance_key(one.claim.key)
        if key is not None and key.alert is Alert.LOW:
            latest[key.below] = max(one.written_at, latest.get(key.below, one.written_at))
    return latest.pop("", None), latest
