"""The variables of the invoice e-mail, from the invoice itself."""

from collections.abc import Mapping
from typing import Any

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.invoice_json import read_invoice
from mailworker.invoices.locale_format import speech

_DEFAULTS = InvoiceSettings()


def mail_variables(
    invoice: Mapping[str, Any], *, language: str = "", settings: InvoiceSettings = _DEFAULTS
) -> dict[str, Any]:
    """What `api_crmCommunicationCustomerInvoice` prints, as the customer's language writes it.

    `total_amount` is what is left to pay, tax included; of a credit note, its total.
    BadInput as for a render.
    """
    read = read_invoice(invoice, settings, language=language)
    say = speech(read.language)
    total = read.totals.gross if read.credit else read.totals.due
    return {
        "customer_name": read.client.name,
        "invoice_number": read.number,
        "invoice_date": say.day(read.issued),
        "due_date": say.day(read.due) if read.due else "",
        "total_amount": say.money(total, read.currency),
        "invoice_url": read.invoice_url,
        "pay_url": read.pay_url,
    }
