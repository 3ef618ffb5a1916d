"""How a line is taxed: its rate and category, why there is no VAT, whether goods or services were sold."""

from dataclasses import dataclass
from decimal import Decimal

from mailworker.invoices.from_json.fields import InvoiceFields
from mailworker.invoices.model import NO_EXEMPTION, Exemption, Operation, VatCategory
from mailworker.invoices.money import ZERO

#: Taxes instead of VAT: of the Canary Islands, and of Ceuta and Melilla. Their rate may be any.
SPANISH = (VatCategory.IGIC, VatCategory.IPSI)
OPERATIONS = {
    "goods": Operation.GOODS,
    "biens": Operation.GOODS,
    "services": Operation.SERVICES,
    "service": Operation.SERVICES,
    "mixed": Operation.MIXED,
    "mixte": Operation.MIXED,
}


@dataclass(frozen=True, slots=True)
class LineDefaults:
    """What holds for a line that does not declare it itself."""

    digits: int
    reverse_charge: bool = False
    exempt: bool = False
    #: Whether the document may take back discounts and charges of an earlier one, as negative ones.
    takes_back: bool = False
    exemption: Exemption = NO_EXEMPTION


def tax_of(item: InvoiceFields, defaults: LineDefaults) -> tuple[Decimal | None, VatCategory]:
    """The rate in per cent and its category.

    `reverse_charge: true` on the invoice holds for every line without a category of its own; the rate that
    OmniCRM gives each line is then the buyer's to apply.
    """
    rate = item.number("tax_rate", "tax_percentage", "vat_rate")
    if rate is not None and not 0 <= rate <= 100:
        item.fault("tax_rate", "must be a percentage from 0 to 100")
    named = item.text("tax_category", longest=10).upper()
    if named and named not in set(VatCategory):
        item.fault("tax_category", f"must be one of {', '.join(VatCategory)}")
        named = ""
    if not named and defaults.reverse_charge:
        return ZERO, VatCategory.REVERSE_CHARGE
    if not named and defaults.exempt and not rate:
        return ZERO, VatCategory.EXEMPT
    return _rated(item, rate, VatCategory(named) if named else None)


def _rated(
    item: InvoiceFields, rate: Decimal | None, named: VatCategory | None
) -> tuple[Decimal | None, VatCategory]:
    """The rate that a category allows; without one, a rate of zero is zero-rated."""
    category = named or (VatCategory.ZERO if rate == 0 else VatCategory.STANDARD)
    if category in SPANISH:
        return rate or ZERO, category
    if category is VatCategory.STANDARD:
        if named and not rate:
            item.fault("tax_rate", "must be above 0 in category S")
        return rate, category
    if rate:
        item.fault("tax_rate", f"must be 0 in category {category}")
    return ZERO, category


def exemption_for(item: InvoiceFields, category: VatCategory, defaults: LineDefaults) -> Exemption:
    """A line's reason; the invoice's and the seller's are of plain exemption, and of no other category."""
    if category in (VatCategory.STANDARD, VatCategory.ZERO, *SPANISH):
        return NO_EXEMPTION
    plain = category is VatCategory.EXEMPT
    return exemption_of(item, defaults if plain else LineDefaults(defaults.digits))


def exemption_of(item: InvoiceFields, defaults: LineDefaults) -> Exemption:
    """Why there is no VAT: the line's own reason, else the invoice's or the seller's."""
    own = Exemption(item.text("exemption_reason"), item.text("exemption_code", longest=40).upper())
    return own if own != NO_EXEMPTION else defaults.exemption


def operation_of(item: InvoiceFields) -> Operation | None:
    """Goods, services or both; None where it is not declared."""
    declared = item.text("operation", longest=20).lower()
    if declared and declared not in OPERATIONS:
        item.fault("operation", "must be goods, services or mixed")
    return OPERATIONS.get(declared)
