"""Does an expression ask for properties that there are, in the way of their types?"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from mailworker.core.calendar_range import within_calendar
from mailworker.core.did_you_mean import did_you_mean
from mailworker.errors import BadInput
from mailworker.rules.segments.parser import read_segment
from mailworker.rules.segments.syntax import Both, Compare, Either, Not, Segment, Test, Value

_NUMBERS = {"int", "float"}
_TEXT_TESTS = {"contains", "starts_with", "ends_with"}
_DATE_TESTS = {"in_next_days", "in_previous_days"}


def check_segment(text: str, types: Mapping[str, str]) -> Segment:
    """Read an expression and check it against the properties' types (str, int, float, bool, datetime).

    Raises BadInput with every fault.
    """
    if not text.strip():
        raise BadInput("segment: is empty; write an expression, or give everybody (--everybody).")
    segment = read_segment(text)
    faults = list(dict.fromkeys(_faults(segment, types)))
    if faults:
        raise BadInput(faults)
    return segment


def leaves(segment: Segment) -> Iterator[Compare | Test]:
    """Every comparison and test in it."""
    if isinstance(segment, Not):
        yield from leaves(segment.part)
    elif isinstance(segment, Both | Either):
        for part in segment.parts:
            yield from leaves(part)
    else:
        yield segment


def _faults(segment: Segment, types: Mapping[str, str]) -> Iterator[str]:
    for leaf in leaves(segment):
        kind = types.get(leaf.name)
        if kind is None:
            hint = did_you_mean(leaf.name, types) or f"; there are {', '.join(sorted(types))}."
            yield f"segment: there is no property {leaf.name}{hint}"
            continue
        fault = _compare_fault(leaf, kind) if isinstance(leaf, Compare) else _test_fault(leaf, kind)
        if fault:
            yield f"segment: {leaf.name} {fault}"
        values = [leaf.value] if isinstance(leaf, Compare) else leaf.values
        if any(isinstance(value, str) and ('"' in value or "\\" in value) for value in values):
            odd = 'a text that has " or \\ in it, which Mailjet cannot read.'
            yield f"segment: {leaf.name} is compared with {odd}"


def _compare_fault(leaf: Compare, kind: str) -> str | None:
    if kind == "datetime":
        return "is a date; write between(name, from, to), in_next_days(name, 7) or in_previous_days(name, 7)."
    if leaf.operator not in {"=", "!="} and kind not in _NUMBERS:
        return f"is a {_word(kind)}, which is neither less nor more; use = or !=."
    return _value_fault(leaf.value, kind)


def _test_fault(leaf: Test, kind: str) -> str | None:
    if leaf.function in _TEXT_TESTS:
        return f"is a {_word(kind)}, and {leaf.function} asks texts." if kind != "str" else _text_fault(leaf)
    if leaf.function in _DATE_TESTS:
        if kind != "datetime":
            return f"is a {_word(kind)}, and {leaf.function} asks dates."
        days = leaf.values[0]
        whole = isinstance(days, float) and days.is_integer() and 0 < days <= 3650
        return None if whole else "wants a number of days, from 1 to 3650."
    if leaf.function == "between":
        if kind not in {*_NUMBERS, "datetime"}:
            return f"is a {_word(kind)}, and between asks numbers and dates."
        return next((fault for value in leaf.values if (fault := _value_fault(value, kind))), None)
    return None


def _text_fault(leaf: Test) -> str | None:
    return _value_fault(leaf.values[0], "str") or (
        "is compared with nothing." if not leaf.values[0] else None
    )


def _value_fault(value: Value, kind: str) -> str | None:
    if kind == "bool":
        return None if isinstance(value, bool) else "is yes or no; compare it with true or false."
    if kind in _NUMBERS:
        is_number = isinstance(value, float)
        return None if is_number else "is a number; compare it with a number, without quotes."
    if not isinstance(value, str):
        return f'is a {_word(kind)}; compare it with "text in quotes".'
    if kind == "datetime" and not _is_moment(value):
        return 'is a date; compare it with one like "2026-11-30".'
    return None


def _is_moment(text: str) -> bool:
    try:
        within_calendar(datetime.fromisoformat(text))
    except ValueError:
        return False
    return True


def _word(kind: str) -> str:
    words = {"str": "text", "int": "number", "float": "number", "bool": "yes-or-no", "datetime": "date"}
    return words.get(kind, kind)
