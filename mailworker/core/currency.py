"""Currencies: their one spelling, and their smallest unit."""

from decimal import ROUND_HALF_UP, Decimal
from functools import cache


@cache
def is_currency(code: str) -> bool:
    """Whether it is a currency, of today or of the past (by the Unicode CLDR's list).

    ISO 4217's codes for no currency (XXX) and for tests (XTS) are none.
    """
    from babel import Locale  # noqa: PLC0415 - commands that name no currency need not wait for it

    return code in Locale("en").currencies and code not in {"XXX", "XTS"}


@cache
def _in_use() -> frozenset[str]:
    from babel.core import get_global  # noqa: PLC0415 - commands that name no currency need not wait for it

    rows_of = get_global("territory_currencies")
    codes = {code for rows in rows_of.values() for code, _, end, _ in rows if end is None}
    # Not gold, tests and units of account, which the list has under ZZ, nor Antarctica's XXX for none.
    return frozenset(codes - {"XXX"} - {code for code, *_ in rows_of["ZZ"]})


@cache
def minor_units(currency: str) -> int:
    """How many decimals the currency has: EUR 2, JPY 0, TND 3."""
    from babel.numbers import get_currency_precision  # noqa: PLC0415 - the same

    return int(get_currency_precision(currency))


def canonical_currency(code: str) -> str:
    """The code in capitals. Raises ValueError where it is no currency's."""
    found = code.strip().upper()
    if not is_currency(found):
        raise ValueError("is no currency's code of ISO 4217, such as EUR")
    return found


def current_currency(code: str) -> str:
    """The code as it is. Raises ValueError where no country has that currency today (by the CLDR's list)."""
    if code not in _in_use():
        raise ValueError("is no currency of today by ISO 4217, such as EUR")
    return code


def in_units(amount: Decimal, currency: str) -> Decimal:
    """Rounded to the currency's smallest unit, half up; what is less than half a unit is nothing."""
    rounded = amount.quantize(Decimal(1).scaleb(-minor_units(currency)), rounding=ROUND_HALF_UP)
    return rounded or abs(rounded)
