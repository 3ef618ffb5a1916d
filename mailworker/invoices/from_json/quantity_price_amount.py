"""Reading a line's quantity, price, allowances and amount, of which the caller may leave out all but one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from mailworker.invoices.code_lists import ALLOWANCE_REASONS, CHARGE_REASONS
from mailworker.invoices.from_json.fields import InvoiceFields
from mailworker.invoices.line_allowances import GrossPrice, LineAllowance, price_making, taken_off
from mailworker.invoices.money import ZERO, round_half_up


@dataclass(frozen=True, slots=True)
class LinePrice:
    """What a line comes to, as `InvoiceLine` has it."""

    quantity: Decimal
    unit_price: Decimal
    price_base: Decimal
    amount: Decimal
    allowances: tuple[LineAllowance, ...] = ()
    gross_price: GrossPrice | None = None
    computed: Decimal | None = None
    unrounded: Decimal | None = None


def price_of(item: InvoiceFields, digits: int) -> LinePrice:
    """Quantity, price and amount of a transaction. Its amount is what is owed: the price follows it."""
    quantity = item.number("quantity")
    quantity = Decimal(1) if quantity is None else quantity
    base = item.number("price_base_quantity") or Decimal(1)
    if base < 0:
        item.fault("price_base_quantity", "must be positive")
        base = abs(base)
    unrounded = item.number("amount", "retail_cost")
    given = None if unrounded is None else round_half_up(unrounded, digits)
    gross, price = _prices(item)
    whole = None if price is None else quantity * price / base
    allowances = tuple(_allowances(item, whole, digits))
    known = LinePrice(quantity, price or ZERO, base, given or ZERO, allowances, gross, unrounded=unrounded)
    if whole is None:
        return _from_amount(item, known, given, digits)
    exact = whole - taken_off(allowances)
    amount = round_half_up(exact, digits)
    if given is None:
        return replace(known, amount=amount, unrounded=exact)
    if given == amount:
        return known
    if _rounded_price(given, exact, quantity, known.unit_price):
        return known
    return _fitting(item, replace(known, gross_price=None, computed=amount), digits)


def _from_amount(item: InvoiceFields, known: LinePrice, given: Decimal | None, digits: int) -> LinePrice:
    """A line of which only the amount is known; its price is for as many units as the caller gives."""
    if given is None:
        if all(item.find(name)[1] is None for name in ("amount", "retail_cost", "unit_price", "gross_price")):
            item.fault("amount", "is missing, and there is no unit_price to reckon it from")
        return known  # what is there and cannot be read has its own fault
    fitting = _fitting(item, known, digits)
    base = known.price_base
    return (
        fitting
        if fitting.price_base != 1
        else replace(fitting, unit_price=fitting.unit_price * base, price_base=base)
    )


def _fitting(item: InvoiceFields, known: LinePrice, digits: int) -> LinePrice:
    """The line with the price that makes its amount."""
    if not known.quantity:
        item.fault("quantity", "is zero, so the amount has no unit price")
        return known
    exact = known.amount if known.unrounded in (None, known.amount) else known.unrounded
    price, base = price_making(exact + taken_off(known.allowances), known.quantity, digits)
    return replace(known, unit_price=price, price_base=base)


def _prices(item: InvoiceFields) -> tuple[GrossPrice | None, Decimal | None]:
    """The price before its discount, if the line names one, and the price."""
    gross, off, price = (item.number(name) for name in ("gross_price", "price_discount", "unit_price"))
    if gross is None:
        if off is not None:
            item.fault("gross_price", "is missing: price_discount is taken off it (BT-148, BT-147)")
        return None, price
    if price is None:
        price = gross - (off or ZERO)
    if price < 0 or gross < price or (off is not None and gross - off != price):
        item.fault("gross_price", "less price_discount must be unit_price, and not below zero (BT-148)")
    return GrossPrice(gross, gross - price), price


def _allowances(item: InvoiceFields, whole: Decimal | None, digits: int) -> Iterator[LineAllowance]:
    """`discount` and `charge`, and the entries of `discounts` and `charges`; one of nothing is none."""
    for name, charge in (("discount", False), ("charge", True)):
        amount = item.number(name) or ZERO
        if amount < 0:
            item.fault(name, "must be positive")
        elif amount:
            yield LineAllowance(amount, item.text(f"{name}_reason"), charge=charge)
    for name in ("discounts", "allowances", "charges"):
        for entry in item.objects(name):
            amount, percent, base = share_of(entry, whole, digits)
            if amount < 0:
                entry.fault("amount", "must be positive: a discount is taken off, a charge is added")
            elif amount:
                charge, words = name == "charges", entry.text("description", "reason", "title")
                yield LineAllowance(amount, words, reason_code(entry, charge=charge), charge, percent, base)


def share_of(
    entry: InvoiceFields, whole: Decimal | None, digits: int
) -> tuple[Decimal, Decimal | None, Decimal | None]:
    """An allowance's amount, and the share that it is: `percent` of `base_amount`, or of the whole."""
    percent, base = entry.number("percent"), entry.number("base_amount")
    base = base if base is not None or percent is None or whole is None else round_half_up(whole, digits)
    amount = entry.number("amount", required=percent is None or base is None)
    if percent is None or base is None:
        return (amount or ZERO), None, None
    share = round_half_up(base * percent / 100, digits)
    if amount is not None and abs(amount - share) > Decimal("0.02"):
        entry.fault("amount", f"is {amount}, and {percent:f} % of {base:f} are {share}")
    return (share if amount is None else amount), percent, round_half_up(base, digits)


def reason_code(entry: InvoiceFields, *, charge: bool) -> str:
    """Why, as a code (BT-98, BT-105, BT-140, BT-145)."""
    code = entry.text("reason_code", longest=10).upper()
    if code and code not in (CHARGE_REASONS if charge else ALLOWANCE_REASONS):
        entry.fault("reason_code", f"must be a code of UNTDID {7161 if charge else 5189}")
        return ""
    return code


def _rounded_price(given: Decimal, exact: Decimal, quantity: Decimal, price: Decimal) -> bool:
    """Whether a given amount is off by a cent only because the price was rounded: 3 of 3.33 for 10.00."""
    exponent = price.as_tuple().exponent
    unit = Decimal("0.5").scaleb(exponent if isinstance(exponent, int) else 0)
    return abs(given - exact) < min(Decimal("0.02"), unit * abs(quantity) + Decimal("0.005"))
