"""An expression's text, read into its parts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mailworker.core.did_you_mean import did_you_mean
from mailworker.errors import BadInput
from mailworker.rules.segments.syntax import Both, Compare, Either, Not, Segment, Test, Value

#: Our functions, and how many values each takes beside its property. `in` is written between.
FUNCTIONS = {
    "provided": 0,
    "contains": 1,
    "starts_with": 1,
    "ends_with": 1,
    "between": 2,
    "in_next_days": 1,
    "in_previous_days": 1,
}
#: Mailjet's own words for them (its segmentation guide).
_MAILJETS = {
    "isprovided": "provided",
    "startswith": "starts_with",
    "endswith": "ends_with",
    "isbetweennumbers": "between",
    "isinnextdays": "in_next_days",
    "isinpreviousdays": "in_previous_days",
}
LONGEST = 2000
_DEEPEST = 30
_WORD = re.compile(
    r"""\s*(?:(?P<text>"[^"]*"|'[^']*')|(?P<number>-?\d+(?:\.\d+)?(?![\w.]))|(?P<name>[A-Za-z_]\w*)"""
    r"""|(?P<sign>!=|<>|<=|>=|==|[=<>(),]))""",
    re.ASCII,
)
_SIGNS = {"=": "=", "==": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


@dataclass(frozen=True, slots=True)
class _Word:
    kind: str
    text: str
    at: int


def read_segment(text: str) -> Segment:
    """The expression's parts. Raises BadInput with the place of what cannot be read."""
    if len(text) > LONGEST:
        raise BadInput(f"segment: is longer than {LONGEST} characters.")
    reader = _Reader(list(_words(text)))
    found = reader.either(0)
    reader.end()
    return found


def _words(text: str) -> Iterator[_Word]:
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _WORD.match(text, position)
        if match is None:
            start = position + len(text[position:]) - len(text[position:].lstrip())
            raise BadInput(f'segment: cannot be read at character {start + 1}; texts stand in "quotes".')
        kind = str(match.lastgroup)
        yield _Word(kind, match[kind], match.start(kind) + 1)
        position = match.end()


def _property(word: _Word) -> str:
    """The name as properties have it, whatever capitals it was typed with."""
    return word.text.lower()


class _Reader:
    """Reads from left to right: or, and, not, then one comparison."""

    def __init__(self, words: list[_Word]) -> None:
        self._words = words
        self._next = 0

    def either(self, depth: int) -> Segment:
        parts = [self._both(depth)]
        while self._skip("or"):
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def end(self) -> None:
        if word := self._look():
            raise BadInput(f"segment: `{word.text}` at character {word.at} is too much; join with and, or.")

    def _both(self, depth: int) -> Segment:
        parts = [self._not(depth)]
        while self._skip("and"):
            parts.append(self._not(depth))
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _not(self, depth: int) -> Segment:
        if depth > _DEEPEST:
            raise BadInput(f"segment: is nested deeper than {_DEEPEST} levels.")
        if self._skip("not"):
            return Not(self._not(depth + 1))
        if self._skip("("):
            inside = self.either(depth + 1)
            self._demand(")")
            return inside
        return self._one()

    def _one(self) -> Segment:
        name = self._take("a property")
        if name.kind != "name":
            raise BadInput(f"segment: `{name.text}` at character {name.at} is no property's name.")
        if self._skip("("):
            return self._function(name)
        if self._skip("in"):
            self._demand("(")
            return Either(tuple(Compare(_property(name), "=", value) for value in self._values()))
        sign = self._take("a comparison like =")
        if sign.text not in _SIGNS:
            raise BadInput(f"segment: `{sign.text}` at character {sign.at} does not compare; write = or >=.")
        return Compare(_property(name), _SIGNS[sign.text], self._value())

    def _function(self, name: _Word) -> Segment:
        word = name.text.lower()
        known = _MAILJETS.get(word, word)
        if known not in FUNCTIONS:
            hint = did_you_mean(word, FUNCTIONS) or f"; there are {', '.join(FUNCTIONS)}."
            raise BadInput(f"segment: `{name.text}` at character {name.at} is no function{hint}")
        about = self._take("a property")
        if about.kind != "name":
            raise BadInput(f"segment: {known} wants a property first, not `{about.text}`.")
        if self._skip(","):
            values = self._values()
        else:
            values = ()
            self._demand(")")
        if len(values) != FUNCTIONS[known]:
            raise BadInput(f"segment: {known} wants a property and {FUNCTIONS[known]} values.")
        return Test(known, _property(about), values)

    def _values(self) -> tuple[Value, ...]:
        """Values up to and with the closing parenthesis."""
        found = [self._value()]
        while self._skip(","):
            found.append(self._value())
        self._demand(")")
        return tuple(found)

    def _value(self) -> Value:
        word = self._take("a value")
        if word.kind == "text":
            return word.text[1:-1]
        if word.kind == "number":
            return float(word.text)
        if word.text.lower() in {"true", "false"}:
            return word.text.lower() == "true"
        raise BadInput(f'segment: `{word.text}` at character {word.at} is no value; texts stand in "quotes".')

    def _look(self) -> _Word | None:
        return self._words[self._next] if self._next < len(self._words) else None

    def _take(self, what: str) -> _Word:
        word = self._look()
        if word is None:
            raise BadInput(f"segment: ends where {what} should stand.")
        self._next += 1
        return word

    def _skip(self, text: str) -> bool:
        """Whether the next word is this sign or name, which is read then; a text has its quotes about it."""
        word = self._look()
        found = word is not None and word.text.lower() == text
        self._next += found
        return found

    def _demand(self, sign: str) -> None:
        word = self._look()
        if not self._skip(sign):
            where = f"before `{word.text}` at character {word.at}" if word else "at the end"
            raise BadInput(f"segment: misses `{sign}` {where}.")
