"""How the template language sees values: as text, as truth, as numbers, compared and computed."""

import json
import operator
from collections.abc import Callable, Mapping
from typing import Any

Number = int | float


def as_text(value: Any) -> str:
    """The value as it is printed."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.10f}".rstrip("0").rstrip(".")
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def as_number(value: Any) -> Number | None:
    """The value as a number, where it is one or reads like one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value
    try:
        return float(str(value))
    except ValueError:
        return None


def elements(value: Any) -> list[Any] | None:
    """What a loop runs over: an array's elements, an object's values; None for anything else."""
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, (list, tuple)) else None


#: Symbol -> what it makes of two truths.
COMBINE: Mapping[str, Callable[[bool, bool], bool]] = {
    "and": operator.and_,
    "or": operator.or_,
    "xor": operator.xor,
}
#: Symbol -> how two numbers or two texts compare.
COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


def compare(symbol: str, left: Any, right: Any) -> bool:
    """Numbers compare as numbers, everything else as text."""
    first, second = as_number(left), as_number(right)
    if first is not None and second is not None:
        return COMPARE[symbol](first, second)
    return COMPARE[symbol](as_text(left), as_text(right))


def calculate(symbol: str, left: Any, right: Any) -> Number | str | None:
    """Arithmetic; `+` joins what is not a number. None where it cannot be computed."""
    first, second = as_number(left), as_number(right)
    if first is None or second is None:
        return as_text(left) + as_text(right) if symbol == "+" else None
    if symbol in ("/", "div", "mod") and second == 0:
        return None
    return _CALCULATE[symbol](first, second)


_CALCULATE: Mapping[str, Callable[[Number, Number], Number]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "div": lambda left, right: int(left // right),
    "mod": operator.mod,
}
