"""The last look before a balance alert leaves: is it still low, still expired, and is this a decent hour?"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from mailworker.config.settings import Settings
from mailworker.crm import CrmSource
from mailworker.crm.policies import balance_rules_of, hours_of
from mailworker.crm.records import Balance
from mailworker.crm.source import Found
from mailworker.errors import BadInput, TransientError
from mailworker.ledger import Ledger
from mailworker.ledger.alert_history import told_before
from mailworker.ledger.notification_log import balance as subject
from mailworker.ledger.notification_log import spoken_about, spoken_by
from mailworker.rules.balance_thresholds import Alert, AlertKey, Silent, decide, read_balance_key
from mailworker.rules.pre_send_check import Later
from mailworker.rules.quiet_hours import not_before
from mailworker.scans.recheck import UNREADABLE, UNREADABLE_WORD, Row, Words, asked, put_off


class BalanceRecheck:
    """Asks the CRM about alerts that are about to leave."""

    def __init__(
        self,
        settings: Settings,
        crm: Callable[[], CrmSource],
        ledger: Ledger,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._rules = balance_rules_of(settings.balances)
        self._hours = hours_of(settings.balances, settings.worker.timezone)
        self._crm = crm
        self._ledger = ledger
        self._clock = clock

    def __call__(self, rows: Sequence[Row]) -> Words:
        """Of these messages, the alerts that must not leave, or not now, and why."""
        ours = [(row, key) for row in rows if (key := read_balance_key(row["idempotency_key"]))]
        if not ours:
            return {}
        with self._ledger.read() as connection:
            spoken = spoken_by(connection, [row["id"] for row, _ in ours])
            told = told_before(connection, ours)
            about = spoken_about(connection, {subject(key.balance_id) for _, key in ours})
        try:
            found = self._ask({key.balance_id for _, key in ours})
        except TransientError as fault:
            return put_off([row for row, _ in ours], fault, self._settings.worker, self._clock())
        words: Words = {id_: f"{first} tells this address." for id_, first in told.items()}
        for row, key in ours:
            if found is None or row["id"] in told:
                continue
            by_scan = any(one.by_scan for one in spoken.get(row["id"], ()))
            balance = found.get(key.balance_id)
            said = {one.claim.key for one in about.get(subject(key.balance_id), ())}
            word = self._of_scan(balance, key, said) if by_scan else self._of_omnicrm(balance, key, row)
            if word is not None:
                words[row["id"]] = word
        return words

    def _ask(self, balance_ids: set[str]) -> Found[Balance] | None:
        crm = self._crm()
        return asked(sorted(balance_ids), crm.balances_of) if crm.offers("balances") else None

    def _of_scan(
        self, balance: Balance | BadInput | None, key: AlertKey, said: Collection[str]
    ) -> str | Later | None:
        now = self._clock()
        if isinstance(balance, BadInput):
            return Later(now + UNREADABLE, UNREADABLE_WORD)
        verdict = decide(balance, self._rules, now)
        if isinstance(verdict, Silent):
            return verdict.sentence
        if key.key not in {verdict.key, *verdict.implied}:
            return "The balance was topped up, renewed or expired meanwhile."
        if key.key != verdict.key and verdict.key in said:
            return "A lower threshold was crossed meanwhile, and is told instead."
        opens = not_before(now, self._hours, balance.timezone if balance else "")
        return Later(opens, "quiet hours, or a day on which nothing leaves") if opens > now else None

    def _of_omnicrm(self, balance: Balance | BadInput | None, key: AlertKey, row: Row) -> str | None:
        """OmniCRM knows best what is low and when to say it; but what came later than its alert ends it."""
        if not isinstance(balance, Balance):
            return None
        if key.alert is Alert.EXPIRED:
            renewed = balance.expires_at is None or balance.expires_at > self._clock()
            return "The balance was renewed meanwhile." if renewed else None
        later = [at for at in (balance.topped_up_at, balance.period_start) if at and at > row["accepted_at"]]
        return "The balance was topped up or renewed meanwhile." if later else None
