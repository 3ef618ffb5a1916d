"""When mail may reach a customer: quiet hours, working days, holidays."""

import re
from datetime import date, time
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from mailworker.config.section import Section

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_TIME = re.compile(r"^([01]?\d|2[0-3])[:h]([0-5]\d)$")
_REGION = re.compile(r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")
_MONTH_DAY = re.compile(r"^(\d{2})-(\d{2})$")


def read_time(value: Any) -> time:
    """`20:00`. A bare number is refused: 8 may be an hour, and 800 anything."""
    if isinstance(value, time):
        return value
    match = _TIME.match(str(value))
    if match is None:
        raise ValueError('is not a time of day: write it as "20:00"')
    return time(int(match[1]), int(match[2]))


def read_holiday(value: Any) -> date | str:
    """A date for one day, "12-25" for the day in every year, or FR for a country's public holidays."""
    if type(value) is date:
        return value
    if value is False:
        raise ValueError('is YAML\'s false: write "NO", in quotes, for Norway')
    text = str(value)
    if _REGION.match(text):
        return _read_region(text)
    match = _MONTH_DAY.match(text)
    try:
        if match is None:
            return date.fromisoformat(text)
        date(2024, int(match[1]), int(match[2]))  # a leap year, so that 02-29 is a day
    except ValueError:
        raise ValueError(
            "is not a day: write 2026-12-25, 12-25 for every year, or FR for a country's public holidays"
        ) from None
    return text


def _read_region(text: str) -> str:
    """`FR`, or `FR-57` for a part of a country; any code will do where only mail is enqueued."""
    try:
        from holidays import list_supported_countries  # noqa: PLC0415 - only the workers have it
    except ImportError:
        return text
    country, _, part = text.partition("-")
    known = list_supported_countries()
    if country not in known:
        raise ValueError("is no country whose public holidays are known: write its code, as FR")
    if part and part not in known[country]:
        parts = ", ".join(f"{country}-{one}" for one in known[country]) or "none"
        raise ValueError(
            f"is no part of a country whose holidays are known; for {country} there are: {parts}"
        )
    return text


def read_holidays(value: Any) -> Any:
    """One of them may stand without a list: `holidays: FR`."""
    return [value] if isinstance(value, str | date) else value


TimeOfDay = Annotated[time, BeforeValidator(read_time)]
Holiday = Annotated[date | str, BeforeValidator(read_holiday)]


class QuietHours(Section):
    """From `start` until `end`, local time, nothing is sent; it waits. May run over midnight."""

    start: TimeOfDay = Field(default=time(20), description="From this local time on mail waits.")
    end: TimeOfDay = Field(default=time(8), description="Until this local time; what waited leaves then.")

    @model_validator(mode="after")
    def _leave_some_time(self) -> "QuietHours":
        if self.start == self.end:
            raise ValueError("start and end are the same time; leave quiet_hours empty to have none")
        return self


class SendingHours(Section):
    """What `reminders:` and `balances:` share: the hours and days on which a customer is written to."""

    quiet_hours: QuietHours | None = Field(
        default=QuietHours(), description="Local hours in which mail waits; `quiet_hours: null` for none."
    )
    weekdays: tuple[Weekday, ...] = Field(
        default=WEEKDAYS,
        min_length=1,
        description="Days on which mail may leave; [mon, tue, wed, thu, fri] for working days only.",
    )
    holidays: Annotated[tuple[Holiday, ...], BeforeValidator(read_holidays)] = Field(
        default=(),
        description="Days on which nothing leaves: FR for a country's public holidays, 2026-12-25, or 12-25 "
        "for every year; one of them, or a list.",
    )
