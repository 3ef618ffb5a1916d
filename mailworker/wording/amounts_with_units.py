"""An amount with its unit, as a language writes it: 1,5 Go; 2 min 24 s; 15 SMS; 4,20 €."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Literal

from babel.dates import format_timedelta

from mailworker.invoices.languages.locale_format import NARROW_SPACE, locale_format
from mailworker.invoices.money import is_currency, minor_units

#: Between a number and its unit; a line never breaks there.
SPACE = NARROW_SPACE


#: Babel's names of the units that spans are written in.
DurationUnit = Literal["minute", "hour", "day", "week", "month"]


@dataclass(frozen=True, slots=True)
class _Unit:
    """How a unit is written. `seconds` is its length where it is a time, `duration` Babel's name of it."""

    french: tuple[str, str]
    english: tuple[str, str]
    seconds: int = 0
    duration: DurationUnit | None = None


#: Spans of so many units and more have one plural.
_MOST_COUNTED = 1_000_000
#: Days of a unit in Babel's sense.
_DAYS = {"day": 1, "week": 7, "month": 30}
#: 40 days are 40 days, and no month.
_NEVER_COARSER = 1_000_000


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
    "jour": _Unit(("jour", "jours"), ("day", "days"), duration="day"),
    "semaine": _Unit(("semaine", "semaines"), ("week", "weeks"), duration="week"),
    "mois": _Unit(("mois", "mois"), ("month", "months"), duration="month"),
    "appel": _Unit(("appel", "appels"), ("call", "calls")),
    "message": _Unit(("message", "messages"), ("message", "messages")),
    "point": _Unit(("point", "points"), ("point", "points")),
    "unité": _Unit(("unité", "unités"), ("unit", "units")),
}
#: Other ways in which CRMs and OCSs spell these units.
SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "o": ("b", "octet", "octets", "byte", "bytes"),
    "ko": ("kb", "kib"),
    "mo": ("mb", "mib", "megabyte", "megabytes", "mégaoctet", "mégaoctets"),
    "go": ("gb", "gib", "gigabyte", "gigabytes", "gigaoctet", "gigaoctets"),
    "to": ("tb", "tib"),
    "s": ("sec", "second", "seconds", "seconde", "secondes"),
    "min": ("mn", "mins", "minute", "minutes"),
    "h": ("hr", "hrs", "hour", "hours", "heure", "heures"),
    "jour": ("j", "d", "jours", "day", "days"),
    "semaine": ("semaines", "week", "weeks"),
    "mois": ("month", "months"),
    "appel": ("appels", "call", "calls"),
    "message": ("messages",),
    "point": ("points",),
    "unité": ("unités", "unite", "unites", "unit", "units"),
}
_BY_SPELLING = _UNITS | {
    spelling: _UNITS[name] for name, spellings in SPELLINGS.items() for spelling in spellings
}


#: 1 234,50 €, €1,234.50, -0.35 EUR: with their cents, without which nobody can say what a comma means.
_CURRENCY = r"(?:€|[A-Z]{3})"
_MONEY = re.compile(
    rf"(?P<sign>[-\u2212]?)(?P<before>{_CURRENCY}\s*)?(?P<inner>[-\u2212]?)"
    r"(?P<whole>\d{1,3}(?:\s?\d{3})*|\d{1,3}(?:,\d{3})+(?=\.)|\d{1,3}(?:\.\d{3})+(?=,))[.,](?P<cents>\d{2})"
    rf"(?P<after>\s*{_CURRENCY})?"
)
_QUANTITY = re.compile(r"([-\u2212]?\d[\d\s]*(?:[.,]\d+)?)\s*([^\W\d_]+)")
#: 1,234 min and 1.234 h are thousands somewhere. With a French unit, 1,234 Go, a comma begins decimals.
_THOUSANDS = re.compile(r"[-\u2212]?[1-9]\d{0,2}([.,])\d{3}")
_FRENCH_UNIT = re.compile(r"[kmgt]?o|\w*octets?", re.IGNORECASE)
#: Characters of a quantity with its unit.
_LONGEST = 80
#: A minus before the number or its currency.
_BELOW_ZERO = re.compile(r"\s*(?:€|\$|£|[A-Z]{3})?\s*[-\u2212]")


def quantity(amount: Decimal, unit: str, *, language: str) -> str:
    """An amount with its unit, in the reader's language; a unit that nobody knows is written as it came."""
    word = unit.strip()
    known = _BY_SPELLING.get(word.casefold())
    if known is not None and known.seconds:
        return span(amount * known.seconds, language=language)
    if known is not None:
        return _counted(known, amount, language)
    if len(word) == 3 and is_currency(word.upper()):
        return locale_format(language).money(amount, word.upper())
    number = locale_format(language).number(amount)
    return f"{number}{SPACE}{word}" if word else number


def measured(amount: Decimal, unit: str, *, language: str, rounding: str = ROUND_FLOOR) -> str:
    """A measured amount: two decimals, of less than one two figures, rounded down, for no more is left.

    An engine counts bytes, of which 1.14978095 GB are told as 1.14 GB. `rounding` is decimal's; a limit that
    an amount is below is rounded up (ROUND_CEILING).
    """
    word = unit.strip()
    known = _BY_SPELLING.get(word.casefold())
    if known is not None and known.seconds:
        return quantity(amount, unit, language=language)
    if known is None and len(word) == 3 and is_currency(word.upper()):
        digits = minor_units(word.upper())
    else:
        digits = 1 - amount.adjusted() if 0 < abs(amount) < 1 else 2
    rounded = amount.quantize(Decimal(1).scaleb(-digits), rounding=rounding)
    return quantity(rounded, unit, language=language)


def span(seconds: Decimal, *, language: str) -> str:
    """A length of time: 2 min 24 s, 1 h 30 min. Whole hours, minutes and seconds; zero parts are left out."""
    whole = int(abs(seconds).to_integral_value(ROUND_HALF_UP))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    shown = [(count, word) for count, word in parts if count] or [(0, "min")]
    sign = "\u2212" if seconds < 0 else ""
    number = locale_format(language).number
    return sign + SPACE.join(f"{number(Decimal(count))}{SPACE}{word}" for count, word in shown)


def respelt(text: str, *, language: str) -> str:
    """A CRM's own quantity (`6.2 GB`, `5,00 €`, `2,4 min`) as the reader's language writes it.

    What is none stays as it came, and so does a text that is too long for a quantity.
    """
    if len(text) > _LONGEST:
        return text
    if (money := _read_money(text.strip())) is not None:
        return locale_format(language).money(*money)
    match = _QUANTITY.fullmatch(text.strip())
    unit = _BY_SPELLING.get(match[2].casefold()) if match else None
    if match is None or unit is None:
        return text
    thousands = _THOUSANDS.fullmatch(match[1])
    if thousands and (unit.seconds or (thousands[1] == "," and not _FRENCH_UNIT.fullmatch(match[2]))):
        return text
    words = unit.french if locale_format(language).language == "fr" else unit.english
    is_whole = match[1].strip("-\u2212").isdecimal()
    foreign_point = "." in match[1] and words is unit.french
    if match[2] in words and (is_whole or not unit.seconds) and "-" not in match[1] and not foreign_point:
        return text
    number = re.sub(r"\s", "", match[1]).replace("\u2212", "-")
    return quantity(Decimal(number.replace(",", ".")), match[2], language=language)


def _read_money(text: str) -> tuple[Decimal, str] | None:
    """An amount with its currency, whichever language wrote it; None of what is none."""
    match = _MONEY.fullmatch(text)
    if match is None:
        return None
    currency = ((match["before"] or "") + (match["after"] or "")).strip().replace("€", "EUR")
    whole = re.sub(r"[\s.,]", "", match["whole"])
    amount = Decimal(f"{whole}.{match['cents']}")
    negative = match["sign"] or match["inner"]
    return (-amount if negative else amount, currency) if is_currency(currency) else None


def is_used_up(text: str) -> bool:
    """Whether a written quantity is zero or less: `0 Go`, `0,00 €`, `-0,35 €`."""
    digits = [character for character in text if character.isdigit()]
    return bool(digits) and (_BELOW_ZERO.match(text) is not None or set(digits) == {"0"})


def _counted(unit: _Unit, amount: Decimal, language: str) -> str:
    """French begins the plural at two, English everywhere but at one; other languages as Babel knows."""
    form = locale_format(language)
    if unit.duration and form.locale.language not in {"fr", "en"}:
        count = min(round(abs(amount)), _MOST_COUNTED)
        written = in_words(timedelta(days=_DAYS[unit.duration] * count), unit.duration, language)
        word = written.lstrip("0123456789 \u202f")
        if word == written and amount == count:  # a word for one or for two, as Arabic and Hebrew have
            return word
        return f"{form.number(amount)}{SPACE}{word}"
    one = abs(amount) < 2 if form.language == "fr" else abs(amount) == 1
    words = unit.french if form.language == "fr" else unit.english
    return f"{form.number(amount)}{SPACE}{words[0 if one else 1]}"


def in_words(span: timedelta, unit: DurationUnit, language: str, *, add_direction: bool = False) -> str:
    """A span in one unit; with a direction when it will be over: dans 3 jours, in 3 Tagen."""
    written = format_timedelta(
        span,
        granularity=unit,
        threshold=_NEVER_COARSER,
        add_direction=add_direction,
        locale=locale_format(language).locale,
    )
    return str(written).replace("\u00a0", " ")
