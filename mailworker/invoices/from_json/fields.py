"""Taking an invoice's fields out of JSON: texts made fit for XML, amounts, days."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any

from mailworker.core.calendar_range import within_calendar
from mailworker.core.json_fields import JsonFields
from mailworker.core.safe_text import unbroken
from mailworker.invoices.money import parse_decimal


class InvoiceFields(JsonFields):
    """The same for invoices, whose fields have several names and amounts.

    `zone` is where a date with a time and an offset is read.
    """

    after_name = " "

    def __init__(
        self, raw: Mapping[str, Any], faults: list[str], where: str = "", zone: tzinfo | None = None
    ) -> None:
        super().__init__(raw, faults, where)
        self.zone = zone

    def below(self, raw: Mapping[str, Any], path: str) -> "InvoiceFields":
        """An object inside this one."""
        return InvoiceFields(raw, self.faults, f"{self.where}{path}.", self.zone)

    def find(self, *names: str) -> tuple[str, Any]:
        """The first of these names that has a value, with it; else the first name and None."""
        for name in names:
            if (value := self.raw.get(name)) not in (None, ""):
                return name, value
        return names[0], None

    def _find(self, names: Sequence[str], *, required: bool) -> tuple[str, Any]:
        name, value = self.find(*names)
        if required and value is None:
            self.fault(name, "is missing")
        return name, value

    def text(self, *names: str, required: bool = False, longest: int = 300) -> str:
        """A text, at most `longest` characters; numbers are taken as they are written."""
        name, value = self._find(names, required=required)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            self.fault(name, "must be a text")
            return ""
        if len(text := unbroken(str(value))) > longest:
            self.fault(name, f"has {len(text)} characters; the most is {longest}")
        elif required and not text:
            self.fault(name, "is blank")
        return text[:longest]

    def number(self, *names: str, required: bool = False) -> Decimal | None:
        """An amount, a quantity or a rate."""
        name, value = self._find(names, required=required)
        if value is None:
            return None
        try:
            return parse_decimal(value)
        except ValueError as wrong:
            self.fault(name, str(wrong))
            return None

    def day(self, *names: str, required: bool = False) -> date | None:
        """A date, or the date of a date and time, in ISO 8601 as OmniCRM writes it.

        A time with an offset is looked at in the operator's time zone: 23:30 in UTC is tomorrow in Paris.
        """
        name, value = self._find(names, required=required)
        if value is None:
            return None
        try:
            day = value if isinstance(value, date) else datetime.fromisoformat(str(value))
            if isinstance(day, datetime):
                day = (day.astimezone(self.zone) if day.tzinfo and self.zone else day).date()
            return within_calendar(day)
        except (ValueError, OverflowError):
            self.fault(name, "must be a date such as 2026-01-31")
            return None

    def url(self, name: str) -> str:
        """A web address, which is printed and linked but never fetched."""
        value = self.text(name, longest=2000)
        if value and not value.startswith(("https://", "http://")):
            self.fault(name, "must be a web address that starts with https://")
            return ""
        return value

    def objects(self, *names: str) -> Iterator["InvoiceFields"]:
        """The objects of a list, each knowing its path."""
        name, value = self.find(*names)
        if value is None:
            return
        if not isinstance(value, list | tuple):
            self.fault(name, "must be a list")
            return
        for index, item in enumerate(value):
            if isinstance(item, Mapping):
                yield self.below(item, f"{name}[{index}]")
            else:
                self.fault(f"{name}[{index}]", "must be an object")
