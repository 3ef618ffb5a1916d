"""The functions of the template language.

Source: Mailjet's template language reference of 2017; today's complete list is not published.
"""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

from mailworker.templates.language.values import as_number, as_text


class Escaped(str):
    """Text that is HTML already."""

    __slots__ = ()


def _round(value: Any, places: Any) -> Any:
    number, digits = as_number(value), as_number(places)
    if number is None or digits is None:
        raise ValueError
    return round(float(number), int(digits))


def _int(value: Any) -> int:
    number = as_number(value)
    if number is None:
        raise ValueError
    return int(number)


_FUNCTIONS: Mapping[str, tuple[int, Callable[..., Any]]] = {
    "Upper": (1, lambda value: as_text(value).upper()),
    "Lower": (1, lambda value: as_text(value).lower()),
    "Capitalize": (1, lambda value: as_text(value).capitalize()),
    "Round": (2, _round),
    "Int": (1, _int),
    "UrlEncode": (1, lambda value: quote(as_text(value), safe="")),
    "Escape": (1, lambda value: Escaped(escape(as_text(value)))),
    "HasOpenedSince": (1, lambda _days: False),
    "HasClickedSince": (1, lambda _days: False),
}


def knows(name: str) -> bool:
    """Whether the language has this function."""
    return name in _FUNCTIONS


def apply(name: str, arguments: Sequence[Any]) -> Any:
    """The function's value. Raises ValueError for arguments that it does not take."""
    count, function = _FUNCTIONS[name]
    if len(arguments) != count:
        raise ValueError
    return function(*arguments)
