"""Does an expression hold for this contact?

A contact without the property is in no comparison of it, not even in `!=`; that is what `provided` is for.
"""

import operator
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from mailworker.rules.segments.syntax import Both, Compare, Either, Not, Segment, Test

_SIGNS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TEXT_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "contains": operator.contains,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
}


def holds(segment: Segment, properties: Mapping[str, Any], *, now: datetime) -> bool:
    """Whether the contact with these properties is in the segment. A value of another type is in none."""
    match segment:
        case Compare():
            return _compared(segment, properties.get(segment.name))
        case Test():
            return _tested(segment, properties.get(segment.name), now)
        case Not():
            return not holds(segment.part, properties, now=now)
        case Both():
            return all(holds(part, properties, now=now) for part in segment.parts)
        case Either():
            return any(holds(part, properties, now=now) for part in segment.parts)


def _compared(leaf: Compare, value: Any) -> bool:
    if value is None or _kind(value) is not _kind(leaf.value):
        return False
    return _SIGNS[leaf.operator](value, leaf.value)


def _kind(value: Any) -> type:
    return bool if isinstance(value, bool) else str if isinstance(value, str) else float


def _tested(leaf: Test, value: Any, now: datetime) -> bool:
    if leaf.function == "provided" or value is None:
        return value is not None
    if leaf.function == "between" and isinstance(leaf.values[0], float):
        return _kind(value) is float and bool(leaf.values[0] <= value <= leaf.values[1])
    if not isinstance(value, str):
        return False
    if text_test := _TEXT_TESTS.get(leaf.function):
        return text_test(value, str(leaf.values[0]))
    first, last = _span(leaf, now)
    try:
        return first <= _moment(value) <= last
    except ValueError:  # it was kept while the property was no date yet
        return False


def _span(leaf: Test, now: datetime) -> tuple[datetime, datetime]:
    """From when to when a date has to be."""
    if leaf.function == "between":
        return _moment(leaf.values[0]), _moment(leaf.values[1])
    days = timedelta(days=float(leaf.values[0]))
    return (now, now + days) if leaf.function == "in_next_days" else (now - days, now)


def _moment(text: Any) -> datetime:
    moment = datetime.fromisoformat(str(text))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
