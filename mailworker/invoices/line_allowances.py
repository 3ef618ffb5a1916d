"""What a line's price is made of: what is taken off or added, the price before its discount, and the sum."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from mailworker.invoices.money import ZERO, round_half_up

#: Decimals of a price that was reckoned from its amount; platforms take no more (BR-FR-DEC-03).
_PRICE_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class LineAllowance:
    """Something taken off a line (BG-27), or with `charge` added to it (BG-28).

    `code` is of UNTDID 5189, of a charge of 7161. Where it is a share of something, `percent` of `base`.
    """

    amount: Decimal
    reason: str = ""
    code: str = ""
    charge: bool = False
    percent: Decimal | None = None
    base: Decimal | None = None


@dataclass(frozen=True, slots=True)
class GrossPrice:
    """The price of one before its discount (BT-148), and that discount (BT-147)."""

    amount: Decimal
    discount: Decimal


def taken_off(allowances: Iterable[LineAllowance]) -> Decimal:
    """What allowances take off a line; negative where charges are more."""
    return sum((-one.amount if one.charge else one.amount for one in allowances), ZERO)


def price_making(total: Decimal, quantity: Decimal, digits: int) -> tuple[Decimal, Decimal]:
    """The price that makes a line's total, and for how many units; `quantity` is not zero.

    Where six decimals are too few for one unit, it is the price of them all.
    """
    price = round_half_up(total / quantity, _PRICE_DECIMALS)
    if round_half_up(price * quantity, digits) == round_half_up(total, digits):
        return price, Decimal(1)
    return (total if quantity > 0 else -total), abs(quantity)
