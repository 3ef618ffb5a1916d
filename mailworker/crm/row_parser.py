"""From a row, as a database or JSON has it, to a record, or to a sentence about what is wrong with it."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import MISSING, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar, cast, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mailworker.core.calendar_range import within_calendar
from mailworker.core.currency import canonical_currency
from mailworker.core.json_fields import is_label
from mailworker.core.safe_text import is_one_line
from mailworker.crm.language_name import language_of
from mailworker.crm.records import Balance, CrmInvoice, Instalment, PaymentPlan, Service
from mailworker.crm.row_dates import CHOSEN_DAYS, THROUGH, day_of, end_of, in_zone, moment_of
from mailworker.errors import BadInput
from mailworker.rules.crm_facts import InvoiceStatus

RecordT = TypeVar("RecordT")
Row = Mapping[str, Any]
Convert = Callable[[Any], Any]

#: The longest id that a sentence about its row repeats.
_LONGEST_SHOWN = 100
#: Beyond this nothing is an amount of anything.
_LARGEST = Decimal("1e20")
_YES = {"1", "true", "t", "yes", "y"}
_NO = {"0", "false", "f", "no", "n"}

#: An address as mail programs copy it, with its owner's name.
_NAMED_ADDRESS = re.compile(r"[^<>]*<([^<>\s]+@[^<>\s]+)>")


class Reader(Generic[RecordT]):
    """Makes records of one kind. `zone` is what dates and times mean that name no zone of their own."""

    def __init__(self, record: type[RecordT], zone: ZoneInfo, status_words: Mapping[str, str]) -> None:
        self.record = record
        self.zone = zone
        self.status_words = {word.casefold(): meaning for word, meaning in status_words.items()}
        hints = get_type_hints(record)
        columns = [f for f in fields(record) if get_origin(hints[f.name]) is not tuple]  # type: ignore[arg-type]
        self.required = tuple(
            f.name for f in columns if f.default is MISSING and f.default_factory is MISSING
        )
        self.columns = tuple(f.name for f in columns)
        self._converters = {name: self._converter(name, hints[name]) for name in self.columns}

    def read(self, row: Row) -> RecordT:
        """One record. Raises BadInput; its sentences name columns, never what is in them but the id."""
        found: dict[str, Any] = {}
        faults: list[str] = []
        zone = self._zone_of(row)
        for name, convert in self._converters.items():
            value = row.get(name)
            if value is None or (value == "" and name not in self.required):
                if name in self.required:
                    faults.append(f"{name} is missing")
                continue
            try:
                found[name] = self._converted(name, convert, value, zone)
            except (ValueError, TypeError, ArithmeticError, RecursionError):  # dates leave the calendar, too
                faults.append(f"{name} {_EXPECTED[convert.__name__]}")
        if faults:
            key, record = self.required[0], self.record.__name__.removeprefix("Crm")
            shown = str(row.get(key) or "")
            named = shown if is_label(shown, _LONGEST_SHOWN) else f"without {key}"
            raise BadInput(f"{record} {named}: {', '.join(faults)}.")
        made = self.record(**found)
        return cast("RecordT", made.in_whole_units()) if isinstance(made, CrmInvoice) else made

    def _converted(self, name: str, convert: Convert, value: Any, zone: ZoneInfo) -> Any:
        if convert == self.moment and name in THROUGH:
            return end_of(value, self.zone, zone, midnight_is_day=name in CHOSEN_DAYS)
        return convert(in_zone(value, zone) if convert == self.day else value)

    def _zone_of(self, row: Row) -> ZoneInfo:
        """The customer's zone, whose days their due date and their payments are; else the CRM's."""
        name = decoded(row.get("timezone")) if "timezone" in self._converters else None
        try:
            return ZoneInfo(name) if isinstance(name, str) and name else self.zone
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return self.zone

    def attempt(self, row: Row) -> RecordT | BadInput:
        """One record, or what is wrong with its row."""
        try:
            return self.read(row)
        except BadInput as fault:
            return fault

    def read_all(self, rows: Iterable[Row]) -> tuple[tuple[RecordT, ...], tuple[str, ...]]:
        """The records that can be read, and a sentence for each row that cannot."""
        read = [self.attempt(row) for row in rows]
        faults = [line for one in read if isinstance(one, BadInput) for line in one.faults]
        return tuple(one for one in read if not isinstance(one, BadInput)), tuple(faults)

    def _converter(self, name: str, hint: Any) -> Convert:
        kind = Mapping if get_origin(hint) is Mapping else next(iter(get_args(hint)), hint)
        if name == "currency":
            return currency
        if name.endswith(("_id", "_uuid")):
            return identity
        if self.record in _MAILED and name in _AS_STAFF_WRITE_IT:
            return _AS_STAFF_WRITE_IT[name]
        by_kind: dict[Any, Convert] = {
            str: text,
            int: whole,
            bool: yes_or_no,
            Decimal: amount,
            date: self.day,
            datetime: self.moment,
            InvoiceStatus: self.status,
            Mapping: table,
            PaymentPlan: plan,
        }
        return by_kind[kind]

    def status(self, value: Any) -> InvoiceStatus:
        """The CRM's own word through `status_words`, or one of ours."""
        word = text(value).casefold()
        return InvoiceStatus(self.status_words.get(word, word))

    def day(self, value: Any) -> date:
        """A date, or the local date of a moment. ValueError where no invoice means it."""
        return day_of(value, self.zone)

    def moment(self, value: Any) -> datetime:
        """A moment in UTC; a bare date is its first moment."""
        return moment_of(value, self.zone)


def text(value: Any) -> str:
    """Text, also of a number that serves as an id."""
    value = decoded(value)
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, (dict, list, bool, bytes)):
        raise TypeError
    return str(value)


def decoded(value: Any) -> Any:
    """Text of a column that MariaDB keeps as bytes; those that are no text, and all else, as they are."""
    if isinstance(value, bytes):
        with suppress(UnicodeDecodeError):
            return value.decode()
    return value


def identity(value: Any) -> str:
    """What names a record: it stands in keys, so that nothing of it can be left out."""
    if not is_one_line(found := text(value)):
        raise ValueError
    return found


def first_address(value: Any) -> str:
    """The first of several addresses in one field, `a@x.fr; b@x.fr`, without a name: `Zoé <a@x.fr>`."""
    found = (one.strip() for one in re.split("[;,]", text(value)))
    first = next((one for one in found if "@" in one), text(value))
    named = _NAMED_ADDRESS.fullmatch(first)
    return named[1] if named else first


def language(value: Any) -> str:
    """A language's tag, of its tag or its name."""
    return language_of(text(value))


#: Records that mail goes out for, and how their fields may be written.
_MAILED = {CrmInvoice, Balance, Service}
_AS_STAFF_WRITE_IT: dict[str, Convert] = {"email": first_address, "language": language}


def currency(value: Any) -> str:
    """A currency's code in capitals."""
    return canonical_currency(text(value))


def whole(value: Any) -> int:
    """A whole number."""
    return int(value)


def amount(value: Any) -> Decimal:
    """An exact number. A float, as SQLite and JSON have it, counts as it is written."""
    if isinstance(value, bool):
        raise TypeError
    found = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not found.is_finite() or abs(found) > _LARGEST:
        raise ValueError
    return found


def yes_or_no(value: Any) -> bool:
    """A truth, in the words of databases; MariaDB's BIT is a byte."""
    if isinstance(value, bytes):
        value = int.from_bytes(value)
    word = str(value).strip().lower()
    if word not in _YES | _NO:
        raise ValueError
    return word in _YES


def table(value: Any) -> dict[str, str]:
    """Names and values, as an object or as JSON text."""
    found = json.loads(value) if isinstance(value, str) else value
    return {str(name): str(content) for name, content in dict(found).items() if content is not None}


def plan(value: Any) -> PaymentPlan | None:
    """Instalments by their due dates, as a list or as JSON text; None where there are none."""
    found = json.loads(value) if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        raise TypeError
    read = [_instalment(one) for one in found]
    return PaymentPlan(tuple(sorted(read, key=lambda one: one.due_date))) if read else None


def _instalment(one: Row) -> Instalment:
    owed = one.get("owed")
    due = one.get("due_date")
    if not isinstance(due, str):
        raise TypeError
    return Instalment(
        within_calendar(date.fromisoformat(due)),
        amount(one.get("amount")),
        None if owed is None else amount(owed),
    )


_EXPECTED = {
    "text": "is not a text",
    "identity": "is not a text on one line",
    "first_address": "is not a text",
    "language": "is not a text",
    "whole": "is not a whole number",
    "yes_or_no": "is neither true nor false",
    "amount": "is not a number",
    "currency": "is not a currency's code of ISO 4217, such as EUR",
    "day": "is not a date like 2026-11-30",
    "moment": "is not a moment like 2026-11-30T09:00:00Z",
    "status": "is a word that status_words does not translate to open, paid, cancelled or disputed",
    "table": "is not a table of names and values",
    "plan": "is not a list of instalments, each with due_date and amount",
}
