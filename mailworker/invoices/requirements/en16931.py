"""What EN 16931 and Factur-X ask of every e-invoice, wherever its seller is."""

from collections.abc import Iterator

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.code_lists import (
    ADDRESS_SCHEMES,
    COUNTRIES,
    CURRENCIES,
    IDENTIFIER_SCHEMES,
    TRANSFERS,
    VAT_PREFIXES,
    VATEX,
    meant_country,
)
from mailworker.invoices.model import Invoice, VatCategory
from mailworker.invoices.money import minor_units
from mailworker.invoices.payment_terms import account_of

#: Categories for which the seller's VAT number has to stand there; others take a tax number in its place.
_SELLER_VAT = (VatCategory.INTRA_COMMUNITY, VatCategory.EXPORT)

#: Validators reckon with double precision: sixteen figures, of which two are decimals.
_MOST_AMOUNT = 10**13


def european(invoice: Invoice, settings: InvoiceSettings) -> Iterator[str]:
    """Every fault of the head, the lines and the taxes."""
    yield from _money(invoice)
    yield from _parties(invoice)
    yield from _seller(settings)
    yield from _dates(invoice)
    yield from _lines(invoice)
    yield from _exemptions(invoice)
    yield from _taxes(invoice, settings)
    yield from _payment(invoice, settings)
    yield from _rounding(invoice, settings)


def _money(invoice: Invoice) -> Iterator[str]:
    currency = invoice.currency
    if currency not in CURRENCIES:
        yield f"currency {currency} is no longer in ISO 4217 (BT-5, BR-CL-04)."
    if minor_units(currency) > 2:
        yield f"Factur-X carries two decimals, and {currency} has {minor_units(currency)}."
    totals = invoice.totals
    amounts = [totals.lines, totals.net, totals.gross, *(line.amount for line in invoice.lines)]
    if max(abs(amount) for amount in amounts) >= _MOST_AMOUNT:
        yield f"Amounts must be below {_MOST_AMOUNT:,}: validators add larger ones inexactly (BR-CO-10)."


def _parties(invoice: Invoice) -> Iterator[str]:
    client = invoice.client
    if client.country not in COUNTRIES:
        yield (
            "client.country must be a code of ISO 3166-1, such as FR, for an e-invoice (BT-55, BR-CL-14)"
            f"{meant_country(client.country) or '.'}"
        )
    if client.vat_id and client.vat_id[:2] not in VAT_PREFIXES:
        yield (
            "client.vat_id must begin with the code of its country, such as FR59552100554 (BT-48, BR-CO-09)."
        )
    if client.endpoint and client.endpoint_scheme not in ADDRESS_SCHEMES:
        yield "client.electronic_address.scheme must be a code of the EAS list, such as 0225 (BT-49-1)."
    address = invoice.delivery.address if invoice.delivery else None
    if address and (address.lines or address.country) and address.country not in COUNTRIES:
        yield "delivery_address.country must be a code of ISO 3166-1, such as FR (BT-80, BR-57)."


def _seller(settings: InvoiceSettings) -> Iterator[str]:
    seller, agent = settings.seller, settings.seller.tax_representative
    if seller.identifier_scheme not in IDENTIFIER_SCHEMES | {""}:
        yield "invoice.seller.identifier_scheme in crm_config.yaml must be a code of ISO/IEC 6523 (BR-CL-10)."
    if seller.country not in COUNTRIES:
        yield "invoice.seller.country in crm_config.yaml must be a code of ISO 3166-1 (BT-40, BR-CL-14)."
    if seller.vat_id and seller.vat_id[:2] not in VAT_PREFIXES:
        yield "invoice.seller.vat_id in crm_config.yaml must begin with a country's code (BT-31, BR-CO-09)."
    if agent.name and not (agent.country in COUNTRIES and agent.vat_id[:2] in VAT_PREFIXES):
        yield (
            "invoice.seller.tax_representative in crm_config.yaml needs a country of ISO 3166-1 and a vat_id "
            "that begins with a country's code (BT-69, BT-63, BR-CO-09)."
        )


def _dates(invoice: Invoice) -> Iterator[str]:
    if invoice.totals.due > 0 and not invoice.due and not invoice.payment_terms and not invoice.credit:
        yield "due_date is missing; an e-invoice with something to pay needs it (BT-9, BR-CO-25)."


def _lines(invoice: Invoice) -> Iterator[str]:
    if not invoice.lines:
        yield "transactions are missing; an e-invoice needs at least one line (BG-25, BR-16)."
    for index, line in enumerate(invoice.lines):
        where = f"transactions[{index}]"
        if line.rate is None:
            yield f"{where}.tax_rate is missing; an e-invoice needs it on every line (BT-152)."
        if line.start and line.end and line.end < line.start:
            yield f"{where}.start_date is after its end_date (BR-30)."
    for allowance in invoice.allowances:
        if allowance.rate is None:
            name = "charges" if allowance.charge else "discounts"
            yield f"tax_rate is missing in {name}; an e-invoice needs it (BT-96, BT-103)."


def _exemptions(invoice: Invoice) -> Iterator[str]:
    for row in invoice.vat:
        if row.exemption.code and row.exemption.code not in VATEX:
            yield f"exemption_code {row.exemption.code} is not in the VATEX list (BT-121, BR-CL-22)."


def _taxes(invoice: Invoice, settings: InvoiceSettings) -> Iterator[str]:
    categories = {row.category for row in invoice.vat}
    client, seller = invoice.client, settings.seller
    registered = client.siren or client.company_id
    for category in (VatCategory.REVERSE_CHARGE, VatCategory.INTRA_COMMUNITY):
        known = client.vat_id or (registered if category is VatCategory.REVERSE_CHARGE else "")
        if category in categories and not known:
            yield f"client.vat_id is missing; VAT category {category} needs it (BT-48)."
    if any(row.category is VatCategory.IGIC and not row.rate for row in invoice.vat):
        yield "tax_rate must be above 0 in category L (BT-152, BR-AF-05)."
    if VatCategory.OUTSIDE in categories and len(categories) > 1:
        yield "tax_category O cannot stand beside another category on one invoice (BR-O-11)."
    if VatCategory.OUTSIDE in categories and not (seller.siren or seller.company_id or seller.identifier):
        yield "invoice.seller.siren (or company_id) is missing: outside VAT only it tells the seller (BT-30)."
    other = "" if categories.intersection(_SELLER_VAT) else seller.tax_number or seller.siren
    number = seller.vat_id or seller.tax_representative.vat_id or other
    if not number and categories - {VatCategory.OUTSIDE}:
        yield "invoice.seller.vat_id is missing in crm_config.yaml; an e-invoice needs it (BT-31)."


def _rounding(invoice: Invoice, settings: InvoiceSettings) -> Iterator[str]:
    if invoice.totals.rounding and settings.profile == "basic":
        yield "rounding_amount needs invoice.profile en16931: BASIC has no field for it (BT-114)."


def _payment(invoice: Invoice, settings: InvoiceSettings) -> Iterator[str]:
    transfer = any(means.code in TRANSFERS for means in invoice.payments[:1])
    if transfer and not account_of(invoice, settings).iban:
        yield "invoice.seller.iban is missing in crm_config.yaml; a transfer needs it (BT-84, BR-61)."
