"""Warnings of the mentions that the law wants on the page and this invoice lacks; each names its source."""

from collections.abc import Iterator

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.code_lists import DEBITS, FRENCH, unit_code
from mailworker.invoices.model import Invoice
from mailworker.invoices.requirements.france import french_mentions
from mailworker.invoices.vat_exemptions import unexplained


def missing_mentions(invoice: Invoice, settings: InvoiceSettings) -> list[str]:
    """One sentence for each mention that is missing; none of them stops the invoice."""
    found = [*other_amounts(invoice), *_any_seller(invoice, settings)]
    if settings.seller.country in FRENCH:
        found += french_mentions(invoice, settings)
    return found


def other_amounts(invoice: Invoice) -> Iterator[str]:
    """One sentence for each line whose amount is not what its quantity and price make."""
    for index, line in enumerate(invoice.lines):
        if line.computed is not None:
            yield (
                f"transactions[{index}].amount is {line.amount} but quantity times unit_price less discount "
                f"is {line.computed}: the difference is {line.amount - line.computed:+f} (BT-131, "
                "PEPPOL-EN16931-R120). The amount counts; the price that makes it is printed."
            )


def _any_seller(invoice: Invoice, settings: InvoiceSettings) -> Iterator[str]:
    unnamed = dict.fromkeys(line.unit for line in invoice.lines if unit_code(line.unit) is None)
    for unit in unnamed:
        yield f"transactions[].unit {unit!r} is no unit that mailworker knows; the e-invoice says one (C62)."
    debit = next((means for means in invoice.payments if means.code in DEBITS), None)
    if debit and not debit.mandate:
        yield "direct_debit.mandate is missing: a SEPA debit names its mandate (BT-89)."
    if debit and not settings.seller.creditor_id:
        yield "invoice.seller.creditor_id is missing: a SEPA debit names its creditor (BT-90)."
    if unexplained(invoice, settings):
        yield (
            "exemption_reason is missing: an exempt invoice names the article of the law "
            "(directive 2006/112/CE, article 226, 11; CGI annexe II, article 242 nonies A, I, 12°)."
        )
