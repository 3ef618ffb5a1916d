"""A quantity with its unit, as the page's language writes it: 2,5 jours; 2.5 days; 54 Mo."""

import re
from decimal import Decimal

from babel.units import format_unit

from mailworker.invoices.code_lists import foreign_unit
from mailworker.invoices.languages.locale_format import LocaleFormat

#: Units that Babel counts in words, by their code of UN/ECE Recommendation 20.
_SPANS = {"DAY": "duration-day", "WEE": "duration-week", "MON": "duration-month", "ANN": "duration-year"}
#: A bare number, or one with its unit; not a length of time such as 1:02:03.
_VOLUME = re.compile(r"(\d{1,12}(?:[.,]\d{1,8})?)\s*([^\W\d_]*)")


def quantity_text(amount: Decimal, unit: str, fmt: LocaleFormat) -> str:
    """A unit that came as a code by its label, a word of the other language by ours."""
    code = foreign_unit(unit, fmt.language)
    if code in _SPANS:
        return format_unit(amount, _SPANS[code], "long", "#,##0.########", locale=fmt.locale)
    return f"{fmt.number(amount)} {fmt.labels.units.get(code or unit, unit)}".strip()


def volume_text(volume: str, fmt: LocaleFormat) -> str:
    """What a call, message or session took; a text of another sort as it came."""
    match = _VOLUME.fullmatch(volume)
    return quantity_text(Decimal(match[1].replace(",", ".")), match[2], fmt) if match else volume
