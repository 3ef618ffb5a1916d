"""The `invoice:` block: which template, who sells, where PDFs stay, and what a render may cost."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, field_validator, model_validator

from mailworker.config.section import DefaultCurrency, Section
from mailworker.core.mailjet_limits import FILE_BYTES

MIB = 1024 * 1024
#: Where an invoice needs the seller's whole address (CGI annexe II, article 242 nonies A).
FRENCH_PLACES = frozenset({"FR", "GP", "MQ", "GF", "RE", "YT"})


class TaxRepresentativeSettings(Section):
    """Who answers for a seller's VAT in a country where the seller has no seat."""

    name: str = Field("", description="Name (BT-62); empty: there is no representative.")
    vat_id: str = Field("", description="VAT identifier with its country code (BT-63).")
    address: tuple[str, ...] = Field((), description="Street lines (BT-64, BT-65).")
    postcode: str = Field("", description="Postcode (BT-67).")
    city: str = Field("", description="City (BT-66).")
    country: str = Field("FR", pattern=r"^[A-Z]{2}$", description="ISO 3166-1 code of two letters (BT-69).")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """A representative is known by a VAT number (BR-56)."""
        if self.name and not re.fullmatch(r"[A-Z]{2}\w+", self.vat_id):
            raise ValueError("tax_representative needs a vat_id such as FR59552100554")
        return self


class SellerSettings(Section):
    """Who sends the invoice, as it is printed and as Factur-X carries it."""

    name: str = Field("Votre Entreprise", description="Registered name (BT-27).")
    trading_name: str = Field("", description="What customers know you as, if not by that name (BT-28).")
    identifier: str = Field("", description="A number that customers know you by, such as a GLN (BT-29).")
    identifier_scheme: str = Field(
        "",
        pattern=r"^([0-9]{4})?$",
        description="What kind of number that is, by ISO/IEC 6523: 0088 of a GLN.",
    )
    contact: str = Field("", description="Person or department that answers questions (BT-41).")
    address: tuple[str, ...] = Field(
        (), description="Street lines, without postcode and city (BT-35, BT-36)."
    )
    postcode: str = Field("", description="Postcode (BT-38).")
    city: str = Field("", description="City (BT-37).")
    state: str = Field("", description="State, province or region, where addresses have one (BT-39).")
    country: str = Field("FR", pattern=r"^[A-Z]{2}$", description="ISO 3166-1 code of two letters (BT-40).")
    vat_id: str = Field("", description="VAT identifier with its country code, e.g. FR40123456824 (BT-31).")
    tax_number: str = Field("", description="Local tax number of a seller without a VAT number (BT-32).")
    exemption_reason: str = Field(
        "",
        description="Why this seller charges no VAT, with the article of the law; lines are exempt (BT-120).",
    )
    exemption_code: str = Field(
        "", description="The same as a code, e.g. VATEX-FR-FRANCHISE for article 293 B (BT-121)."
    )
    vat_on_debits: bool = Field(
        default=False, description="The seller pays VAT by what is invoiced: the page says so (BT-8)."
    )
    siren: str = Field("", pattern=r"^(\d{9})?$", description="The nine digits of a French company (BT-30).")
    company_id: str = Field("", description="Number in a register of companies outside France (BT-30).")
    tax_representative: TaxRepresentativeSettings = Field(
        default_factory=TaxRepresentativeSettings,
        description="Who answers for the VAT of a seller without a seat in the country (BG-11).",
    )
    registration: str = Field("", description="Legal form, capital and register, for the foot of the page.")
    email: str = Field("", description="Where customers write about an invoice (BT-43).")
    phone: str = Field("", description="Where they call (BT-42).")
    website: str = Field("", description="Printed at the foot of the page.")
    iban: str = Field("", description="Account for transfers (BT-84); makes the QR code a SEPA one.")
    bic: str = Field("", description="Bank identifier of that account (BT-86).")
    creditor_id: str = Field("", description="SEPA creditor identifier (ICS) for direct debits (BT-90).")
    customer_service: str = Field(
        "",
        description="Hours and price of a call to customer service; for consumers the page has to say them.",
    )
    logo: str = Field("", description="File name of the logo inside `assets`; PNG, JPEG or SVG.")
    colour: str = Field("#0b4f6c", pattern=r"^#[0-9a-fA-F]{6}$", description="Accent of our templates.")

    @field_validator("address", mode="before")
    @classmethod
    def _lines(cls, value: object) -> object:
        """Take one text with line breaks as well as a list of lines."""
        return tuple(value.splitlines()) if isinstance(value, str) else value

    @model_validator(mode="before")
    @classmethod
    def _siren(cls, value: object) -> object:
        """A French VAT number ends with the SIREN: whoever gives the one has given the other."""
        if isinstance(value, dict) and not value.get("siren"):
            found = re.fullmatch(r"FR\w\w(\d{9})", "".join(str(value.get("vat_id", "")).split()))
            return value | {"siren": found[1]} if found else value
        return value

    @field_validator("iban", "bic", "vat_id", "siren", "creditor_id", "exemption_code", mode="before")
    @classmethod
    def _compact(cls, value: object) -> object:
        """Identifiers are often typed in groups; a nine-digit SIREN may even arrive as a number."""
        if value is None:
            return ""
        return "".join(str(value).split()).upper() if isinstance(value, str) or type(value) is int else value


class LimitSettings(Section):
    """What one render may cost. Over a limit, that invoice fails, and no other."""

    seconds: float = Field(60, gt=0, le=3600, description="Longest render, in seconds of the wall clock.")
    memory_bytes: int = Field(
        1536 * MIB, ge=512 * MIB, description="Address space of the rendering process, in bytes."
    )
    rows: int = Field(60_000, ge=1, description="Most lines and usage rows of one invoice.")
    detail_rows: int = Field(
        20_000,
        ge=0,
        description="Above this many usage rows, the detail stays in the portal and is not printed.",
    )
    html_bytes: int = Field(
        64 * MIB, ge=MIB, description="Largest page source a template may produce, in bytes."
    )
    asset_bytes: int = Field(5 * MIB, ge=1, description="Largest picture or font file, in bytes.")
    asset_pixels: int = Field(8_000_000, ge=1, description="Largest picture, in pixels.")
    renders: int = Field(
        5_000, ge=1, description="After so many renders the rendering process is replaced by a fresh one."
    )


class InvoiceSettings(Section):
    """The `invoice:` block of crm_config.yaml. An empty block works."""

    template_filename: str = Field(
        "invoice.html", description="OmniCRM's key: the template, inside `template_dir` or one of ours."
    )
    detail_template_filename: str = Field(
        "",
        description="Template for invoices with usage rows; empty: ours, "
        "or `template_filename` if that is yours.",
    )
    template_dir: Path | None = Field(
        None, description="Folder of your templates; nothing outside it is read."
    )
    assets: Path | None = Field(
        None, description="Folder of logos, fonts and stylesheets for templates; default: `template_dir`."
    )
    language: str = Field("fr", description="Language of an invoice that names none.")
    currency: DefaultCurrency = Field("EUR", description="ISO 4217 code of an invoice without one.")
    timezone: str = Field(
        "", description="Where a date with a time and an offset is read; empty: `worker.timezone`."
    )
    operation: Literal["goods", "services", "mixed"] = Field(
        "services", description="What an invoice sells that does not say it (BT-23)."
    )
    call_numbers: Literal["auto", "masked", "full"] = Field(
        "auto",
        description="Called numbers in the detail: without their last four digits for consumers, masked for "
        "everybody, or in full.",
    )
    total_amount_includes_tax: bool = Field(
        default=True,
        description="What `total_amount` means on an invoice without lines. With lines, the sums tell.",
    )
    e_invoice: Literal["none", "factur-x"] = Field("none", description="Embed an EN 16931 e-invoice, or not.")
    profile: Literal["en16931", "basic"] = Field("en16931", description="Factur-X profile.")
    accessible: bool = Field(
        default=False, description="Tag the PDF for screen readers; PDF/A-3a with Factur-X."
    )
    oversize: Literal["link", "fail"] = Field(
        "link",
        description="When the PDF cannot be made small enough: send the mail with the link, or fail it.",
    )
    message_bytes: int = Field(
        FILE_BYTES,
        ge=1,
        description="Most bytes of a whole message after base64; Mailjet's Send API takes 15 MB.",
    )
    store: str = Field("var/invoices", description="Folder, or any URL that fsspec knows (s3://bucket/path).")
    retention_days: int = Field(30, ge=0, description="Stored PDFs older than this are removed, in days.")
    seller: SellerSettings = Field(default_factory=SellerSettings, description="Who sends the invoice.")
    limits: LimitSettings = Field(default_factory=LimitSettings, description="What one render may cost.")
    late_fee: Decimal = Field(
        Decimal(40), ge=0, description="Fixed charge for late payment, for the note that French law asks for."
    )
    late_rate: str = Field(
        "",
        description="Late interest in words; empty: three times the legal rate (Code de commerce L441-10).",
    )
    payment_terms: str = Field("", description="A sentence of your own under the payment block.")

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of dates that come with a time."""
        return ZoneInfo(self.timezone or "Europe/Paris")

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        """A zone's name is checked at the start, not at the first invoice."""
        if value and value not in available_timezones():
            raise ValueError("must be the name of a time zone, such as Europe/Paris")
        return value

    @field_validator("template_filename", "detail_template_filename")
    @classmethod
    def _inside(cls, value: str) -> str:
        """A template is named relative to its folder, and never climbs out of it."""
        if value.startswith(("/", "\\")) or ".." in Path(value).parts:
            raise ValueError("must be a file name inside template_dir: no leading /, and no .. in it")
        return value

    @model_validator(mode="after")
    def _factur_x_seller(self) -> Self:
        """An e-invoice without its seller's identity would be refused by every platform: a fault at start."""
        if self.e_invoice == "none":
            return self
        seller = self.seller
        identity = (
            seller.vat_id or seller.tax_number or seller.siren or seller.company_id or seller.identifier
        )
        wanted = {"vat_id": identity}
        if seller.country in FRENCH_PLACES:
            wanted |= {"city": seller.city, "postcode": seller.postcode}
        if missing := [name for name, value in wanted.items() if not value]:
            raise ValueError(f"factur-x needs seller.{', seller.'.join(missing)}")
        return self
