"""Factur-X's XML: the Cross Industry Invoice, and an invoice's facts in EN 16931's terms.

Sources: Factur-X 1.09 (FNFE-MPE), EN 16931-1, and the French rules BR-FR for the life cycle of invoices
between companies.
"""

from dataclasses import astuple, dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.asset_files import OURS
from mailworker.invoices.code_lists import (
    DEBITS,
    FRENCH,
    ONE,
    TRANSFERS,
    unit_code,
)
from mailworker.invoices.from_json.customer import FRENCH_DIRECTORY
from mailworker.invoices.languages.locale_format import LocaleFormat
from mailworker.invoices.line_allowances import GrossPrice
from mailworker.invoices.model import Invoice, InvoiceLine, Party, PostalAddress, VatCategory
from mailworker.invoices.money import decimals_of, round_half_up
from mailworker.invoices.payment_terms import account_of, late_note, means_of
from mailworker.invoices.vat_exemptions import exemption_code, exemption_text

if TYPE_CHECKING:
    from jinja2 import Template

_GUIDELINES = {
    "en16931": "urn:cen.eu:en16931:2017",
    "basic": "urn:cen.eu:en16931:2017#compliant#urn:factur-x.eu:1p0:basic",
}
#: Decimals of a price beyond these are carried by a larger base quantity (BT-149).
PRICE_DECIMALS = 6


@cache
def _template() -> "Template":
    """Compiled once in a process."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - a check writes no XML

    env = Environment(
        loader=FileSystemLoader(OURS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {"day": _day, "amount": _amount, "plain": _plain}
    return env.get_template("factur-x.xml")


class CiiWriter:
    """Writes the XML; an invoice takes a fifth of a millisecond."""

    def __init__(self, settings: InvoiceSettings) -> None:
        self.template = _template()
        self.settings = settings

    def write(self, invoice: Invoice, fmt: LocaleFormat) -> bytes:
        """The Cross Industry Invoice (UN/CEFACT D22B) in the configured profile."""
        seller = self.settings.seller
        payments = means_of(invoice, self.settings)
        text = self.template.render(
            inv=invoice,
            refers=invoice.references,
            seller=seller,
            guideline=_GUIDELINES[self.settings.profile],
            full=self.settings.profile == "en16931",
            notes=_notes(invoice, self.settings, fmt),
            lines=[_line(line) for line in invoice.lines],
            payments=payments,
            debit=next((means for means in payments if means.code in DEBITS), None),
            endpoint=endpoint_of(invoice.client),
            ship_to=_ship_to(invoice),
            reason=lambda row: exemption_text(row, self.settings, fmt),
            vatex=exemption_code,
            outside=any(row.category is VatCategory.OUTSIDE for row in invoice.vat),  # BR-O-02: no VAT number
            transfers=TRANSFERS,
            # Names beyond the first are too many (CII-SR-475); in France only codes are taken (BR-FR-17).
            names_documents=seller.country not in FRENCH and len(invoice.references.documents) == 1,
            paid_to=account_of(invoice, self.settings),
            w=fmt.labels,
        )
        return text.strip().encode()


def _day(value: date) -> str:
    return value.strftime("%Y%m%d")


def _amount(value: Decimal) -> str:
    """A sum: two decimals, as BR-DEC asks, and never minus zero."""
    return f"{round_half_up(value, 2):f}"


def _plain(value: Decimal) -> str:
    """A price, quantity or rate: without exponent, without needless zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True, slots=True)
class _Line:
    """A line in EN 16931's terms: what gives back has a negative quantity, never a negative price (BR-27)."""

    line: InvoiceLine
    quantity: Decimal
    price: Decimal
    base: Decimal
    unit: str
    gross: GrossPrice | None


def _line(line: InvoiceLine) -> _Line:
    sign = -1 if line.unit_price < 0 else 1
    base = base_quantity(line)
    scale = base / line.price_base
    gross = line.gross_price and GrossPrice(*(part * scale for part in astuple(line.gross_price)))
    price = abs(line.unit_price) * scale
    return _Line(line, line.quantity * sign, price, base, unit_code(line.unit) or ONE, gross)


def _ship_to(invoice: Invoice) -> tuple[str, PostalAddress] | None:
    """Where it went (BG-15): the delivery's address; the customer's own where BR-IC-12 wants one."""
    if invoice.delivery and invoice.delivery.address.country:
        return invoice.delivery.name, invoice.delivery.address
    within = any(row.category is VatCategory.INTRA_COMMUNITY for row in invoice.vat)
    return ("", invoice.client.address) if within else None


def _notes(invoice: Invoice, settings: InvoiceSettings, fmt: LocaleFormat) -> list[tuple[str, str]]:
    """Free notes, and those that French rules ask for, by subject code (UNTDID 4451)."""
    notes = list(invoice.noted)
    if settings.seller.country not in FRENCH:
        return notes
    fee = fmt.labels.recovery_fee.format(fee=fmt.money(settings.late_fee, "EUR"))
    subjects = {subject for _, subject in notes}
    ours = [(fee, "PMT"), (late_note(invoice, settings, fmt), "PMD"), (fmt.labels.no_discount, "AAB")]
    ours = [note for note in ours if note[1] not in subjects]
    return [*notes, *ours, (treatment(invoice.client), "BAR")]


def treatment(client: Party) -> str:
    """How the French platforms treat the invoice (note BAR, BR-FR-20)."""
    if client.is_french_business:
        return "B2B"
    return "B2BINT" if client.is_organisation else "B2C"


def endpoint_of(client: Party) -> tuple[str, str]:
    """The customer's electronic address and its scheme (BT-49): their own, their SIREN, or their e-mail."""
    if client.endpoint:
        return client.endpoint, client.endpoint_scheme
    if client.siren:
        return client.siren, FRENCH_DIRECTORY
    return client.email, "EM" if client.email else ""


def base_quantity(line: InvoiceLine) -> Decimal:
    """For how many units the price is given (BT-149), so that it needs six decimals at the most.

    0.00012345 a megabyte is 0.012345 for a hundred: platforms refuse more decimals, and rounding would be
    wrong.
    """
    base = line.price_base
    prices = [line.unit_price, line.gross_price.amount if line.gross_price else line.unit_price]
    while any(decimals_of(price) > PRICE_DECIMALS for price in prices) and base < 10**8:
        base, prices = base * 10, [price * 10 for price in prices]
    return base
