"""What an e-invoice needs and this invoice lacks, by the number that EN 16931 gives each field."""

import re
from collections.abc import Iterator

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.model import Invoice, InvoiceLine, VatCategory
from mailworker.invoices.money import minor_units

#: Numbers that French platforms take: BR-FR-01 and BR-FR-02.
_NUMBER = re.compile(r"[A-Za-z0-9+\-_/]{1,35}")


def missing_for(invoice: Invoice, settings: InvoiceSettings) -> list[str]:
    """One sentence for each fault; empty when the e-invoice would be valid."""
    return [*_head(invoice, settings), *_lines(invoice), *_taxes(invoice, settings)]


def _head(invoice: Invoice, settings: InvoiceSettings) -> Iterator[str]:
    client = invoice.client
    if minor_units(invoice.currency) > 2:
        yield f"Factur-X carries two decimals, and {invoice.currency} has {minor_units(invoice.currency)}."
    if settings.seller.country == "FR" and not _NUMBER.fullmatch(invoice.number):
        yield (
            "invoice_number must be at most 35 characters of A-Z, a-z, 0-9, +, -, _ and / "
            "for an e-invoice (BT-1)."
        )
    if not re.fullmatch("[A-Z]{2}", client.country):
        yield "client.country must be a code of two letters, such as FR, for an e-invoice (BT-55)."
    if client.siren and not re.fullmatch(r"\d{9}", client.siren):
        yield "client.siren must have nine digits (BT-47)."
    if invoice.totals.due > 0 and not invoice.due and not invoice.credit:
        yield "due_date is missing; an e-invoice with something to pay needs it (BT-9, BR-CO-25)."
    if invoice.credit and not invoice.corrects:
        yield "corrects is missing: an electronic credit note names the invoice it corrects (BT-25)."
    elif invoice.credit and settings.seller.country == "FR" and not invoice.corrects_date:
        yield "corrects.date is missing: in France it is asked for (BT-26, BR-FR-CO-05)."


def _lines(invoice: Invoice) -> Iterator[str]:
    if not invoice.lines:
        yield "transactions are missing; an e-invoice needs at least one line (BG-25, BR-16)."
    for index, line in enumerate(invoice.lines):
        where = f"transactions[{index}]"
        if line.rate is None:
            yield f"{where}.tax_rate is missing; an e-invoice needs it on every line (BT-152)."
        if not line.quantity:
            yield f"{where}.quantity is zero; an e-invoice needs a quantity (BT-129)."
        if _backwards(line):
            yield f"{where}.start_date is after its end_date (BR-30)."
    for index, allowance in enumerate(invoice.allowances):
        if allowance.rate is None:
            yield f"discounts[{index}].tax_rate is missing; an e-invoice needs it (BT-96)."


def _backwards(line: InvoiceLine) -> bool:
    return line.start is not None and line.end is not None and line.end < line.start


def _taxes(invoice: Invoice, settings: InvoiceSettings) -> Iterator[str]:
    categories = {row.category for row in invoice.vat}
    client = invoice.client
    for category in (VatCategory.REVERSE_CHARGE, VatCategory.INTRA_COMMUNITY):
        known = client.vat_id or (client.siren if category is VatCategory.REVERSE_CHARGE else "")
        if category in categories and not known:
            yield f"client.vat_id is missing; VAT category {category} needs it (BT-48)."
    if VatCategory.OUTSIDE in categories and len(categories) > 1:
        yield "tax_category O cannot stand beside another category on one invoice (BR-O-11)."
    if VatCategory.OUTSIDE in categories and not settings.seller.siren:
        yield "invoice.seller.siren is missing; outside VAT only it tells the seller (BT-30, BR-O-02)."
    if not settings.seller.vat_id and categories - {VatCategory.OUTSIDE}:
        yield "invoice.seller.vat_id is missing in crm_config.yaml; an e-invoice needs it (BT-31)."
