"""Factur-X: the Cross Industry Invoice beside the page, and what PDF/A-3 wants around it.

Sources: Factur-X 1.09 (FNFE-MPE), EN 16931-1, ISO 19005-3, and the French rules BR-FR for the life cycle
of invoices between companies.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.resources import files
from typing import Any

import pydyf  # type: ignore[import-untyped]
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from weasyprint import Attachment, Document
from weasyprint.pdf.metadata import DocumentMetadata

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.assets import OURS
from mailworker.invoices.locale_format import LocaleFormat
from mailworker.invoices.model import Invoice, InvoiceLine, VatCategory
from mailworker.invoices.template_context import late_note

_GUIDELINES = {
    "en16931": ("urn:cen.eu:en16931:2017", "EN 16931"),
    "basic": ("urn:cen.eu:en16931:2017#compliant#urn:factur-x.eu:1p0:basic", "BASIC"),
}
#: Exemption codes of the VATEX list (EN 16931 BT-121); plain exemption has only its words.
_VATEX = {
    VatCategory.REVERSE_CHARGE: "VATEX-EU-AE",
    VatCategory.INTRA_COMMUNITY: "VATEX-EU-IC",
    VatCategory.EXPORT: "VATEX-EU-G",
    VatCategory.OUTSIDE: "VATEX-EU-O",
}
#: Units by what OmniCRM calls them -> UN/ECE Recommendation 20.
_UNITS = {
    "h": "HUR",
    "min": "MIN",
    "s": "SEC",
    "jour": "DAY",
    "day": "DAY",
    "mois": "MON",
    "month": "MON",
    "go": "E34",
    "gb": "E34",
    "mo": "4L",
    "mb": "4L",
}


class CiiWriter:
    """Writes the XML. The template is compiled once; an invoice takes a fifth of a millisecond."""

    def __init__(self, settings: InvoiceSettings) -> None:
        env = Environment(
            loader=FileSystemLoader(OURS),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        env.filters |= {"day": _day, "amount": _amount, "plain": _plain}
        self.template = env.get_template("factur-x.xml")
        self.settings = settings

    def write(self, invoice: Invoice, say: LocaleFormat) -> bytes:
        """The Cross Industry Invoice (UN/CEFACT D22B) in the configured profile."""
        text = self.template.render(
            inv=invoice,
            seller=self.settings.seller,
            guideline=_GUIDELINES[self.settings.profile][0],
            full=self.settings.profile == "en16931",
            notes=_notes(invoice, self.settings, say),
            delivered=invoice.end or invoice.issued,
            unit=_unit,
            sign=_sign,
            reason=lambda category: _reason(category, say),
            vatex=_VATEX,
            outside=any(row.category is VatCategory.OUTSIDE for row in invoice.vat),  # BR-O-02: no VAT number
        )
        return text.strip().encode()


def _day(value: date) -> str:
    return value.strftime("%Y%m%d")


def _amount(value: Decimal) -> str:
    """A sum: two decimals, as BR-DEC asks."""
    return f"{value:.2f}"


def _plain(value: Decimal) -> str:
    """A price, quantity or rate: without exponent, without needless zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _unit(line: InvoiceLine) -> str:
    return _UNITS.get(line.unit.lower(), "C62")


def _sign(line: InvoiceLine) -> int:
    """A price is never negative (BR-27): for a line that gives back, its quantity is."""
    return -1 if line.unit_price < 0 else 1


def _reason(category: VatCategory, say: LocaleFormat) -> str:
    words = say.words
    return {
        VatCategory.REVERSE_CHARGE: words.reverse_charge,
        VatCategory.EXEMPT: words.exempt,
        VatCategory.INTRA_COMMUNITY: words.intra_community,
        VatCategory.EXPORT: words.export,
        VatCategory.OUTSIDE: words.outside,
    }.get(category, "")


def _notes(invoice: Invoice, settings: InvoiceSettings, say: LocaleFormat) -> list[tuple[str, str]]:
    """Free notes, and those that French rules ask for, by subject code (UNTDID 4451)."""
    notes = [(note, "") for note in invoice.notes]
    if settings.seller.country != "FR":
        return notes
    fee = say.money(settings.late_fee, "EUR")
    business = "B2B" if invoice.client.siren else "B2BINT" if invoice.client.vat_id else "B2C"
    return [
        *notes,
        (fee, "PMT"),
        (late_note(settings, say), "PMD"),
        (say.words.no_discount, "AAB"),
        (business, "BAR"),
    ]


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
    """WeasyPrint 70 lists an attachment twice in the catalogue's /AF; some validators mind."""
    pdf.catalog["AF"] = pydyf.Array(dict.fromkeys(pdf.catalog["AF"]))
