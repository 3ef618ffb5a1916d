"""What is asked of a seller in France: BR-FR (XP Z12-012) beside EN 16931, and mentions of French law."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.code_lists import FRENCH_RATES
from mailworker.invoices.document_types import FRENCH_TYPES, SELF_BILLED_CODES
from mailworker.invoices.facturx_xml import base_quantity, endpoint_of
from mailworker.invoices.from_json.customer import FRENCH_DIRECTORY
from mailworker.invoices.from_json.tax import SPANISH
from mailworker.invoices.model import ClientKind, DocumentType, Invoice
from mailworker.invoices.money import decimals_of

#: Numbers that French platforms take: BR-FR-01 and BR-FR-02.
_NUMBER = re.compile(r"[A-Za-z0-9+\-_/]{1,35}")
#: Addresses of the French directory: BR-FR-23 and BR-FR-25.
_DIRECTORY = re.compile(r"[A-Za-z0-9+\-_.]{1,125}")
_MOST_ENDPOINT = 125
_QUANTITY_DECIMALS = 4
#: Longest figures: 19 characters for a quantity or a price, sign included (BR-FR-DEC-02, BR-FR-DEC-03).
_MOST_FIGURES = 19
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


def french(invoice: Invoice, settings: InvoiceSettings) -> Iterator[str]:
    """Every fault, by its rule."""
    yield from _numbers(invoice)
    yield from _seller(settings)
    yield from _buyer(invoice)
    yield from _years(invoice)
    yield from _rates(invoice)
    yield from _figures(invoice)
    yield from _subjects(invoice)
    if invoice.currency != "EUR" and not invoice.accounting_tax:
        yield (
            "exchange_rate is missing (or total_tax_in_tax_currency): in France the VAT also has to stand "
            "in euros (BT-6, BT-111, BR-FR-CO-12)."
        )


def _numbers(invoice: Invoice) -> Iterator[str]:
    if not _NUMBER.fullmatch(invoice.number):
        yield (
            "invoice_number must be at most 35 characters of A-Z, a-z, 0-9, +, -, _ and / "
            "for an e-invoice (BT-1, BR-FR-01, BR-FR-02)."
        )
    refers = invoice.references
    if any(not _NUMBER.fullmatch(earlier.number) for earlier in refers.earlier):
        yield "corrects must be at most 35 characters of A-Z, a-z, 0-9, +, -, _ and / (BT-25, BR-FR-01)."
    if invoice.type_code not in FRENCH_TYPES:
        yield f"type {invoice.type_code} is none that French platforms take (BT-3, BR-FR-04)."
    correcting = invoice.credit or invoice.type is DocumentType.CORRECTIVE
    if correcting and not refers.corrects:
        yield "corrects is missing: it names the invoice that is corrected (BT-25, BR-FR-CO-04, BR-FR-CO-05)."
    elif correcting and not all(earlier.day for earlier in refers.earlier):
        yield "corrects.date is missing: in France it is asked for (BT-26, BR-FR-CO-04, BR-FR-CO-05)."
    elif invoice.type is DocumentType.CORRECTIVE and len(refers.earlier) > 1:
        yield "corrects must name one invoice: a corrective one takes the place of one (BT-25, BR-FR-CO-04)."


def _seller(settings: InvoiceSettings) -> Iterator[str]:
    if not settings.seller.siren:
        yield "invoice.seller.siren is missing in crm_config.yaml: France asks for it (BT-30, BR-FR-10)."


def _buyer(invoice: Invoice) -> Iterator[str]:
    client = invoice.client
    if client.siren and not re.fullmatch(r"\d{9}", client.siren):
        yield "client.siren must have nine digits (BT-47, BR-FR-32)."
    elif client.siret and not re.fullmatch(rf"{client.siren}\d{{5}}", client.siret):
        yield "client.siret must have fourteen digits and begin with client.siren (BT-46, BR-FR-09)."
    if client.is_french_business and not client.siren:
        yield "client.siren is missing: a business in France is known by it (BT-47, BR-FR-11)."
    yield from _endpoint(invoice)


def _endpoint(invoice: Invoice) -> Iterator[str]:
    client = invoice.client
    endpoint, scheme = endpoint_of(client)
    if not endpoint:
        yield (
            "client.email is missing: without client.siren and client.electronic_address it is the "
            "customer's electronic address (BT-49, BR-FR-12)."
        )
        return
    if len(endpoint) > _MOST_ENDPOINT:
        yield f"The customer's electronic address has more than {_MOST_ENDPOINT} characters (BR-FR-25)."
    elif scheme == FRENCH_DIRECTORY and not _DIRECTORY.fullmatch(endpoint):
        yield "client.electronic_address must be of A-Z, a-z, 0-9, +, -, _ and . (BT-49, BR-FR-23)."
    bound = client.is_french_business and client.siren and invoice.type_code not in SELF_BILLED_CODES
    if bound and not (scheme == FRENCH_DIRECTORY and endpoint.startswith(client.siren)):
        yield "client.electronic_address must begin with client.siren, in scheme 0225 (BT-49, BR-FR-21)."


def _years(invoice: Invoice) -> Iterator[str]:
    if invoice.due and invoice.due < invoice.issued and invoice.type is not DocumentType.PREPAYMENT:
        yield "due_date is before date (BT-9, BR-FR-CO-07)."
    days: dict[str, date | None] = {
        "date": invoice.issued,
        "due_date": invoice.due,
        "start_date": invoice.start,
        "end_date": invoice.end,
        "tax_point_date": invoice.tax_point,
        "delivery_date": invoice.delivered,
    }
    for index, earlier in enumerate(invoice.references.earlier):
        days[f"corrects[{index}].date" if index else "corrects.date"] = earlier.day
    for index, line in enumerate(invoice.lines):
        days[f"transactions[{index}].start_date"] = line.start
        days[f"transactions[{index}].end_date"] = line.end
    for name, day in days.items():
        if day and not 2000 <= day.year <= 2099:
            yield f"{name} must be in the years 2000 to 2099 (BR-FR-03)."


def _rates(invoice: Invoice) -> Iterator[str]:
    if any(row.category in SPANISH for row in invoice.vat):
        yield "tax_category L and M are taxes of Spain's islands and of Ceuta and Melilla (BT-151, BR-FR-15)."
    wrong = {row.rate for row in invoice.vat if row.rate is not None and row.rate not in FRENCH_RATES}
    for rate in sorted(wrong):
        yield f"tax_rate {rate:f} is no VAT rate in France (BT-152, BR-FR-16)."


def _subjects(invoice: Invoice) -> Iterator[str]:
    subjects = [subject for _, subject in invoice.noted]
    for subject in ("PMT", "PMD", "AAB"):
        if subjects.count(subject) > 1:
            yield f"notes have the subject {subject} more than once (BT-21, BR-FR-06)."
    if "BAR" in subjects:
        yield "notes with the subject BAR are mailworker's own: it says how platforms treat it (BR-FR-20)."


def _figures(invoice: Invoice) -> Iterator[str]:
    for index, line in enumerate(invoice.lines):
        where = f"transactions[{index}]"
        if decimals_of(line.quantity) > _QUANTITY_DECIMALS or _figures_of(line.quantity) > _MOST_FIGURES:
            yield f"{where}.quantity must have at most 4 decimals and 19 figures (BT-129, BR-FR-DEC-02)."
        base = base_quantity(line)
        price = line.unit_price * base / line.price_base
        # For so many units a price needs six decimals at the most.
        if decimals_of(base) > _QUANTITY_DECIMALS or _figures_of(price) > _MOST_FIGURES:
            yield f"{where}.unit_price must have at most 6 decimals and 19 figures (BT-146, BR-FR-DEC-03)."


def _figures_of(number: Decimal) -> int:
    return len(f"{number.normalize():f}".replace(".", ""))


def french_mentions(invoice: Invoice, settings: InvoiceSettings) -> Iterator[str]:
    """A warning for each mention that French law wants on the page and this invoice lacks."""
    yield from _seller_mentions(invoice, settings)
    yield from _client_mentions(invoice, settings)


def _seller_mentions(invoice: Invoice, settings: InvoiceSettings) -> Iterator[str]:
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


def _client_mentions(invoice: Invoice, settings: InvoiceSettings) -> Iterator[str]:
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
        yield from _consumer_mentions(invoice, settings)


def _consumer_mentions(invoice: Invoice, settings: InvoiceSettings) -> Iterator[str]:
    """What a telecom invoice must show a consumer: the arrêté followed that of 1 February 2002, article 2."""
    lacking = {
        "invoice.seller.customer_service": not settings.seller.customer_service,
        "transactions[].line": invoice.lines and not any(line.account for line in invoice.lines),
        "transactions[].section": invoice.lines and not any(line.section for line in invoice.lines),
    }
    for key in (key for key, lacks in lacking.items() if lacks):
        yield f"{key} is missing: a consumer's telecom invoice {_CONSUMER[key]} (arrêté du 31 décembre 2013)."
