"""Why an invoice gets a reminder, or none: the whole answer for staff."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from mailworker.crm import CrmSource
from mailworker.crm.records import CrmInvoice
from mailworker.ledger.notification_log import SentNotification
from mailworker.reminders.scan import ReminderScan
from mailworker.rules.reminder_ladder import Due, NotDue, Step, Why


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder for this invoice: its day, and the mail that said it, if one did."""

    step: Step
    day: date
    spoken: SentNotification | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """An invoice, its way up the ladder, what staff sent by hand, and the verdict of this moment."""

    invoice: CrmInvoice
    rungs: Sequence[Rung]
    by_hand: Sequence[SentNotification]
    verdict: Due | NotDue


def explain(scan: ReminderScan, crm: CrmSource, invoice_id: str, as_of: datetime) -> Explanation | NotDue:
    """What the ladder says of this invoice; NotDue alone where the CRM does not know it.

    Raises the CRM's transient errors, and BadInput where the invoice cannot be read.
    """
    invoice = crm.invoice(invoice_id)
    if invoice is None:
        return NotDue(Why.GONE, "The CRM does not know this invoice. Give its id, not its number.")
    spoken = scan.history([invoice.invoice_id])[invoice.invoice_id]
    said = {one.claim.days: one for one in spoken if one.claim.days is not None}
    rungs = [
        Rung(step, invoice.due_date + timedelta(days=step.days), said.get(step.days))
        for step in scan.ladder.steps
    ]
    hand = [one for one in spoken if one.claim.days is None]
    return Explanation(invoice, rungs, hand, scan.verdict(invoice, spoken, as_of))
