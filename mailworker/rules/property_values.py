"""A CRM's text as the value of a typed contact property at Mailjet.

Mailjet's contact guide: a property is str, int, float, bool or datetime (RFC 3339), and a value of another
type is refused.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum

from mailworker.core.calendar_range import within_calendar
from mailworker.core.safe_text import carriable

Value = str | int | float | bool | None

_YES = frozenset({"1", "true", "yes", "y", "oui", "on"})
_NO = frozenset({"0", "false", "no", "n", "non", "off"})
_ODD = re.compile(r"[^A-Za-z0-9_]+")
#: The longest text kept of one field; Mailjet documents no limit.
LONGEST = 1000
#: The largest whole number of 64 bits.
_LARGEST = 2**63 - 1


class PropertyType(StrEnum):
    """Mailjet's types of a contact property."""

    STR = "str"
    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    DATETIME = "datetime"


def typed(text: str, wanted: PropertyType) -> Value:
    """The text as a value of this type; None for an empty one. ValueError where it is none."""
    text = text.strip()
    return _READERS[wanted](text) if text else None


def yes_or_no(text: str) -> bool:
    """A truth in the words of databases and forms. ValueError for any other word."""
    word = text.strip().lower()
    if word not in _YES | _NO:
        raise ValueError("is neither yes nor no")
    return word in _YES


def property_name(field: str) -> str:
    """A custom field's name as Mailjet takes it: `Qualité perçue` becomes `qualite_percue`.

    In lower case, for Mailjet is reported to keep names so: one that came back otherwise would be a second.
    """
    plain = unicodedata.normalize("NFKD", field).encode("ascii", "ignore").decode()
    name = _ODD.sub("_", plain.lower()).strip("_")[:50]
    return name if name[:1].isalpha() else f"field_{name}"[:50]


def moment_text(text: str) -> str:
    """A date or a moment in RFC 3339, UTC; without a zone it is UTC. ValueError beyond our calendar."""
    moment = within_calendar(datetime.fromisoformat(text))
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _whole(text: str) -> int:
    number = int(text)
    if abs(number) > _LARGEST:
        raise ValueError("is too large a number")
    return number


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("is no number")
    return number


_READERS: Mapping[PropertyType, Callable[[str], Value]] = {
    PropertyType.STR: lambda text: carriable(text)[:LONGEST],
    PropertyType.INT: _whole,
    PropertyType.FLOAT: _number,
    PropertyType.BOOL: yes_or_no,
    PropertyType.DATETIME: moment_text,
}
