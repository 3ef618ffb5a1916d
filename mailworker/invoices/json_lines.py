"""The rows of an invoice: lines, discounts and charges, usage."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mailworker.invoices.invoice_fields import InvoiceFields, clean
from mailworker.invoices.json_line_price import price_of, reason_code, share_of
from mailworker.invoices.json_references import item_facts_of
from mailworker.invoices.model import (
    NO_EXEMPTION,
    DocumentAllowance,
    Exemption,
    InvoiceLine,
    Operation,
    Usage,
    VatCategory,
)
from mailworker.invoices.money import ZERO, parse_decimal, round_half_up

#: Taxes in the place of VAT: of the Canary Islands, and of Ceuta and Melilla. Their rate may be any.
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
    """What holds for a line that does not say it itself."""

    digits: int
    reverse_charge: bool = False
    exempt: bool = False
    #: Whether the document may take back discounts and charges of an earlier one, as negative ones.
    takes_back: bool = False
    exemption: Exemption = NO_EXEMPTION


def line_of(item: InvoiceFields, defaults: LineDefaults) -> InvoiceLine:
    """One transaction."""
    priced = price_of(item, defaults.digits)
    rate, category = tax_of(item, defaults)
    description, detail = _words(item)
    return InvoiceLine(
        description=description,
        quantity=priced.quantity,
        unit=item.text("unit", longest=20),
        unit_price=priced.unit_price,
        price_base=priced.price_base,
        amount=priced.amount,
        rate=rate,
        tax=item.number("tax_amount"),
        category=category,
        start=item.day("start_date", "date", "created"),
        end=item.day("end_date"),
        allowances=priced.allowances,
        gross_price=priced.gross_price,
        computed=priced.computed,
        detail=detail,
        note=item.text("note", longest=1000),
        item=item.text("item", "product_slug", "product_id", longest=64),
        account=item.text("line", "account", "phone_number", "msisdn", longest=64),
        section=item.text("section"),
        operation=operation_of(item, "operation"),
        exemption=_exemption(item, category, defaults),
        facts=item_facts_of(item),
    )


def _words(item: InvoiceFields) -> tuple[str, str]:
    """What was sold, and more of it below. OmniCRM has a short title and a description, or one of them."""
    title = item.text("title", "name", longest=1000)
    text = item.text("description", required=not title, longest=1000)
    return title or text, text if title and text != title else ""


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


def _exemption(item: InvoiceFields, category: VatCategory, defaults: LineDefaults) -> Exemption:
    """A line's reason; the invoice's and the seller's are of plain exemption, and of no other category."""
    if category in (VatCategory.STANDARD, VatCategory.ZERO, *SPANISH):
        return NO_EXEMPTION
    plain = category is VatCategory.EXEMPT
    return exemption_of(item, defaults if plain else LineDefaults(defaults.digits))


def exemption_of(item: InvoiceFields, defaults: LineDefaults) -> Exemption:
    """Why there is no VAT: the line's own reason, else the invoice's or the seller's."""
    own = Exemption(item.text("exemption_reason"), item.text("exemption_code", longest=40).upper())
    return own if own != NO_EXEMPTION else defaults.exemption


def operation_of(item: InvoiceFields, name: str) -> Operation | None:
    """Goods, services or both; None where it is not said."""
    said = item.text(name, longest=20).lower()
    if said and said not in OPERATIONS:
        item.fault(name, "must be goods, services or mixed")
    return OPERATIONS.get(said)


def allowance_of(
    item: InvoiceFields, defaults: LineDefaults, lines: Sequence[InvoiceLine] = (), *, charge: bool
) -> DocumentAllowance:
    """A discount on the whole invoice, or a charge. A share without a base is of the lines at its rate."""
    rate, category = tax_of(item, defaults)
    whole = sum((line.amount for line in lines if (line.category, line.rate) == (category, rate)), ZERO)
    given, percent, base = share_of(item, whole if lines else None, defaults.digits)
    amount = round_half_up(given, defaults.digits)
    if amount < 0 and not defaults.takes_back:
        item.fault("amount", "must be positive: a discount is taken off, a charge is added")
    words = item.text("description", "reason", "title", required=True)
    code = reason_code(item, charge=charge)
    exemption = _exemption(item, category, defaults)
    return DocumentAllowance(words, amount, rate, category, charge, code, percent, base, exemption)


def usage_of(item: InvoiceFields) -> Usage:
    """One usage row; read straight, as there may be tens of thousands."""
    raw = item.raw
    amount = raw.get("amount", raw.get("retail_cost"))
    duration = raw.get("duration")
    return Usage(
        when=_short(raw.get("date") or raw.get("time") or ""),
        service=_short(raw.get("service") or raw.get("type") or raw.get("description") or ""),
        party=_short(raw.get("destination") or raw.get("number") or raw.get("to") or ""),
        volume=_short(raw.get("quantity", "")) if duration is None else duration_text(_short(duration)),
        amount=ZERO if amount in (None, "") else _amount(item, amount),
        account=_short(raw.get("line") or raw.get("account") or ""),
    )


def duration_text(duration: str) -> str:
    """Whole seconds as h:mm:ss; a text such as "12 min" as it came."""
    if not duration.isascii() or not duration.isdigit():
        return duration
    minutes, seconds = divmod(int(duration), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _amount(item: InvoiceFields, value: Any) -> Decimal:
    try:
        return parse_decimal(value)
    except ValueError as wrong:
        item.fault("amount", str(wrong))
        return ZERO


def _short(value: Any) -> str:
    return clean(str(value))[:120]
