"""Factur-X: the Cross Industry Invoice beside the page, and what PDF/A-3 wants around it.

Sources: Factur-X 1.09 (FNFE-MPE), EN 16931-1, ISO 19005-3, and the French rules BR-FR for the life cycle
of invoices between companies.
"""

from collections.abc import Callable
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

import pydyf  # type: ignore[import-untyped]
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from weasyprint import Attachment, Document
from weasyprint.pdf.metadata import DocumentMetadata

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.asset_files import OURS
from mailworker.invoices.code_lists import DEBITS, FRENCH, ONE, TRANSFERS, unit_code
from mailworker.invoices.facturx_terms import account_of, base_quantity, endpoint_of, means_of, treatment
from mailworker.invoices.languages.locale_format import LocaleFormat
from mailworker.invoices.line_allowances import GrossPrice
from mailworker.invoices.model import Invoice, InvoiceLine, PostalAddress, VatCategory
from mailworker.invoices.money import round_half_up
from mailworker.invoices.page.sums_and_payment import late_note
from mailworker.invoices.vat_exemptions import exemption_code, exemption_text

_GUIDELINES = {
    "en16931": ("urn:cen.eu:en16931:2017", "EN 16931"),
    "basic": ("urn:cen.eu:en16931:2017#compliant#urn:factur-x.eu:1p0:basic", "BASIC"),
}


@cache
def _template() -> Template:
    """Compiled once in a process."""
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
            guideline=_GUIDELINES[self.settings.profile][0],
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


class _Metadata(DocumentMetadata):  # type: ignore[misc]
    """WeasyPrint's metadata with ours inside its one rdf:RDF; not everybody reads a second one."""

    extra = b""

    def generate_rdf_metadata(self, variant: str, version: int, conformance: str) -> bytes:
        """The XMP packet's body."""
        rdf: bytes = super().generate_rdf_metadata(variant, version, conformance)
        return rdf.replace(b"</rdf:RDF>", self.extra + b"</rdf:RDF>")


def embed(xml: bytes, invoice: Invoice, settings: InvoiceSettings) -> Callable[[Document], dict[str, Any]]:
    """What turns a laid-out document into a Factur-X file; give it to `Engine.draw`."""
    moment = datetime.combine(invoice.issued, datetime.min.time(), UTC)

    def finish(document: Document) -> dict[str, Any]:
        metadata = _Metadata(**vars(document.metadata))
        metadata.extra = xmp(_GUIDELINES[settings.profile][1])
        metadata.attachments = [
            Attachment(
                string=xml, name="factur-x.xml", relationship="Alternative", created=moment, modified=moment
            )
        ]
        document.metadata = metadata
        return {"finisher": _one_reference_each}

    return finish


def xmp(level: str) -> bytes:
    """Factur-X's own XMP: its four properties, and the schema that explains them to PDF/A."""
    text = (files("mailworker.invoices") / "templates" / "factur-x.xmp").read_text("utf-8")
    return text.replace("LEVEL", level).encode()


def _one_reference_each(_document: Document, pdf: pydyf.PDF) -> None:
    """WeasyPrint 70 lists an attachment twice in the catalogue's /AF (PDF/A-3 only); some validators mind."""
    if "AF" in pdf.catalog:
        pdf.catalog["AF"] = pydyf.Array(dict.fromkeys(pdf.catalog["AF"]))
