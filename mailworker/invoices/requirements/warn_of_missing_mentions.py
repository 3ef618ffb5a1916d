"""Warnings of the mentions that the law wants on the page and this invoice lacks; each names its source."""

import re
from collections.abc import Iterator

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.code_lists import DEBITS, FRENCH, unit_code
from mailworker.invoices.model import ClientKind, Invoice
from mailworker.invoices.vat_exemptions import unexplained

#: A legal form in a customer's name: a company, whatever the invoice's other fields declare.
_COMPANY = re.compile(
    r"\b(SARL|EURL|SAS|SASU|SA|SNC|SCI|SCOP|SELARL|GmbH|AG|Ltd|LLC|Inc|BV|NV|SpA|SRL|SL|PLC)\b"
)
#: What a consumer's telecom invoice shows by these.
_CONSUMER = {
    "invoice.seller.customer_service": "names customer service's hours and price",
    "transactions[].line": "names the line it is for",
    "transactions[].section": "has its services in sections",
}


def missing_mentions(invoice: Invoice, settings: InvoiceSettings) -> list[str]:
    """One sentence for each mention that is missing; none of them stops the invoice."""
    found = [*other_amounts(invoice), *_any_seller(invoice, settings)]
    if settings.seller.country in FRENCH:
        found += [*_french_seller(invoice, settings), *_french_client(invoice, settings)]
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


def _french_seller(invoice: Invoice, settings: InvoiceSettings) -> Iterator[str]:
    seller = settings.seller
    if not seller.siren:
        yield "invoice.seller.siren is missing: it stands on every invoice (Code de commerce R123-237)."
    if not seller.registration:
        yield (
            "invoice.seller.registration is missing: legal form, capital and register stand on every invoice "
            "(Code de commerce R123-237, R123-238)."
        )
    if not (seller.address and seller.postcode and seller.city):
        yield "invoice.seller.address is missing (CGI annexe II, article 242 nonies A, I, 1°)."
    if invoice.currency != "EUR" and invoice.totals.tax and not invoice.accounting_tax:
        yield (
            "exchange_rate is missing (or total_tax_in_tax_currency): the VAT stands in euros, too "
            "(directive 2006/112/CE, article 230)."
        )
    if not invoice.due and not invoice.payment_terms and invoice.totals.due > 0 and not invoice.credit:
        yield "due_date is missing: the invoice says when it is to be paid (Code de commerce L441-9)."


def _french_client(invoice: Invoice, settings: InvoiceSettings) -> Iterator[str]:
    client = invoice.client
    if not (client.address.lines and client.address.city):
        yield "client.address is missing (CGI annexe II, article 242 nonies A, I, 1°)."
    if client.kind is ClientKind.UNKNOWN:
        company = _COMPANY.search(client.name)
        yield (
            "client.kind is missing, and the name looks like a company's: late-payment terms are not printed "
            "(Code de commerce L441-9)."
            if company
            else "client.kind is missing (business, consumer, public): each has mentions of its own."
        )
    if client.is_french_business and not client.siren:
        yield "client.siren is missing: it stands on invoices between companies (décret 2022-1299)."
    if client.kind is ClientKind.CONSUMER:
        yield from _french_consumer(invoice, settings)


def _french_consumer(invoice: Invoice, settings: InvoiceSettings) -> Iterator[str]:
    """What a telecom invoice must show a consumer: the arrêté followed that of 1 February 2002, article 2."""
    lacking = {
        "invoice.seller.customer_service": not settings.seller.customer_service,
        "transactions[].line": invoice.lines and not any(line.account for line in invoice.lines),
        "transactions[].section": invoice.lines and not any(line.section for line in invoice.lines),
    }
    for key in (key for key, lacks in lacking.items() if lacks):
        yield f"{key} is missing: a consumer's telecom invoice {_CONSUMER[key]} (arrêté du 31 décembre 2013)."
