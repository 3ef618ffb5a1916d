"""Until when a link is good, from what the caller gave: a span (1 heure), a moment, or other words."""

import re
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.dates import format_time, get_timezone_location

from mailworker.core.calendar_range import within_calendar
from mailworker.core.language_tag import base_language
from mailworker.invoices.languages.locale_format import locale_format
from mailworker.wording.amounts_with_units import SPELLINGS, DurationUnit, in_words

#: In a time of day: 15 h 30.
SPACE = "\u00a0"

_SPAN = re.compile(r"\s*(\d{1,6}(?:[.,]\d+)?)\s*([^\W\d_]+)\.?\s*")
_DAYS = re.compile(r"[0-9]{1,6}")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "jour": 86400}
_BY_WORD = {word: seconds for unit, seconds in _SECONDS.items() for word in (unit, *SPELLINGS[unit])}
_BABEL_UNITS: dict[int, DurationUnit] = {60: "minute", 3600: "hour", 86400: "day"}


#: Before these, French writes de with an apostrophe.
_ELIDED = re.compile("[AEIOUHÀÂÉÈÊÎÔ]")
_TOMORROW = {"fr": "demain", "en": "tomorrow"}


def read_span(text: str) -> timedelta | None:
    """The span that this text is (`1 heure`, `30 min`), or None."""
    match = _SPAN.fullmatch(text)
    seconds = _BY_WORD.get(match[2].casefold()) if match else None
    if match is None or seconds is None:
        return None
    return timedelta(seconds=float(Decimal(match[1].replace(",", ".")) * seconds))


def written_span(span: timedelta, language: str) -> str:
    """A span in words: 1 heure, 30 minutes, 2 jours."""
    seconds = int(span.total_seconds())
    unit = next((one for one in (86400, 3600, 60) if seconds >= one and seconds % one == 0), 60)
    whole = timedelta(seconds=max(1, round(seconds / unit)) * unit)
    return in_words(whole, _BABEL_UNITS[unit], language)


def days_left(count: str, language: str) -> str:
    """A moment in people's words: demain, dans 3 jours; empty where the count is unknown."""
    if _DAYS.fullmatch(count) is None or count == "0":
        return ""
    if count == "1" and (tomorrow := _TOMORROW.get(base_language(language))):
        return tomorrow
    return in_words(timedelta(days=int(count)), "day", language, add_direction=True)


def written_moment(moment: datetime, language: str, zone: ZoneInfo) -> str:
    """A moment with its zone, no line's end in its day: 28 novembre 2026 à 15 h 30 (heure de Paris)."""
    local = moment.astimezone(zone)
    day = locale_format(language).day(local.date()).replace(" ", SPACE, 1)
    if base_language(language) == "fr":
        return f"{day} à {local.hour}{SPACE}h{SPACE}{local.minute:02d} ({_whose_time(zone, language)})"
    clock = format_time(local, "HH:mm", locale=locale_format(language).locale, tzinfo=zone)
    between = " at " if base_language(language) == "en" else ", "
    return f"{day}{between}{clock} ({_whose_time(zone, language)})"


def _whose_time(zone: ZoneInfo, language: str) -> str:
    """Whose clock it is, in a reader's words: heure de Paris, Paris time."""
    if "/" not in zone.key or zone.key.startswith("Etc/"):
        return zone.key
    city = get_timezone_location(zone, locale=locale_format(language).locale, return_city=True)
    if base_language(language) == "fr":
        return f"heure d\u2019{city}" if _ELIDED.match(city) else f"heure de {city}"
    return f"{city} time" if base_language(language) == "en" else city


def link_expiry(text: str, *, asked_at: datetime, language: str, zone: ZoneInfo) -> tuple[str, str]:
    """The span and the last moment of a link, each empty where the text does not give it.

    A span counts from when the link was asked for, so that a mail that left late stays true.
    """
    span = read_span(text)
    if span is not None and span > timedelta(0):
        return written_span(span, language), written_moment(asked_at + span, language, zone)
    try:
        moment = within_calendar(datetime.fromisoformat(text.strip()))
    except ValueError:
        return "", ""
    if len(text.strip()) <= 10:
        return "", ""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return "", written_moment(aware, language, zone)
