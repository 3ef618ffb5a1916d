"""An invoice as we understand it, read once from OmniCRM's JSON and never changed."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


class VatCategory(StrEnum):
    """Why a line bears the VAT it bears (UNTDID 5305, as EN 16931 BT-151 uses it)."""

    STANDARD = "S"
    ZERO = "Z"
    EXEMPT = "E"
    REVERSE_CHARGE = "AE"
    INTRA_COMMUNITY = "K"
    EXPORT = "G"
    OUTSIDE = "O"


@dataclass(frozen=True, slots=True)
class Party:
    """The customer."""

    name: str
    address: tuple[str, ...] = ()
    postcode: str = ""
    city: str = ""
    country: str = ""
    email: str = ""
    number: str = ""
    vat_id: str = ""
    siren: str = ""

    @property
    def block(self) -> tuple[str, ...]:
        """The address as it stands on an envelope, without the name and the country."""
        return (*self.address, f"{self.postcode} {self.city}".strip()) if self.city else self.address


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One thing sold. `amount` is before tax and after `discount`; `rate` is in per cent, None if unsaid."""

    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    discount: Decimal
    amount: Decimal
    rate: Decimal | None
    tax: Decimal | None
    category: VatCategory
    start: date | None
    end: date | None


@dataclass(frozen=True, slots=True)
class Allowance:
    """A discount on the whole invoice, within one VAT rate (EN 16931 BG-20)."""

    description: str
    amount: Decimal
    rate: Decimal | None
    category: VatCategory


@dataclass(frozen=True, slots=True)
class Usage:
    """One call, message or session. `when` and `volume` are printed as they came."""

    when: str
    service: str
    party: str
    volume: str
    amount: Decimal
    account: str


@dataclass(frozen=True, slots=True)
class VatRow:
    """The VAT breakdown at one rate (EN 16931 BG-23). `rate` is None where the invoice names none."""

    category: VatCategory
    rate: Decimal | None
    basis: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of EN 16931 BG-22."""

    lines: Decimal
    allowances: Decimal
    net: Decimal
    tax: Decimal
    gross: Decimal
    paid: Decimal
    due: Decimal


@dataclass(frozen=True, slots=True)
class Invoice:
    """A checked invoice: its sums add up. Amounts of a credit note are positive, too."""

    number: str
    issued: date
    due: date | None
    start: date | None
    end: date | None
    currency: str
    language: str
    credit: bool
    corrects: str
    corrects_date: date | None
    client: Party
    lines: tuple[InvoiceLine, ...]
    allowances: tuple[Allowance, ...]
    usage: tuple[Usage, ...]
    vat: tuple[VatRow, ...]
    totals: Totals
    purchase_order: str
    buyer_reference: str
    notes: tuple[str, ...]
    invoice_url: str
    pay_url: str
