"""What is wrong with an invoice, and what is only doubtful, before anything is rendered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mailworker.config.invoice import InvoiceSettings
from mailworker.errors import BadInput
from mailworker.invoices.from_json.invoice import read_invoice
from mailworker.invoices.from_json.unknown_keys import unknown_keys
from mailworker.invoices.requirements.warn_of_missing_mentions import missing_mentions


@dataclass(frozen=True, slots=True)
class InvoiceReview:
    """One sentence for each finding: `faults` stop the invoice, `warnings` do not."""

    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def review_invoice(invoice: Any, settings: InvoiceSettings) -> InvoiceReview:
    """All faults and warnings of an invoice's data."""
    if not isinstance(invoice, Mapping):
        return InvoiceReview(("The invoice must be a JSON object.",))
    unknown = unknown_keys(invoice)
    try:
        read = read_invoice(invoice, settings)
    except BadInput as wrong:
        return InvoiceReview(tuple(wrong.faults), tuple(unknown))
    return InvoiceReview(warnings=(*unknown, *missing_mentions(read, settings)))
