"""What forbids a reminder, whatever its step: nothing is owed, or the customer is to be left alone."""

from datetime import date, timedelta
from decimal import Decimal

from mailworker.rules.reminder_ladder import Exclusion, InvoiceFacts, InvoiceStatus, Ladder, NotDue, Why


def stopped(
    invoice: InvoiceFacts | None, ladder: Ladder, today: date, exclusion: Exclusion | None = None
) -> NotDue | None:
    """What forbids any reminder of the ladder today. Asked by the scan, and again just before sending.

    `invoice` is None where the CRM knows it no more.
    """
    gone = settled(invoice)
    if gone is not None or invoice is None:
        return gone
    return _spared(invoice, ladder, today, exclusion) or _too_little(invoice, ladder, today)


def outdated(
    invoice: InvoiceFacts | None, days: int, ladder: Ladder, today: date, exclusion: Exclusion | None = None
) -> NotDue | None:
    """Why a step that was written down earlier is not said any more. `days` is the step's.

    Besides what forbids any reminder: the due date was put off, or came before a mail that announces it left.
    """
    objection = stopped(invoice, ladder, today, exclusion)
    if objection is not None or invoice is None:
        return objection
    age = (today - invoice.due_date).days
    if days < 0 < age:
        return NotDue(Why.TOO_LATE, "It says that the invoice is due soon, and the due date is over.")
    if age < days:
        return NotDue(Why.NOT_DUE_YET, f"The invoice is now due on {invoice.due_date}.")
    return None


def settled(invoice: InvoiceFacts | None) -> NotDue | None:
    """What forbids even a reminder by hand: there is nothing to pay. `invoice` is None where it is gone."""
    if invoice is None:
        return NotDue(Why.GONE, "The CRM does not know this invoice any more.")
    if invoice.status is InvoiceStatus.CANCELLED:
        return NotDue(Why.CANCELLED, "The invoice is cancelled.")
    if invoice.status is InvoiceStatus.PAID or invoice.owed <= 0:
        return NotDue(Why.PAID, "The invoice is paid.")
    return None


def _spared(invoice: InvoiceFacts, ladder: Ladder, today: date, exclusion: Exclusion | None) -> NotDue | None:
    if ladder.skip_disputed and invoice.status is InvoiceStatus.DISPUTED:
        return NotDue(Why.DISPUTED, "The customer disputes this invoice.")
    if ladder.skip_direct_debit and invoice.direct_debit:
        return NotDue(Why.DIRECT_DEBIT, "A direct debit is under way for this invoice.")
    if invoice.customer_id in ladder.excluded_customers:
        return NotDue(Why.EXCLUDED, "The customer is excluded from reminders in the configuration.")
    if exclusion is None or (exclusion.until is not None and exclusion.until < today):
        return None
    if exclusion.until is None:
        return NotDue(Why.EXCLUDED, "The customer is excluded from reminders in the CRM.")
    return NotDue(Why.PAUSED, f"Reminders to the customer are paused through {exclusion.until}.")


def _too_little(invoice: InvoiceFacts, ladder: Ladder, today: date) -> NotDue | None:
    minimum = ladder.minimum_amounts.get(invoice.currency, Decimal(0))
    if invoice.owed < minimum:
        return NotDue(
            Why.BELOW_MINIMUM, f"What is owed is below the minimum of {minimum} {invoice.currency}."
        )
    if invoice.paid_part_on is None:
        return None
    grace_ends = invoice.paid_part_on + timedelta(days=ladder.part_payment_grace_days)
    if today < grace_ends:
        return NotDue(
            Why.PART_PAID, f"A part was paid on {invoice.paid_part_on}; grace lasts until {grace_ends}."
        )
    return None
