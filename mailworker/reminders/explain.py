"""Why an invoice gets a reminder, or none: the whole answer for staff."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from mailworker.crm import CrmSource
from mailworker.crm.instalments import instalment_id, invoice_of_instalment
from mailworker.crm.records import CrmInvoice
from mailworker.ledger.notification_log import SentNotification
from mailworker.reminders.find_invoice import find_invoice
from mailworker.reminders.scan import ReminderScan
from mailworker.rules.reminder_due import Due, NotDue, Why
from mailworker.rules.reminder_ladder import Step


@dataclass(frozen=True, slots=True)
class LadderStep:
    """One step of the ladder for this invoice: its day, and its mail, if one went out."""

    step: Step
    day: date
    notification: SentNotification | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """An invoice, its way up the ladder, what staff sent by hand, and the verdict of this moment.

    `obstacles` are what would keep a mail that is due from being written or from leaving.
    """

    invoice: CrmInvoice
    rungs: Sequence[LadderStep]
    by_hand: Sequence[SentNotification]
    verdict: Due | NotDue
    obstacles: Sequence[str] = ()


def explain(scan: ReminderScan, crm: CrmSource, invoice_id: str, as_of: datetime) -> Explanation | NotDue:
    """Where this invoice stands on the ladder; NotDue alone where the CRM does not know it.

    Raises the CRM's transient errors, and BadInput where the invoice cannot be read.
    """
    invoice = find_invoice(scan.ledger, crm, invoice_id)
    if invoice is None:
        return NotDue(Why.GONE, "The CRM knows no invoice of this id, and no open one of this number.")
    if invoice.instalment and invoice_of_instalment(invoice.invoice_id) == invoice.invoice_id:
        invoice = crm.invoice(instalment_id(invoice.invoice_id, invoice.instalment)) or invoice
    notified = scan.history([invoice.invoice_id])[invoice.invoice_id]
    by_step = {one.claim.days: one for one in notified if one.claim.days is not None}
    rungs = [
        LadderStep(step, invoice.due_date + timedelta(days=step.days), by_step.get(step.days))
        for step in scan.ladder.steps
    ]
    hand = [one for one in notified if one.claim.days is None]
    verdict = scan.verdict(invoice, notified, as_of)
    obstacles = scan.obstacles(invoice, verdict, as_of) if isinstance(verdict, Due) else []
    return Explanation(invoice, rungs, hand, verdict, obstacles)
