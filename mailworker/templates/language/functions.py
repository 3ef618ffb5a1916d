"""The functions of the template language.

Source: Mailjet's template language reference of 2017; today's complete list is not published.
"""

from collections.abc import Callable, Mapping
from html import escape
from typing import Any
from urllib.parse import quote

from mailworker.templates.language.value_conversion import Number, as_number, as_text


class Escaped(str):
    """Text that is HTML already."""

    __slots__ = ()


def _number(value: Any) -> Number:
    if (number := as_number(value)) is None:
        raise ValueError
    return number


#: Name -> how many arguments it takes, and its value; ValueError for an argument that it does not take.
FUNCTIONS: Mapping[str, tuple[int, Callable[..., Any]]] = {
    "Upper": (1, lambda value: as_text(value).upper()),
    "Lower": (1, lambda value: as_text(value).lower()),
    "Capitalize": (1, lambda value: as_text(value).capitalize()),
    "Round": (2, lambda value, places: round(float(_number(value)), int(_number(places)))),
    "Int": (1, lambda value: int(_number(value))),
    "UrlEncode": (1, lambda value: quote(as_text(value), safe="")),
    "Escape": (1, lambda value: Escaped(escape(as_text(value)))),
    "HasOpenedSince": (1, lambda _days: False),
    "HasClickedSince": (1, lambda _days: False),
}
