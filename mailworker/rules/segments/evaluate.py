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
    match leaf.function:
        case "contains":
            return str(leaf.values[0]) in str(value)
        case "starts_with":
            return str(value).startswith(str(leaf.values[0]))
        case "ends_with":
            return str(value).endswith(str(leaf.values[0]))
        case "between":
            return _between(value, *leaf.values)
        case _:
            return _near(leaf, value, now)


def _between(value: Any, low: Any, high: Any) -> bool:
    if isinstance(value, str):
        moment = _moment(value)
        return moment is not None and _bound(low) <= moment <= _bound(high)
    return bool(low <= value <= high)


def _near(leaf: Test, value: Any, now: datetime) -> bool:
    span = timedelta(days=float(leaf.values[0]))
    moment = _moment(value)
    if moment is None:
        return False
    return now <= moment <= now + span if leaf.function == "in_next_days" else now - span <= moment <= now


def _moment(text: Any) -> datetime | None:
    """A property's moment; None where it was kept while it was no date yet."""
    try:
        return _bound(text)
    except ValueError:
        return None


def _bound(text: Any) -> datetime:
    moment = datetime.fromisoformat(str(text))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
