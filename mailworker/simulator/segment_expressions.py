"""Segment expressions: read strictly, every atom in parentheses, and asked of one contact.

Stand-ins: how strict Mailjet's own parser is (its guide wants `not` in "an additional set of parentheses",
and so it is here unless asked to be loose); `hasopenedsince`, `hasclickedsince` and the date functions are
read but hold for nobody.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_WORD = re.compile(
    r"""\s*(?:(?P<string>"[^"]*"|'[^']*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_]\w*)"""
    r"""|(?P<operator>!=|<>|<=|>=|[=<>(),]))"""
)
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: bool(left == right),
    "!=": lambda left, right: bool(left != right),
    "<>": lambda left, right: bool(left != right),
    "<": lambda left, right: bool(left < right),
    "<=": lambda left, right: bool(left <= right),
    ">": lambda left, right: bool(left > right),
    ">=": lambda left, right: bool(left >= right),
}
_CONSTANTS: Mapping[str, bool] = {"true": True, "false": False}
_MOST_NESTED = 40

Contact = Mapping[str, Any]
Test = Callable[[Contact], bool]


class SegmentError(ValueError):
    """The expression cannot be read; the text shows where."""


@dataclass(frozen=True, slots=True)
class _Word:
    kind: str
    text: str


def read_segment(expression: str, known: Collection[str] | None = None, *, loose: bool = False) -> Test:
    """A test for a contact's properties.

    Raises SegmentError, also for a property that is not `known`, where that is given.
    """
    reader = _Reader(_words(expression), loose=loose)
    test = reader.joined(0)
    if reader.left():
        raise SegmentError(f"unexpected {reader.left()[0].text}")
    unknown = sorted(reader.names - set(known)) if known is not None else []
    if unknown:
        raise SegmentError(f"unknown property {unknown[0]}")
    return test


def _words(expression: str) -> list[_Word]:
    found: list[_Word] = []
    position = 0
    text = expression.rstrip()
    while position < len(text):
        match = _WORD.match(text, position)
        if match is None:
            raise SegmentError(f"unexpected character at {position + 1}")
        kind = match.lastgroup or ""
        found.append(_Word(kind, match.group(kind)))
        position = match.end()
    return found


class _Reader:
    def __init__(self, words: Sequence[_Word], *, loose: bool) -> None:
        self.names: set[str] = set()
        self._words = words
        self._loose = loose
        self._at = 0

    def left(self) -> Sequence[_Word]:
        """The words not yet read."""
        return self._words[self._at :]

    def joined(self, depth: int) -> Test:
        """Parenthesised terms, joined by AND and OR from the left."""
        if depth > _MOST_NESTED:
            raise SegmentError("nested too deep")
        test, bare_not = self._term(depth)
        alone = True
        while self._next().lower() in ("and", "or"):
            alone = False
            operator = self._take().text.lower()
            right, right_bare = self._term(depth)
            test, bare_not = _both(operator, test, right), bare_not or right_bare
        if bare_not and not self._loose and not (alone and depth):
            raise SegmentError("`not` stands in an additional set of parentheses: ((not IsProvided(date)))")
        return test

    def _term(self, depth: int) -> tuple[Test, bool]:
        """A test in parentheses, and whether it is a `not` whose only parentheses these are."""
        if self._loose and self._next() != "(":
            return self._atom(), False
        self._demand("(")
        negated = self._next().lower() == "not"
        if negated:
            self._take()
            test = _negated(self._term(depth + 1)[0] if self._next() == "(" else self._atom())
        else:
            test = self.joined(depth + 1) if self._next() == "(" else self._atom()
        self._demand(")")
        return test, negated

    def _atom(self) -> Test:
        name = self._take()
        if name.kind != "name":
            raise SegmentError(f"expected a property or a function, found {name.text}")
        if self._next() == "(":
            test = _function(name.text, self._arguments())
            if self._next() in _COMPARE:
                self._take()
                self._value()
            return test
        operator = self._take().text
        if operator not in _COMPARE:
            raise SegmentError(f"expected a comparison after {name.text}")
        self.names.add(name.text)
        return _comparison(name.text, operator, self._value())

    def _arguments(self) -> list[Any]:
        self._demand("(")
        found: list[Any] = []
        while self._next() != ")":
            if found:
                self._demand(",")
            found.append(self._value())
        self._demand(")")
        return found

    def _value(self) -> Any:
        word = self._take()
        if word.kind == "string":
            return word.text[1:-1]
        if word.kind == "number":
            return float(word.text)
        if word.kind != "name":
            raise SegmentError(f"expected a value, found {word.text}")
        if self._next() == "(":
            self._arguments()
            return word.text
        if word.text.lower() in _CONSTANTS:
            return _CONSTANTS[word.text.lower()]
        self.names.add(word.text)
        return word.text

    def _next(self) -> str:
        return self._words[self._at].text if self._at < len(self._words) else ""

    def _take(self) -> _Word:
        if self._at >= len(self._words):
            raise SegmentError("unexpected end")
        self._at += 1
        return self._words[self._at - 1]

    def _demand(self, text: str) -> None:
        word = self._take()
        if word.text != text:
            raise SegmentError(f"expected {text}, found {word.text}; every comparison stands in parentheses")


def _both(operator: str, left: Test, right: Test) -> Test:
    if operator == "and":
        return lambda contact: left(contact) and right(contact)
    return lambda contact: left(contact) or right(contact)


def _negated(test: Test) -> Test:
    return lambda contact: not test(contact)


def _comparison(name: str, operator: str, wanted: Any) -> Test:
    def test(contact: Contact) -> bool:
        value = contact.get(name)
        if value is None:
            return False
        try:
            return _COMPARE[operator](value, wanted)
        except TypeError:
            return False

    return test


def _text(contact: Contact, name: Any) -> str:
    return str(contact.get(str(name), ""))


_FUNCTIONS: Mapping[str, tuple[int, Callable[..., bool]]] = {
    "isprovided": (1, lambda contact, name: name in contact),
    "startswith": (2, lambda contact, name, text: _text(contact, name).startswith(str(text))),
    "endswith": (2, lambda contact, name, text: _text(contact, name).endswith(str(text))),
    "contains": (2, lambda contact, name, text: str(text) in _text(contact, name)),
    "isbetweennumbers": (3, lambda contact, name, low, high: low <= float(contact.get(name, "nan")) <= high),
    "between": (3, lambda contact, name, low, high: str(low) <= _text(contact, name) <= str(high)),
    "isinnextdays": (2, lambda *_: False),
    "isinpreviousdays": (2, lambda *_: False),
    "hasopenedsince": (1, lambda *_: False),
    "hasclickedsince": (1, lambda *_: False),
    "todate": (1, lambda *_: False),
    "formatdatetime": (2, lambda *_: False),
    "formatdatetimetz": (3, lambda *_: False),
}


def _function(name: str, arguments: Sequence[Any]) -> Test:
    known = _FUNCTIONS.get(name.lower())
    if known is None or known[0] != len(arguments):
        raise SegmentError(f"unknown function, or wrong number of arguments: {name}")
    return lambda contact: known[1](contact, *arguments)
