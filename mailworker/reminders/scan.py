"""Which open invoices are due for a reminder, page by page."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property

from mailworker.config.builtin_kinds import INVOICE_REMINDER
from mailworker.config.settings import Settings
from mailworker.core.scan_names import OVERDUE_INVOICES
from mailworker.core.states import State
from mailworker.crm import CrmSource, RecordPage
from mailworker.crm.instalments import invoice_of_instalment
from mailworker.crm.records import CrmInvoice, Exclusion
from mailworker.crm.row_source_interface import Cursor
from mailworker.errors import BadInput, Misconfigured
from mailworker.ledger import Ledger
from mailworker.ledger.notification_log import SentNotification, about_invoice, by_hand, notifications_about
from mailworker.ledger.recipient_standings import standings
from mailworker.ledger.scan_activation import arming_of
from mailworker.reminders.reminder_mail import reader_of, written
from mailworker.reminders.whole_customers import whole_customers
from mailworker.rules.quiet_hours import not_before
from mailworker.rules.recipient_gate import Purpose, refusal
from mailworker.rules.reminder_due import Due, NotDue, decide
from mailworker.rules.reminder_grouping import Reminder, alone, merge
from mailworker.rules.reminder_ladder import Ladder, ReminderSent
from mailworker.scans.message_drafts import MessageDrafts
from mailworker.scans.rules_from_settings import hours_of, ladder_of
from mailworker.scans.runner import Findings, ScanBatch, ScanClaim

#: What became of a reminder that reached nobody.
_NOTHING = {State.EXPIRED, State.SUPPRESSED}


class ReminderScan:
    """Decides about open invoices. Make one for each slice of a scan: exclusions are read once."""

    scan = OVERDUE_INVOICES

    def __init__(self, settings: Settings, crm: CrmSource, ledger: Ledger, drafts: MessageDrafts) -> None:
        self.ladder = _started(ladder_of(settings.reminders), ledger)
        self.hours = hours_of(settings.reminders, settings.worker.timezone)
        self._grouped = settings.reminders.group_by_customer
        self._kinds = reminder_kinds(settings)
        self._blocks = settings.mailjet.blocks
        self._crm = crm
        self.ledger = ledger
        self._drafts = drafts

    def count(self) -> int | None:
        """How many open invoices there are, where that is cheap to know."""
        return self._crm.count("open_invoices")

    def batches(self, after: Cursor | None) -> Iterator[ScanBatch[CrmInvoice]]:
        """All open invoices; with `group_by_customer` all those of a customer in one batch."""
        pages = self._crm.open_invoices(by_customer=self._grouped, after=after)
        return whole_customers(pages) if self._grouped else _as_they_come(pages)

    def inspect(self, records: Sequence[CrmInvoice], *, as_of: datetime, now: datetime) -> Findings:
        """What is due among these, and why the others are not."""
        history = self.history([invoice.invoice_id for invoice in records])
        due: list[tuple[CrmInvoice, Due]] = []
        skipped: Counter[str] = Counter()
        for invoice in records:
            verdict = self.verdict(invoice, history.get(invoice.invoice_id, ()), as_of)
            if isinstance(verdict, NotDue):
                skipped[verdict.why] += 1
            elif self._still_refused(invoice, history.get(invoice.invoice_id, ())):
                skipped["suppressed"] += 1
            else:
                due.append((invoice, verdict))
        return self._written(merge(due, reader_of) if self._grouped else alone(due), skipped, now)

    def verdict(
        self, invoice: CrmInvoice, notified: Iterable[SentNotification], as_of: datetime
    ) -> Due | NotDue:
        """The ladder's verdict on one invoice."""
        sent = [ReminderSent(one.claim.days, one.at, _counts(one)) for one in notified]
        exclusion = self._exclusions.get(invoice.customer_id)
        return decide(invoice, self.ladder, sent, self.hours, as_of, exclusion=exclusion)

    def _still_refused(self, invoice: CrmInvoice, notified: Sequence[SentNotification]) -> bool:
        """Whether an earlier reminder was suppressed, and another would be so again."""
        if not any(one.state is State.SUPPRESSED for one in notified):
            return False
        with self.ledger.read() as connection:
            standing = next(iter(standings(connection, [invoice.email]).values()))
        return refusal(standing, Purpose.SERVICE) is not None

    def obstacles(self, invoice: CrmInvoice, due: Due, now: datetime) -> list[str]:
        """What would keep this reminder from being written or from leaving, a sentence each."""
        reminder = alone([(invoice, due)])[0]
        try:
            row = written(reminder, self._drafts, not_before=due.not_before, now=now).row
        except (BadInput, Misconfigured) as fault:
            return list(fault.faults) if isinstance(fault, BadInput) else [str(fault)]
        if row["kind"] not in self._blocks:
            return [f"mailjet.{row['kind']} is not in the configuration, so that it has no template."]
        with self.ledger.read() as connection:
            standing = next(iter(standings(connection, [row["to_email"]]).values()))
        stop = refusal(standing, Purpose.SERVICE)
        return [f"Its recipient may not be written to: {stop.why}."] if stop else []

    def history(self, invoice_ids: Sequence[str]) -> dict[str, list[SentNotification]]:
        """The reminders of these invoices, by the ladder and by hand."""
        with self.ledger.read() as connection:
            steps = notifications_about(connection, [about_invoice(one) for one in invoice_ids])
            whole = {one: invoice_of_instalment(one) for one in invoice_ids}
            hand = by_hand(connection, list(dict.fromkeys(whole.values())), self._kinds)
        return {one: steps.get(about_invoice(one), []) + hand.get(whole[one], []) for one in invoice_ids}

    @cached_property
    def _exclusions(self) -> Mapping[str, Exclusion]:
        return self._crm.exclusions()

    def _written(
        self, reminders: Sequence[Reminder[CrmInvoice]], skipped: Counter[str], now: datetime
    ) -> Findings:
        notifications: list[ScanClaim] = []
        faults: list[str] = []
        # A scan for a day that is past must not write to people in the middle of this night.
        opens = {
            zone: not_before(now, self.hours, zone) for zone in {one.leading[0].timezone for one in reminders}
        }
        for reminder in reminders:
            leaves = max(reminder.not_before, opens[reminder.leading[0].timezone])
            try:
                notifications.append(written(reminder, self._drafts, not_before=leaves, now=now))
            except BadInput as fault:
                skipped["incomplete"] += len(reminder.all)
                faults += fault.faults
        return Findings(notifications, skipped, faults)


def _counts(one: SentNotification) -> bool:
    """Whether the ladder counts it. What an operator cancelled counts: they did not want it sent."""
    if one.withdrawn and one.state in {State.CANCELLED, None}:
        return False
    return one.state not in _NOTHING


def reminder_kinds(settings: Settings) -> frozenset[str]:
    """Every kind of e-mail that may remind of an invoice."""
    steps = {step.kind for step in ladder_of(settings.reminders).steps}
    return frozenset(steps | {settings.reminders.kind, INVOICE_REMINDER})


def _started(ladder: Ladder, ledger: Ledger) -> Ladder:
    """The ladder from the day on from which an operator started it, where that is the later one."""
    with ledger.read() as connection:
        arming = arming_of(connection, OVERDUE_INVOICES)
    day = arming.start_from if arming else None
    return replace(ladder, start=max(filter(None, (ladder.start, day)))) if day else ladder


def _as_they_come(pages: Iterable[RecordPage[CrmInvoice]]) -> Iterator[ScanBatch[CrmInvoice]]:
    for page in pages:
        yield ScanBatch(page.records, page.end, page.faults)
