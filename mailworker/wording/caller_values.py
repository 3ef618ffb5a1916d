"""A caller's own values as a reader wants them: on one line, days and amounts by the language's rules.

OmniCRM formats most of them itself; a date in ISO 8601 and a bare number are a program's spelling, and no
reader's.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from mailworker.core.calendar_range import within_calendar
from mailworker.core.safe_text import one_line
from mailworker.invoices.languages.locale_format import locale_format
from mailworker.invoices.money import minor_units, round_half_up
from mailworker.wording.amounts_with_units import respelt
from mailworker.wording.link_expiry import written_moment

_DAYS = frozenset({"due_date", "invoice_date", "expiry_date"})
_MOMENTS = frozenset({"change_date"})
_AMOUNTS = frozenset({"total_amount", "amount_due", "paid_amount", "amount"})
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d.*)?")
#: No line of a mail is longer; intake refuses longer texts.
_LONGEST = 10_000


def written_out(
    variables: Mapping[str, Any], *, language: str, zone: ZoneInfo, currency: str
) -> dict[str, Any]:
    """These variables, as a reader of this language would write them; what is no date or number stays.

    `currency` is that of amounts which name none.
    """

    def written(name: str, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [_item(one) for one in value]
        if isinstance(value, str):
            text = one_line(value, _LONGEST)
            if name in _AMOUNTS:
                return respelt(text, language=language)
            is_date = (name in _DAYS or name in _MOMENTS) and _ISO.fullmatch(text)
            return _date(text, language, zone, with_time=name in _MOMENTS) if is_date else text
        if name in _AMOUNTS and isinstance(value, int | float) and not isinstance(value, bool):
            amount = round_half_up(Decimal(str(value)), minor_units(currency))
            return locale_format(language).money(amount, currency)
        return value

    def _item(one: Any) -> Any:
        return {name: written(name, it) for name, it in one.items()} if isinstance(one, Mapping) else one

    return {name: written(name, value) for name, value in variables.items()}


def _date(text: str, language: str, zone: ZoneInfo, *, with_time: bool) -> str:
    """The day, with its time where that was given and counts; what is no date after all as it came."""
    try:
        moment = within_calendar(datetime.fromisoformat(text))
    except ValueError:
        return text
    has_time = len(text) > len("2026-11-30")
    if has_time and moment.tzinfo:
        moment = moment.astimezone(zone)
    if has_time and with_time:
        return written_moment(moment if moment.tzinfo else moment.replace(tzinfo=zone), language, zone)
    return locale_format(language).day(moment.date())
