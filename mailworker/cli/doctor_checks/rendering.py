"""Whether an invoice would come out: libraries, fonts, and the operator's own template with a sample."""

from collections.abc import Iterator, Mapping
from typing import Any

from mailworker.config.invoice import InvoiceSettings
from mailworker.errors import MailworkerError, Misconfigured
from mailworker.invoices import InvoiceRenderer, renderer_health
from mailworker.invoices.asset_files import FONTS, OURS, Assets
from mailworker.invoices.attachment_size import message_size
from mailworker.invoices.render_self_test import can_load

#: An invoice that every template can print: two lines, one rate of tax, in French.
SAMPLE: Mapping[str, Any] = {
    "invoice_number": "DOCTOR-1",
    "date": "2026-10-31",
    "due_date": "2026-11-30",
    "start_date": "2026-10-01",
    "end_date": "2026-10-31",
    "currency": "EUR",
    "language": "fr",
    "total_amount": "60.00",
    "total_tax": "10.00",
    "client": {
        "name": "Société Exemple",
        "address": ["1 rue de la Paix"],
        "postcode": "75002",
        "city": "Paris",
        "country": "FR",
        "email": "sample@example.com",
        "customer_number": "C-1",
    },
    "transactions": [
        {"description": "Fibre", "quantity": 1, "unit_price": "30.00", "amount": "30.00", "tax_rate": 20},
        {"description": "Mobile", "quantity": 2, "unit_price": "10.00", "amount": "20.00", "tax_rate": 20},
    ],
    "invoice_url": "https://example.com/invoices/DOCTOR-1",
    "pay_url": "https://example.com/pay/DOCTOR-1",
}


def library_faults() -> Iterator[str]:
    """Whether WeasyPrint and its libraries are here, and our fonts."""
    yield from renderer_health()
    parts = {"fonts": [*FONTS.glob("*.?tf"), *FONTS.glob("*.woff*")], "templates": [*OURS.glob("*.html")]}
    for what, files in parts.items():
        if not files:
            yield f"The {what} of the package are missing: install mailworker again."


def template_faults(settings: InvoiceSettings) -> Iterator[str]:
    """What stands in the way of a sample invoice in the configured template, but for missing libraries."""
    if not can_load():
        return
    logo = _logo_fault(settings)
    if logo:
        yield logo
    try:
        with InvoiceRenderer(settings) as renderer:
            made = renderer.render(SAMPLE)
    except MailworkerError as fault:
        words = str(fault)
        so_do_all = "waits for it" if isinstance(fault, Misconfigured) else "fails like it"
        if words.rstrip(".") not in logo:
            yield f"A sample invoice cannot be rendered: {words} Mend that: every invoice {so_do_all}."
        return
    if message_size(len(made.pdf), 0) > settings.message_bytes:
        yield (
            f"A sample invoice of two lines has {len(made.pdf)} bytes, more than invoice.message_bytes "
            f"({settings.message_bytes}): make the template's pictures smaller."
        )


def _logo_fault(settings: InvoiceSettings) -> str:
    try:
        if settings.seller.logo:
            Assets(settings).read(settings.seller.logo)
    except MailworkerError as fault:
        return (
            f"invoice.seller.logo: {fault} Mend that, or leave invoice.seller.logo out: "
            "every invoice waits for it."
        )
    return ""
