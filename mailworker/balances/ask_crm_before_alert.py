"""Reads what the pre-send check of balance alerts must know: the ledger, and the CRM at this moment."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from mailworker.balances.alert_mail import AlertDrafts
from mailworker.crm.crm_interface import Found
from mailworker.crm.records import Balance
from mailworker.ledger.alert_once_per_address import notified_before
from mailworker.ledger.notification_log import about_balance, notifications_about, notifications_of
from mailworker.rules.balance_key import AlertKey, read_balance_key
from mailworker.rules.balance_thresholds import AlertDue, BalanceRules
from mailworker.rules.pre_send.balance_alert import check_alert, check_omnicrm_alert
from mailworker.rules.pre_send.reword import compare, reworded_at
from mailworker.rules.pre_send.verdicts import Cancel, Row, Verdict, Verdicts, Wait
from mailworker.scans.ask_crm_or_put_off import CrmPreSendCheck, fetch, row_or_fault
from mailworker.scans.rules_from_settings import balance_rules_of

#: How long an alert's figures of a balance may be taken for what holds.
_STILL_TRUE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the ledger knows, by message id, and by balance id which alerts were sent."""

    repeats: Mapping[str, str]
    by_scan: Collection[str]
    sent: Mapping[str, Collection[str]]


class BalancePreSendCheck(CrmPreSendCheck):
    """Reads ledger and CRM about alerts that are about to leave."""

    @cached_property
    def _rules(self) -> BalanceRules:
        return balance_rules_of(self._settings.balances)

    @cached_property
    def _alerts(self) -> AlertDrafts:
        return AlertDrafts(self._settings, self._drafts)

    def __call__(self, rows: Sequence[Row]) -> Verdicts:
        """The verdicts on those of these messages that are alerts, by `rules.pre_send.balance_alert`.

        Changes nothing.
        """
        ours = [(row, key) for row in rows if (key := read_balance_key(row["idempotency_key"]))]
        if not ours:
            return {}
        known, keys = self._read(ours), {row["id"]: key for row, key in ours}
        return self._verdicts(
            [row for row, _ in ours],
            lambda: self._ask({key.balance_id for key in keys.values()}),
            lambda row, found, now: self._decide(row, keys[row["id"]], known, found, now),
        )

    def _read(self, alerts: Sequence[tuple[Row, AlertKey]]) -> _Known:
        with self._ledger.read() as connection:
            notified = notifications_of(connection, [row["id"] for row, _ in alerts])
            repeats = notified_before(connection, alerts)
            about = notifications_about(connection, {about_balance(key.balance_id) for _, key in alerts})
        by_scan = {id_ for id_, claims in notified.items() if any(one.by_scan for one in claims)}
        return _Known(repeats, by_scan, {id_: {one.claim.key for one in own} for id_, own in about.items()})

    def _ask(self, balance_ids: set[str]) -> Found[Balance] | None:
        crm = self._crm()
        return fetch(sorted(balance_ids), crm.balances_of) if crm.offers("balances") else None

    def _decide(
        self, row: Row, key: AlertKey, known: _Known, found: Found[Balance] | None, now: datetime
    ) -> Verdict | None:
        if row["id"] in known.repeats:
            return Cancel(f"{known.repeats[row['id']]} tells this address.")
        if found is None:
            return None
        balance = found.get(key.balance_id)
        if row["id"] not in known.by_scan:
            return check_omnicrm_alert(balance, key, row["accepted_at"], now)
        sent = known.sent.get(about_balance(key.balance_id), ())
        found_due = check_alert(balance, key, sent=sent, rules=self._rules, hours=self._alerts.hours, now=now)
        if not isinstance(found_due, AlertDue) or not isinstance(balance, Balance):
            return found_due if isinstance(found_due, Cancel | Wait) else None
        return self._compare(row, balance, found_due, now)

    def _compare(self, row: Row, balance: Balance, due: AlertDue, now: datetime) -> Verdict | None:
        """Whether its text holds now. What was written anew a moment ago leaves: balances never rest."""
        anew = reworded_at(row)
        if anew is not None and now - anew < _STILL_TRUE:
            return None
        fresh = row_or_fault(lambda: self._alerts.written(balance, due, as_of=now, now=now).row)
        return compare(row, fresh, now)
