"""What a mail says of an invoice that the CRM knows."""

from datetime import date
from typing import Any

from mailworker.crm.records import Invoice
from mailworker.invoices.speech import speech


def invoice_document(invoice: Invoice) -> dict[str, Any]:
    """The CRM's invoice in the names of OmniCRM's invoice JSON, as far as the CRM's listing knows them."""
    return {
        "invoice_number": invoice.number,
        "date": (invoice.issue_date or invoice.due_date).isoformat(),
        "due_date": invoice.due_date.isoformat(),
        "total_amount": str(invoice.total),
        "currency": invoice.currency,
        "client": {"name": invoice.customer_name, "email": invoice.email},
        "invoice_url": invoice.invoice_url,
        "pay_url": invoice.pay_url,
        "language": invoice.language or None,
    }


def reminder_variables(invoice: Invoice, *, language: str, today: date) -> dict[str, Any]:
    """The variables of a reminder about this invoice, as the customer's language writes them.

    `today` is the day in the operator's zone; a reminder before the due date says 0 days overdue.
    """
    say = speech(language)
    return {
        "customer_name": invoice.customer_name,
        "invoice_number": invoice.number,
        "due_date": say.day(invoice.due_date),
        "days_overdue": max(0, (today - invoice.due_date).days),
        "total_amount": say.money(invoice.owed, invoice.currency),
        "pay_url": invoice.pay_url,
    }
