"""What an invoice names beside its lines: orders, contracts, advices, earlier invoices, files, a payee."""

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class EarlierInvoice:
    """An invoice that this one corrects or completes (BG-3)."""

    number: str
    day: date | None = None


@dataclass(frozen=True, slots=True)
class SupportingDocument:
    """A file or page that proves something of the invoice (BG-24); it is named and linked, never fetched."""

    number: str
    description: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class References:
    """What it refers to.

    Order (BT-13), the seller's own order (BT-14), contract (BT-12), the buyer's reference (BT-10), project
    (BT-11), advices of receipt (BT-15) and despatch (BT-16), tender (BT-17), object (BT-18), and the buyer's
    account (BT-19).
    """

    purchase_order: str = ""
    sales_order: str = ""
    buyer: str = ""
    contract: str = ""
    project: str = ""
    receipt: str = ""
    despatch: str = ""
    tender: str = ""
    thing: str = ""
    #: What kind of number the object's is (UNTDID 1153, BT-18-1).
    thing_scheme: str = ""
    accounting: str = ""
    earlier: tuple[EarlierInvoice, ...] = ()
    documents: tuple[SupportingDocument, ...] = ()

    @property
    def corrects(self) -> str:
        """The number of the first earlier invoice; empty where none is named."""
        return self.earlier[0].number if self.earlier else ""


@dataclass(frozen=True, slots=True)
class Payee:
    """Who is paid instead of the seller (BG-10), such as a factor, and on which account."""

    name: str
    siren: str = ""
    iban: str = field(default="", repr=False)
    bic: str = ""


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """What identifies an item.

    GTIN (BT-157), the buyer's number (BT-156), classes with list and its version (BT-158), attributes
    (BG-32), origin (BT-159), line of the order (BT-132), and the buyer's account (BT-133).
    """

    gtin: str = ""
    buyer_item: str = ""
    classes: tuple[tuple[str, str, str], ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    origin: str = ""
    order_line: str = ""
    accounting: str = ""


NO_FACTS = ItemFacts()
