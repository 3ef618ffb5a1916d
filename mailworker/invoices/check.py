"""What is wrong with an invoice, before anything is rendered."""

from collections.abc import Mapping
from typing import Any

from mailworker.config.invoice import InvoiceSettings
from mailworker.errors import BadInput
from mailworker.invoices.invoice_json import read_invoice


def check_invoice(invoice: Any, settings: InvoiceSettings) -> list[str]:
    """Every fault, one sentence each; an empty list for an invoice that can go out."""
    if not isinstance(invoice, Mapping):
        return ["The invoice must be a JSON object."]
    try:
        read_invoice(invoice, settings)
    except BadInput as wrong:
        return list(wrong.faults)
    return []
