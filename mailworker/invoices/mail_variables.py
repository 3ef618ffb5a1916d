"""The variables of the invoice e-mail, from the invoice itself."""

from collections.abc import Mapping
from typing import Any

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.invoice_json import read_invoice
from mailworker.invoices.locale_format import speech
from mailworker.invoices.model import Invoice

_DEFAULTS = InvoiceSettings()

#: Words and codes of UNTDID 1001 under which OmniCRM may name the sort of a document.
_TYPES = {
    "381": "credit_note",
    "credit_note": "credit_note",
    "384": "corrective",
    "corrective": "corrective",
    "corrected_invoice": "corrective",
    "386": "prepayment",
    "prepayment": "prepayment",
}


def mail_variables(
    invoice: Mapping[str, Any], *, language: str = "", settings: InvoiceSettings = _DEFAULTS
) -> dict[str, Any]:
    """What `api_crmCommunicationCustomerInvoice` prints, as the customer's language writes it.

    `total_amount` is the whole with tax; `amount_due` is what is left to pay. BadInput as for a render.
    """
    read = read_invoice(invoice, settings, language=language)
    say = speech(read.language)
    return {
        "customer_name": read.client.name,
        "invoice_number": read.number,
        "invoice_date": say.day(read.issued),
        "due_date": say.day(read.due) if read.due else "",
        "total_amount": say.money(read.totals.gross, read.currency),
        "invoice_url": read.invoice_url,
        "pay_url": read.pay_url,
        "document_type": document_type(invoice, credit=read.credit),
        "payment_state": _payment_state(read, invoice),
        "amount_due": say.money(read.totals.due, read.currency),
        "paid_amount": say.money(read.totals.paid, read.currency) if read.totals.paid else "",
        "corrected_number": read.corrects,
    }


def document_type(invoice: Mapping[str, Any], *, credit: bool) -> str:
    """The sort of document: `credit_note`, `corrective`, `prepayment`, or `invoice`."""
    return "credit_note" if credit else _TYPES.get(str(invoice.get("type", "")), "invoice")


def _payment_state(read: Invoice, raw: Mapping[str, Any]) -> str:
    """Who has what to do: `due`, `part_paid`, `paid`, `nothing_due`, or `direct_debit`."""
    totals = read.totals
    if totals.due <= 0:
        return "paid" if totals.paid > 0 else "nothing_due"
    if raw.get("direct_debit") is True or raw.get("payment_method") in {"direct_debit", "sepa_debit"}:
        return "direct_debit"
    return "part_paid" if totals.paid > 0 else "due"
