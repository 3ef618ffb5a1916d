"""Reads what the pre-send check of reminders must know, and writes them as they would be written now."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from mailworker.crm.crm_interface import Found
from mailworker.crm.records import CrmInvoice, Exclusion
from mailworker.errors import BadInput, Misconfigured
from mailworker.ledger.notification_log import SentNotification, notifications_of
from mailworker.reminders.reminder_mail import by_hand, fill_gaps, reader_of, written
from mailworker.reminders.scan import reminder_kinds
from mailworker.rules.pre_send.reminder import (
    ReminderPolicy,
    StepFacts,
    StillTrue,
    check_by_hand,
    check_steps,
)
from mailworker.rules.pre_send.reword import compare, replace
from mailworker.rules.pre_send.verdicts import Row, Verdict, Verdicts
from mailworker.rules.quiet_hours import local_day
from mailworker.rules.reminder_due import Due
from mailworker.rules.reminder_grouping import Reminder, merge, together
from mailworker.rules.reminder_ladder import Step
from mailworker.scans.ask_crm_or_put_off import CrmPreSendCheck, fetch, row_or_fault
from mailworker.scans.rules_from_settings import hours_of, ladder_of

PREFIXES = ("reminder:", "reminders:")


@dataclass(frozen=True, slots=True)
class _Known:
    """What the CRM has at this moment."""

    invoices: Found[CrmInvoice]
    exclusions: Found[Exclusion]

    def step(self, one: SentNotification) -> StepFacts:
        invoice = self.invoices.get(invoice_of(one))
        customer = invoice.customer_id if isinstance(invoice, CrmInvoice) else ""
        return StepFacts(one.claim.key, one.claim.days or 0, invoice, self.exclusions.get(customer))


class ReminderPreSendCheck(CrmPreSendCheck):
    """Reads ledger and CRM about reminders that are about to leave."""

    @cached_property
    def _policy(self) -> ReminderPolicy:
        hours = hours_of(self._settings.reminders, self._settings.worker.timezone)
        return ReminderPolicy(ladder_of(self._settings.reminders), hours)

    @cached_property
    def _kinds(self) -> frozenset[str]:
        return reminder_kinds(self._settings)

    def __call__(self, rows: Sequence[Row]) -> Verdicts:
        """The verdicts on those of these messages that are reminders, by `rules.pre_send.reminder`.

        Changes nothing.
        """
        ours = [row for row in rows if self._is_reminder(row)]
        if not ours:
            return {}
        with self._ledger.read() as connection:
            notified = notifications_of(connection, [row["id"] for row in ours])

        def decide(row: Row, known: _Known | None, now: datetime) -> Verdict | None:
            return self._decide(row, notified.get(row["id"], ()), known, now) if known else None

        return self._verdicts(ours, lambda: self._ask(ours, notified), decide)

    def _is_reminder(self, row: Row) -> bool:
        by_ladder = row["idempotency_key"].startswith(PREFIXES)
        return by_ladder or (row["invoice_id"] is not None and row["kind"] in self._kinds)

    def _ask(self, rows: Sequence[Row], notified: Mapping[str, Sequence[SentNotification]]) -> _Known | None:
        # Opened only here: a CRM that is out of order must not hold up a password reset.
        crm = self._crm()
        if not crm.offers("open_invoices"):
            return None
        named = {invoice_of(one) for some in notified.values() for one in some}
        named |= {row["invoice_id"] for row in rows if row["invoice_id"] is not None}
        invoices = fetch(sorted(named), crm.invoices)
        customers = {one.customer_id for one in invoices.values() if isinstance(one, CrmInvoice)}
        return _Known(invoices, fetch(sorted(customers), crm.exclusions_of))

    def _decide(
        self, row: Row, notified: Sequence[SentNotification], known: _Known, now: datetime
    ) -> Verdict | None:
        if not notified:
            return self._decide_by_hand(row, known, now)
        found = check_steps([known.step(one) for one in notified], self._policy, now)
        if not isinstance(found, StillTrue):
            return found
        reminder = self._reminder(row, notified, found.keys, known, now)
        if len(reminder.all) < len(notified):
            return replace(self._write(reminder, now), reminder.keys, now)
        return compare(row, self._write(_in_its_words(reminder, row), now), now)

    def _decide_by_hand(self, row: Row, known: _Known, now: datetime) -> Verdict | None:
        """A reminder that belongs to no step: somebody sent it by hand."""
        if not row["invoice_id"]:
            return None
        invoice = known.invoices.get(row["invoice_id"])
        if (verdict := check_by_hand(invoice, now)) or not isinstance(invoice, CrmInvoice):
            return verdict
        today = local_day(now, self._policy.hours.zone)
        return compare(
            row, row_or_fault(lambda: by_hand(invoice, row, self._drafts, today=today, now=now)), now
        )

    def _write(self, reminder: Reminder[CrmInvoice], now: datetime) -> Row | BadInput | Misconfigured:
        return row_or_fault(lambda: written(reminder, self._drafts, not_before=now, now=now).row)

    def _reminder(
        self,
        row: Row,
        notified: Iterable[SentNotification],
        keys: Collection[str],
        known: _Known,
        now: datetime,
    ) -> Reminder[CrmInvoice]:
        """These steps of the reminder as they would be written now.

        Those that belong into a mail to another reader, customer or currency by now wait for the next scan.
        """
        all_ = together(
            (facts.invoice, self._due(row, facts, facts.invoice, now))
            for facts in map(known.step, notified)
            if facts.key in keys and isinstance(facts.invoice, CrmInvoice)
        )
        return merge(all_.all, reader_of)[0]

    def _due(self, row: Row, facts: StepFacts, invoice: CrmInvoice, now: datetime) -> Due:
        step = Step(facts.days, row["kind"])
        age = (local_day(now, self._policy.hours.zone_of(invoice.timezone)) - invoice.due_date).days
        return Due(
            step,
            facts.key,
            now,
            days_overdue=max(0, age),
            days_left=max(0, -age),
            last=self._policy.ladder.is_last(step),
        )


def _in_its_words(reminder: Reminder[CrmInvoice], row: Row) -> Reminder[CrmInvoice]:
    """The same, its first invoice as in this mail wherever the CRM is silent now."""
    first, due = reminder.leading
    leading = fill_gaps(first, row), due
    return Reminder((leading, *reminder.all[1:]))


def invoice_of(one: SentNotification) -> str:
    """The invoice that this was about."""
    return one.claim.about.removeprefix("invoice:")
