"""The one reader of callers' JSON: fields are taken out, every fault is kept as a sentence, none stops it.

Sentences name fields, never what is in them: `contact.email: is missing.`
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Self

from mailworker.core.did_you_mean import did_you_mean
from mailworker.core.json_check import MAX_FAULTS, printable_name
from mailworker.core.safe_text import carriable, is_one_line

#: Far from the ends of the calendar, where adding a kind's lifetime would leave it.
EARLIEST_YEAR, LATEST_YEAR = 2000, 2200
#: Numbers beyond this lose digits in JSON readers that know only doubles (RFC 8259, section 6).
LARGEST = 10**15


class JsonFields:
    """One JSON object and the faults found in it. `where` is its path, such as `contacts[3].`"""

    #: What stands between a field's name and its sentence.
    after_name = ": "

    def __init__(self, raw: Mapping[str, Any], faults: list[str], where: str = "") -> None:
        self.raw = raw
        self.faults = faults
        self.where = where

    def below(self, raw: Mapping[str, Any], path: str) -> Self:
        """An object inside this one."""
        return type(self)(raw, self.faults, f"{self.where}{path}.")

    def fault(self, name: str, sentence: str) -> None:
        """Note what is wrong with a field."""
        self.faults.append(f"{self.where}{name}{self.after_name}{sentence}.")

    def refuse_unknown(self, known: Collection[str], what: str) -> None:
        """Note each field that `what`, such as `a contact`, does not have."""
        unknown = [name for name in self.raw if name not in known][:MAX_FAULTS]
        for name in unknown:
            hint = did_you_mean(str(name), known) or "."
            self.faults.append(f"{self.where}{printable_name(name)}: is not a field of {what}{hint}")

    def label(self, name: str, longest: int) -> str | None:
        """A short line of text, or a whole number written as one; None where it is not given, or wrong."""
        value = self.raw.get(name)
        if value is None:
            return None
        if not is_label(value, longest):
            self.fault(name, label_rule(longest))
            return None
        return str(value)

    def line(self, name: str, longest: int, *, required: bool = False) -> str:
        """A line of text; empty where it is not given, or wrong."""
        value = self.raw.get(name)
        if value is None and not required:
            return ""
        fits = isinstance(value, str) and len(value.strip()) <= longest and is_one_line(value)
        text = carriable(value).strip() if isinstance(value, str) and fits else ""
        if not fits or (required and not text):
            self.fault(name, f"must be one line of text, at most {longest} characters")
        return text

    def moment(self, name: str) -> datetime | None:
        """A moment from ISO 8601 text or an aware datetime, in UTC; None where it is not given, or wrong."""
        value = self.raw.get(name)
        if value is None:
            return None
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        except (TypeError, ValueError):
            self.fault(name, "write a moment like 2026-11-30T09:00:00+01:00")
            return None
        if moment.tzinfo is None:
            self.fault(name, "needs its time zone, like 2026-11-30T09:00:00+01:00")
            return None
        if not EARLIEST_YEAR < moment.year < LATEST_YEAR:
            self.fault(name, f"must lie between the years {EARLIEST_YEAR} and {LATEST_YEAR}")
            return None
        return moment.astimezone(UTC)

    def flag(self, name: str) -> bool | None:
        """True or false; None where it is not given."""
        value = self.raw.get(name)
        if value is None or isinstance(value, bool):
            return value
        self.fault(name, "must be true or false")
        return None

    def object(self, name: str) -> Self | None:
        """The object of this name; None where there is none, with a fault where it is something else."""
        value = self.raw.get(name)
        if isinstance(value, Mapping):
            return self.below(value, name)
        if value not in (None, ""):
            self.fault(name, "must be an object")
        return None


def is_label(value: Any, longest: int) -> bool:
    """Whether this is a short line of text, or a whole number that can be written as one."""
    if isinstance(value, int):
        return not isinstance(value, bool) and abs(value) < LARGEST
    return isinstance(value, str) and bool(value.strip()) and len(value) <= longest and is_one_line(value)


def label_rule(longest: int) -> str:
    """What a label has to be."""
    return f"must be one line of text of 1 to {longest} characters"
