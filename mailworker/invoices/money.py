"""Decimal money: reading it, its minor units, and EN 16931's one way to round."""

from collections.abc import Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from mailworker.core.currency import is_currency, minor_units

__all__ = [
    "apportioned",
    "decimals_of",
    "is_currency",
    "minor_units",
    "parse_decimal",
    "round_half_up",
    "vat_of",
]

ZERO = Decimal(0)
#: More digits than any invoice has; keeps a hostile exponent from becoming a gigabyte of zeros.
MAX_MAGNITUDE = Decimal(10) ** 15
MAX_DECIMALS = 10


#: A float's shortest notation has at most 17 digits; with 16 or more it is the noise of reckoning in binary.
_NOISY_DIGITS = 16


def round_half_up(amount: Decimal, digits: int) -> Decimal:
    """Round as EN 16931 asks: half up, away from zero. The result is never minus zero."""
    rounded = amount.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    return rounded or abs(rounded)


def apportioned(amounts: Sequence[Decimal], digits: int) -> list[Decimal]:
    """Each rounded down or up, so that they add up to their rounded sum (by largest remainder)."""
    unit = Decimal(1).scaleb(-digits)
    parts = [amount.quantize(unit, rounding=ROUND_FLOOR) + ZERO for amount in amounts]
    units = int((round_half_up(sum(amounts, ZERO), digits) - sum(parts, ZERO)) / unit)
    for index in sorted(range(len(parts)), key=lambda n: parts[n] - amounts[n])[:units]:
        parts[index] += unit
    return parts


def parse_decimal(value: Any) -> Decimal:
    """Read a JSON number or a text such as "1234.50"; ValueError with a sentence if it is neither.

    A float is read by its shortest notation, so that 19.99 is nineteen ninety-nine; one that was reckoned in
    binary (9.95 + 19.9 + 4.99 is 34.839999999999996) is rounded to MAX_DECIMALS.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError("must be a number or a text such as 1234.50")  # noqa: TRY004 - one fault, one kind
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError("must be a number such as 1234.50, with a point and without spaces") from None
    if not number.is_finite() or abs(number) >= MAX_MAGNITUDE:
        raise ValueError("must be a finite number below 10^15")
    _, digits, exponent = number.as_tuple()
    if isinstance(exponent, int) and -exponent > MAX_DECIMALS:
        if number == round_half_up(number, MAX_DECIMALS):  # only zeros stand there
            return round_half_up(number, MAX_DECIMALS)
        if isinstance(value, float) and len(digits) >= _NOISY_DIGITS:
            return round_half_up(number, MAX_DECIMALS).normalize() + ZERO
        raise ValueError(f"must have at most {MAX_DECIMALS} decimals")
    return number


def decimals_of(number: Decimal) -> int:
    """How many decimals a finite number has, without needless zeros."""
    exponent = number.normalize().as_tuple().exponent
    return max(0, -int(exponent))


def vat_of(basis: Decimal, rate: Decimal, digits: int) -> Decimal:
    """The VAT on a taxable amount at a rate in per cent (EN 16931 BR-CO-17)."""
    return round_half_up(basis * rate / 100, digits)
