"""The variables of the invoice e-mail, from the invoice itself."""

from collections.abc import Mapping
from typing import Any

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.from_json.invoice import read_invoice
from mailworker.invoices.languages.locale_format import locale_format
from mailworker.invoices.model import DocumentType, Invoice
from mailworker.invoices.page.sums_and_payment import debit_of, due_day

_DEFAULTS = InvoiceSettings()

#: What the mail calls a document; for a customer, a self-billed invoice is one like others.
_SORTS = {
    DocumentType.CREDIT_NOTE: "credit_note",
    DocumentType.CORRECTIVE: "corrective",
    DocumentType.PREPAYMENT: "prepayment",
}


def mail_variables(
    invoice: Mapping[str, Any], *, language: str = "", settings: InvoiceSettings = _DEFAULTS
) -> dict[str, Any]:
    """What `api_crmCommunicationCustomerInvoice` prints, as the customer's language writes it.

    `total_amount` is the whole with tax; `amount_due` is what is left to pay; `due_date` is the day on which
    that is taken, where a direct debit has one. BadInput as for a render.
    """
    read = read_invoice(invoice, settings, language=language)
    fmt, due = locale_format(read.language), due_day(read)
    return {
        "customer_name": read.client.name,
        "invoice_number": read.number,
        "invoice_date": fmt.day(read.issued),
        "due_date": fmt.day(due) if due else "",
        "total_amount": fmt.money(read.totals.gross, read.currency),
        "invoice_url": read.invoice_url,
        "pay_url": read.pay_url,
        "document_type": _SORTS.get(read.type, "invoice"),
        "payment_state": _payment_state(read),
        "amount_due": fmt.money(read.totals.due, read.currency),
        "paid_amount": fmt.money(read.totals.paid, read.currency) if read.totals.paid else "",
        "corrected_number": read.references.corrects,
    }


def _payment_state(read: Invoice) -> str:
    """Who has what to do: `due`, `part_paid`, `paid`, `nothing_due`, or `direct_debit`."""
    totals = read.totals
    if totals.due <= 0:
        return "paid" if totals.paid > 0 else "nothing_due"
    if debit_of(read):
        return "direct_debit"
    return "part_paid" if totals.paid > 0 else "due"
