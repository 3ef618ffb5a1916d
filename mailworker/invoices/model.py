"""An invoice as we understand it, read once from OmniCRM's JSON and never changed."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from mailworker.config.invoice import FRENCH_PLACES
from mailworker.invoices.invoice_references import NO_FACTS, ItemFacts, Payee, References
from mailworker.invoices.line_allowances import GrossPrice, LineAllowance


class DocumentType(StrEnum):
    """What kind of document it is (UNTDID 1001, as EN 16931 BT-3 uses it)."""

    INVOICE = "380"
    CREDIT_NOTE = "381"
    CORRECTIVE = "384"
    PREPAYMENT = "386"
    SELF_BILLED = "389"


class VatCategory(StrEnum):
    """Why a line bears the VAT it bears (UNTDID 5305, as EN 16931 BT-151 uses it)."""

    STANDARD = "S"
    ZERO = "Z"
    EXEMPT = "E"
    REVERSE_CHARGE = "AE"
    INTRA_COMMUNITY = "K"
    EXPORT = "G"
    OUTSIDE = "O"
    IGIC = "L"
    IPSI = "M"


class ClientKind(StrEnum):
    """Who the customer is before the law; it decides which mentions the page needs."""

    BUSINESS = "business"
    CONSUMER = "consumer"
    PUBLIC = "public"
    UNKNOWN = ""


class Operation(StrEnum):
    """What is sold; the value is the first letter of the French billing framework (BT-23)."""

    GOODS = "B"
    SERVICES = "S"
    MIXED = "M"


@dataclass(frozen=True, slots=True)
class PostalAddress:
    """Where somebody lives or something is delivered. `country` is ISO 3166-1, or a text as it came."""

    lines: tuple[str, ...] = field(default=(), repr=False)
    postcode: str = field(default="", repr=False)
    city: str = field(default="", repr=False)
    region: str = ""
    country: str = ""

    @property
    def block(self) -> tuple[str, ...]:
        """The address as it stands on an envelope, without the name and the country."""
        city_line = (self.city, self.region, self.postcode) if self.region else (self.postcode, self.city)
        last = " ".join(part for part in city_line if part)
        return (*self.lines, last) if last else self.lines


@dataclass(frozen=True, slots=True)
class Party:
    """The customer. `endpoint` and `endpoint_scheme` are their electronic address (BT-49)."""

    name: str = field(repr=False)
    address: PostalAddress = PostalAddress()
    email: str = field(default="", repr=False)
    number: str = ""
    vat_id: str = ""
    siren: str = ""
    siret: str = ""
    #: The number in a register of companies abroad (BT-47).
    company_id: str = ""
    kind: ClientKind = ClientKind.UNKNOWN
    endpoint: str = ""
    endpoint_scheme: str = ""
    #: What they are known as (BT-45), and who answers there (BT-56, BT-57, BT-58).
    trading_name: str = field(default="", repr=False)
    contact: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    contact_email: str = field(default="", repr=False)

    @property
    def country(self) -> str:
        """The country of their address."""
        return self.address.country

    @property
    def is_organisation(self) -> bool:
        """Whether they are a company or a public body, as far as the invoice shows."""
        return self.kind in (ClientKind.BUSINESS, ClientKind.PUBLIC)

    @property
    def is_french_business(self) -> bool:
        """Whether both rules of the French network hold: a company or public body, in France."""
        return self.is_organisation and self.country in FRENCH_PLACES


@dataclass(frozen=True, slots=True)
class DeliveryPlace:
    """Where and when it was delivered, if not at the customer's own address (BG-13, BG-15)."""

    name: str = field(default="", repr=False)
    address: PostalAddress = PostalAddress()
    day: date | None = None
    #: The location's identifier (BT-71).
    number: str = ""


@dataclass(frozen=True, slots=True)
class Exemption:
    """Why no VAT is charged: the words (BT-120), and a code of the VATEX list (BT-121) where there is one."""

    reason: str = ""
    code: str = ""


NO_EXEMPTION = Exemption()


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One thing sold. `amount` is before tax, after its allowances; `rate` in per cent, or None.

    `unit_price` is the price of `price_base` units. `account` is the phone number or contract it belongs to.
    `computed` is what the caller's price makes, where they gave another; `unrounded` has parts of a cent.
    """

    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    price_base: Decimal
    amount: Decimal
    rate: Decimal | None
    tax: Decimal | None
    category: VatCategory
    start: date | None
    end: date | None
    allowances: tuple[LineAllowance, ...] = ()
    gross_price: GrossPrice | None = None
    computed: Decimal | None = None
    unrounded: Decimal | None = None
    #: The notes on the item itself (BT-154), and on the line (BT-127).
    detail: str = ""
    note: str = ""
    item: str = ""
    account: str = ""
    section: str = ""
    operation: Operation | None = None
    exemption: Exemption = NO_EXEMPTION
    facts: ItemFacts = NO_FACTS


@dataclass(frozen=True, slots=True)
class DocumentAllowance:
    """A discount (BG-20), or with `charge` a surcharge (BG-21), on the whole invoice within one VAT rate."""

    description: str
    amount: Decimal
    rate: Decimal | None
    category: VatCategory
    charge: bool = False
    code: str = ""
    percent: Decimal | None = None
    base: Decimal | None = None
    exemption: Exemption = NO_EXEMPTION


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
    exemption: Exemption = NO_EXEMPTION


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of EN 16931 BG-22. A negative `due` is a balance in the customer's favour."""

    lines: Decimal
    allowances: Decimal
    charges: Decimal
    net: Decimal
    tax: Decimal
    gross: Decimal
    paid: Decimal
    rounding: Decimal
    due: Decimal


@dataclass(frozen=True, slots=True)
class AccountingTax:
    """The VAT once more in the currency of the seller's books (BT-6, BT-111); `rate` is one unit's worth."""

    currency: str
    amount: Decimal
    rate: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PaymentMeans:
    """One way to pay (BG-16), by its code of UNTDID 4461, and words for it (BT-82).

    Of a debit its mandate, account and day, where they are known; of a card its last digits and its holder.
    """

    code: str
    mandate: str = ""
    debited_iban: str = field(default="", repr=False)
    day: date | None = None
    words: str = ""
    card: str = ""
    card_holder: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Invoice:
    """A checked invoice: its sums add up. Amounts of a credit note are positive, too."""

    number: str
    type: DocumentType
    issued: date
    due: date | None
    start: date | None
    end: date | None
    currency: str
    language: str
    client: Party
    delivery: DeliveryPlace | None
    lines: tuple[InvoiceLine, ...]
    allowances: tuple[DocumentAllowance, ...]
    usage: tuple[Usage, ...]
    vat: tuple[VatRow, ...]
    totals: Totals
    accounting_tax: AccountingTax | None
    vat_on_debits: bool
    operation: Operation
    payments: tuple[PaymentMeans, ...]
    payment_terms: str
    references: References
    #: Free notes, each with the code of its subject (BT-22, BT-21).
    noted: tuple[tuple[str, str], ...]
    invoice_url: str
    pay_url: str
    full_call_numbers: bool = False
    #: The exact code of UNTDID 1001 (BT-3); `type` is its kind.
    type_code: str = DocumentType.INVOICE
    #: The day on which the VAT falls due (BT-7).
    tax_point: date | None = None
    #: What a transfer names (BT-83); empty: the invoice's number.
    payment_reference: str = ""
    payee: Payee | None = None

    @property
    def reference(self) -> str:
        """What a transfer names, so that it finds its invoice (BT-83)."""
        return self.payment_reference or self.number

    @property
    def notes(self) -> tuple[str, ...]:
        """The words of the free notes."""
        return tuple(text for text, _ in self.noted)

    @property
    def credit(self) -> bool:
        """Whether money goes back to the customer."""
        return self.type is DocumentType.CREDIT_NOTE

    @property
    def delivered(self) -> date:
        """The day of the supply (BT-72): the delivery's, the end of the period, or the invoice's own."""
        return (self.delivery.day if self.delivery else None) or self.end or self.issued
