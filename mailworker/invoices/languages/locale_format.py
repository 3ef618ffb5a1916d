"""How a locale writes: labels, dates and amounts, French first."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from functools import cache, lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton
from babel.numbers import format_currency, format_decimal, get_decimal_symbol, get_group_symbol

from mailworker.invoices.languages.translation import Translation, read_translation
from mailworker.invoices.money import minor_units

NARROW_SPACE = "\u202f"
MINUS = "\N{MINUS SIGN}"
#: The languages that our labels are in, and the names of their files.
LABELS = {"fr": "french", "en": "english"}
#: A bare language takes the country whose dates and amounts its readers here expect.
_HOME = {"fr": "fr_FR", "en": "en_GB"}
#: Digits of the longest number in JSON (a double) with eight decimals: Babel raises where they do not fit.
_PRECISION = 400


@dataclass(frozen=True, slots=True)
class LocaleFormat:
    """How one locale writes. Labels exist in French and English; amounts and dates follow the locale.

    `language` is the tag for HTML's `lang`, of the labels.
    """

    locale: Locale
    language: str
    group: str
    point: str
    by_thousands: bool = True

    @property
    def labels(self) -> Translation:
        """What a page prints beside amounts and dates. Read when first asked for: mails print none."""
        return read_translation(LABELS[self.language])

    def money(self, amount: Decimal, currency: str) -> str:
        """An amount with its currency: 1 234,50 €."""
        with localcontext(prec=_PRECISION):
            return self._signed(format_currency(amount, currency, locale=self.locale))

    def plain(self, amount: Decimal, currency: str) -> str:
        """An amount without its currency, for columns: 1 234,50."""
        digits = minor_units(currency)
        if not self.by_thousands:
            return self._signed(format_currency(amount, currency, format="#,##,##0.00", locale=self.locale))
        swapped = f"{amount:,.{digits}f}".replace(",", "\0").replace(".", self.point)
        return self._signed(swapped.replace("\0", self.group))

    def price(self, amount: Decimal, currency: str) -> str:
        """A unit price: at least the currency's decimals, up to eight where it has them."""
        spare = "#" * (8 - minor_units(currency))
        pattern = f"#,##0.{'0' * minor_units(currency)}{spare}"
        return self._signed(_decimal(self.locale, pattern, amount))

    def number(self, value: Decimal) -> str:
        """A quantity, without needless zeros."""
        return self._signed(_decimal(self.locale, "#,##0.########", value))

    def rate(self, percent: Decimal) -> str:
        """A rate given in per cent: 5,5 %."""
        return f"{self.number(percent)}{NARROW_SPACE if self.language == 'fr' else ''}%"

    def country(self, code: str) -> str:
        """A country's name as an envelope wants it, from its code of two letters; other texts as they are."""
        return str(self.locale.territories.get(code, code)).upper()

    def day(self, value: date) -> str:
        """A date in words: 31 janvier 2026, and 1er février 2026."""
        text = format_date(value, format="long", locale=self.locale)
        return f"1er{text[1:]}" if value.day == 1 and self.language == "fr" else text

    def short_day(self, value: date) -> str:
        """A date in digits: 31/01/2026; 1/31/2026 in the United States."""
        return _digits(str(self.locale), value)

    def _signed(self, text: str) -> str:
        """With a real minus sign; a hyphen may be torn from its number at the end of a line."""
        return text.replace("-", MINUS, 1)


@lru_cache(4096)
def _decimal(locale: Locale, pattern: str, value: Decimal) -> str:
    """A number by a pattern; rates, quantities and prices come again on every invoice."""
    with localcontext(prec=_PRECISION):
        return format_decimal(value, format=pattern, locale=locale)


@lru_cache(4096)
def _digits(locale: str, value: date) -> str:
    """A date in digits; Babel takes two milliseconds to find the pattern, and dates come again."""
    return format_skeleton("yMMdd", value, locale=locale)


@cache
def locale_format(language: str) -> LocaleFormat:
    """The way to write for a tag such as fr, fr-CA, en_US; labels of an unknown language are English."""
    tag = language.strip().replace("-", "_") or "fr"
    try:
        locale = Locale.parse(_HOME.get(tag.lower(), tag))
    except (UnknownLocaleError, ValueError):
        locale = Locale.parse("en_GB")
    pattern = locale.decimal_formats[None]
    return LocaleFormat(
        locale,
        locale.language if locale.language in LABELS else "en",
        get_group_symbol(locale),
        get_decimal_symbol(locale),
        by_thousands=pattern.grouping == (3, 3),
    )


def page_format(language: str) -> LocaleFormat:
    """The way a page writes: British English throughout, dates too, where we have no labels in a language."""
    fmt = locale_format(language)
    return fmt if fmt.locale.language in LABELS else locale_format("en")
