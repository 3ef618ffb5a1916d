"""An amount with its unit, as a language writes it: 1,5 Go; 2 min 24 s; 15 SMS; 4,20 €."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from mailworker.invoices.locale_format import NARROW_SPACE, locale_format
from mailworker.invoices.money import is_currency

#: Between a number and its unit; a line never breaks there.
SPACE = NARROW_SPACE


@dataclass(frozen=True, slots=True)
class _Unit:
    """How a unit is written. `seconds` is its length where it is a time."""

    french: tuple[str, str]
    english: tuple[str, str]
    seconds: int = 0


def _symbol(french: str, english: str = "") -> _Unit:
    return _Unit((french, french), (english or french, english or french))


_UNITS = {
    "o": _symbol("o", "B"),
    "ko": _symbol("Ko", "KB"),
    "mo": _symbol("Mo", "MB"),
    "go": _symbol("Go", "GB"),
    "to": _symbol("To", "TB"),
    "sms": _symbol("SMS"),
    "mms": _symbol("MMS"),
    "s": _Unit(("s", "s"), ("s", "s"), 1),
    "min": _Unit(("min", "min"), ("min", "min"), 60),
    "h": _Unit(("h", "h"), ("h", "h"), 3600),
    "jour": _Unit(("jour", "jours"), ("day", "days")),
    "semaine": _Unit(("semaine", "semaines"), ("week", "weeks")),
    "mois": _Unit(("mois", "mois"), ("month", "months")),
    "appel": _Unit(("appel", "appels"), ("call", "calls")),
    "message": _Unit(("message", "messages"), ("message", "messages")),
    "point": _Unit(("point", "points"), ("point", "points")),
    "unité": _Unit(("unité", "unités"), ("unit", "units")),
}
#: Other ways in which CRMs and OCSs spell these units.
_SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "o": ("b", "octet", "octets", "byte", "bytes"),
    "ko": ("kb", "kib"),
    "mo": ("mb", "mib", "megabyte", "megabytes", "mégaoctet", "mégaoctets"),
    "go": ("gb", "gib", "gigabyte", "gigabytes", "gigaoctet", "gigaoctets"),
    "to": ("tb", "tib"),
    "s": ("sec", "second", "seconds", "seconde", "secondes"),
    "min": ("mn", "mins", "minute", "minutes"),
    "h": ("hr", "hrs", "hour", "hours", "heure", "heures"),
    "jour": ("j", "jours", "day", "days"),
    "semaine": ("semaines", "week", "weeks"),
    "mois": ("month", "months"),
    "appel": ("appels", "call", "calls"),
    "message": ("messages",),
    "point": ("points",),
    "unité": ("unités", "unite", "unites", "unit", "units"),
}
_BY_SPELLING = _UNITS | {
    spelling: _UNITS[name] for name, spellings in _SPELLINGS.items() for spelling in spellings
}


_QUANTITY = re.compile(r"(\d[\d\s]*(?:[.,]\d+)?)\s*([^\W\d_]+)")


def quantity(amount: Decimal, unit: str, *, language: str) -> str:
    """An amount with its unit, in the reader's language; a unit that nobody knows is written as it came."""
    word = unit.strip()
    known = _BY_SPELLING.get(word.casefold())
    if known is not None and known.seconds:
        return span(amount * known.seconds, language=language)
    if known is not None:
        return f"{locale_format(language).number(amount)}{SPACE}{_inflected(known, amount, language)}"
    if len(word) == 3 and is_currency(word.upper()):
        return locale_format(language).money(amount, word.upper())
    number = locale_format(language).number(amount)
    return f"{number}{SPACE}{word}" if word else number


def span(seconds: Decimal, *, language: str) -> str:
    """A length of time: 2 min 24 s, 1 h 30 min. Whole hours, minutes and seconds; zero parts are left out."""
    whole = int(abs(seconds).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    shown = [(count, word) for count, word in parts if count] or [(0, "min")]
    sign = "\u2212" if seconds < 0 else ""
    number = locale_format(language).number
    return sign + SPACE.join(f"{number(Decimal(count))}{SPACE}{word}" for count, word in shown)


def respelt(text: str, *, language: str) -> str:
    """A CRM's own quantity (`6,2 Go`) with the unit of the reader's language, if that is another."""
    match = _QUANTITY.fullmatch(text.strip())
    unit = _BY_SPELLING.get(match[2].casefold()) if match else None
    if match is None or unit is None:
        return text
    words = unit.french if locale_format(language).language == "fr" else unit.english
    if unit.seconds or match[2].casefold() in {word.casefold() for word in words}:
        return text
    number = re.sub(r"\s", "", match[1])
    amount = Decimal(number.replace(",", ".") if "." not in number else number.replace(",", ""))
    return quantity(amount, match[2], language=language)


def is_nothing(text: str) -> bool:
    """Whether a written quantity is zero: `0 Go`, `0,00 €`, `0 min`."""
    digits = [character for character in text if character.isdigit()]
    return bool(digits) and all(digit == "0" for digit in digits)


def _inflected(unit: _Unit, amount: Decimal, language: str) -> str:
    """French begins the plural at two, English everywhere but at one."""
    french = locale_format(language).language == "fr"
    one = abs(amount) < 2 if french else abs(amount) == 1
    words = unit.french if french else unit.english
    return words[0 if one else 1]
