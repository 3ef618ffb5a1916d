"""How a language says things: labels, dates and amounts, French first."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, get_decimal_symbol, get_group_symbol

from mailworker.invoices.money import minor_units
from mailworker.invoices.translations import WORDS, Translation

NARROW_SPACE = "\u202f"
#: A bare language takes the country whose dates and amounts its readers here expect.
_HOME = {"fr": "fr_FR", "en": "en_GB"}


@dataclass(frozen=True, slots=True)
class LocaleFormat:
    """One language's way to write. Words exist in French and English; amounts and dates follow the locale."""

    locale: Locale
    words: Translation
    group: str
    point: str

    @property
    def language(self) -> str:
        """The tag for HTML's `lang`, of the words."""
        return self.words.language

    def money(self, amount: Decimal, currency: str) -> str:
        """An amount with its currency: 1 234,50 €."""
        return format_currency(amount, currency, locale=self.locale)

    def plain(self, amount: Decimal, currency: str) -> str:
        """An amount without its currency, for columns: 1 234,50."""
        swapped = f"{amount:,.{minor_units(currency)}f}".replace(",", "\0").replace(".", self.point)
        return swapped.replace("\0", self.group)

    def price(self, amount: Decimal, currency: str) -> str:
        """A unit price: at least the currency's decimals, up to six where it has them."""
        spare = "#" * (6 - minor_units(currency))
        return format_decimal(
            amount, format=f"#,##0.{'0' * minor_units(currency)}{spare}", locale=self.locale
        )

    def number(self, value: Decimal) -> str:
        """A quantity, without needless zeros."""
        return format_decimal(value, format="#,##0.######", locale=self.locale)

    def rate(self, percent: Decimal) -> str:
        """A rate given in per cent: 5,5 %."""
        return f"{self.number(percent)}{NARROW_SPACE if self.language == 'fr' else ''}%"

    def country(self, code: str) -> str:
        """A country's name as an envelope wants it, from its code of two letters; other texts as they are."""
        return str(self.locale.territories.get(code, code)).upper()

    def day(self, value: date) -> str:
        """A date in words: 31 janvier 2026."""
        return format_date(value, format="long", locale=self.locale)

    def short_day(self, value: date) -> str:
        """A date in digits: 31/01/2026."""
        return format_date(
            value,
            format="dd/MM/yyyy" if self.locale.language in {"fr", "en"} else "short",
            locale=self.locale,
        )


@cache
def speech(language: str) -> LocaleFormat:
    """The way to write for a tag such as fr, fr-CA, en_US; words of an unknown language are English."""
    tag = language.strip().replace("-", "_") or "fr"
    try:
        locale = Locale.parse(_HOME.get(tag.lower(), tag))
    except (UnknownLocaleError, ValueError):
        locale = Locale.parse("en_GB")
    words = WORDS.get(locale.language, WORDS["en"])
    return LocaleFormat(locale, words, get_group_symbol(locale), get_decimal_symbol(locale))
