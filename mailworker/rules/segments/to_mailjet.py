"""An expression in Mailjet's words.

Mailjet's segmentation guide: every comparison stands in parentheses, and `not` in two pairs of them; `<>`
says "not equal" of texts and `!=` of numbers, and `IsBetweenNumbers` is for numbers where `Between` is for
dates.
"""

from collections.abc import Mapping

from mailworker.core.inert_markup import without_markup
from mailworker.rules.property_values import moment_text
from mailworker.rules.segments.syntax import Both, Compare, Either, Not, Segment, Test, Value

_FUNCTIONS = {
    "provided": "IsProvided",
    "contains": "Contains",
    "starts_with": "StartsWith",
    "ends_with": "EndsWith",
    "in_next_days": "IsInNextDays",
    "in_previous_days": "IsInPreviousDays",
}


def for_mailjet(segment: Segment, types: Mapping[str, str]) -> str:
    """The expression of a contact filter; empty for everybody."""
    match segment:
        case Compare():
            return f"({segment.name}{_sign(segment)}{_value(segment.value)})"
        case Test():
            return f"({_test(segment, types)})"
        case Not():
            return f"((not {_negated(segment.part, types)}))"
        case Both():
            return _joined(" AND ", segment.parts, types)
        case Either():
            return _joined(" OR ", segment.parts, types)


def _negated(part: Segment, types: Mapping[str, str]) -> str:
    """`IsProvided(date)` as the guide has it, and everything else in parentheses of its own."""
    text = for_mailjet(part, types)
    return text[1:-1] if isinstance(part, Compare | Test) else text


def _joined(word: str, parts: tuple[Segment, ...], types: Mapping[str, str]) -> str:
    texts = [for_mailjet(part, types) for part in parts]
    if len(texts) < 2:
        return "".join(texts)
    together = texts[0]
    for text in texts[1:]:  # in pairs: it is not documented how Mailjet reads three in a row
        together = f"({together}{word}{text})"
    return together


def _sign(leaf: Compare) -> str:
    return "<>" if leaf.operator == "!=" and isinstance(leaf.value, str) else leaf.operator


def _test(leaf: Test, types: Mapping[str, str]) -> str:
    if leaf.function == "between":
        dates = types[leaf.name] == "datetime"
        values = [f'"{moment_text(str(value))}"' if dates else _value(value) for value in leaf.values]
        return f"{'Between' if dates else 'IsBetweenNumbers'}({', '.join([leaf.name, *values])})"
    return f"{_FUNCTIONS[leaf.function]}({', '.join([leaf.name, *map(_value, leaf.values)])})"


def _value(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return f'"{without_markup(str(value))}"'  # as properties are written
