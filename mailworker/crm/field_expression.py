"""Where a value stands in a record: `customer.email`, or a sum of such, `total_amount + total_tax`.

A sum has blanks around its signs, so that a name may have a hyphen in it.
"""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

_SIGN = re.compile(r"\s+([+-])\s+")


def value_at(record: Any, expression: str) -> Any:
    """The value, or the sum; None where it, or one of its parts, is not there.

    What is no number in a sum stays in it as the text that it was, so that its reader refuses the record.
    """
    parts = _SIGN.split(expression.strip())
    if len(parts) == 1:
        return dig(record, parts[0])
    values = [dig(record, path) for path in parts[::2]]
    if any(one is None or one == "" for one in values):
        return None
    total = Decimal(0)
    for sign, value in zip(["+", *parts[1::2]], values, strict=True):
        try:
            number = Decimal(str(value))
            total += number if sign == "+" else -number
        except InvalidOperation:
            return str(value)
    return total


def dig(value: Any, path: str) -> Any:
    """What stands at `customer.email`; None where nothing does; all of it for an empty path."""
    for part in path.split(".") if path else ():
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
