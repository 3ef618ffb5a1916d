"""Reads an expression, weakest binding first: or, xor, and, not, comparisons, sums, products, values."""

from collections.abc import Sequence
from typing import Any

from mailworker.templates.language.lexer import Word, words
from mailworker.templates.language.syntax import (
    NO_DEFAULT,
    Binary,
    Expression,
    Function,
    Literal,
    Unary,
    VariableLookup,
)
from mailworker.templates.language.template_error import TemplateError, bad_expression, too_much

NAMESPACES = frozenset({"var", "data", "mj", "segment"})
_MOST_NESTED = 40
#: Operators of one strength in a row, weakest first, each written the way that the evaluator knows it.
_LEVELS: tuple[dict[str, str], ...] = (
    {"or": "or", "xor": "xor"},
    {"and": "and"},
    {"=": "==", "==": "==", "===": "==", "!=": "!=", "<>": "!=", "<": "<", ">": ">", "<=": "<=", ">=": ">="},
    {"+": "+", "-": "-"},
    {"*": "*", "/": "/", "div": "div", "mod": "mod"},
)
_NOT_BEFORE = 2  # `not` binds weaker than the comparisons at this level
_SIGNED = len(_LEVELS)
_CONSTANTS: dict[str, Any] = {"true": True, "false": False}


def read_expression(text: str, source: str) -> Expression:
    """The expression of a `{{ }}` or of a statement; `source` is what error texts quote."""
    reader = _Reader(words(text, source), source)
    if not reader.words:
        raise reader.fault("Empty expression")
    expression = reader.level(0)
    if reader.peek() is not None:
        raise reader.fault("Unexpected end of expression")
    return expression


class _Reader:
    """A position in an expression's words."""

    def __init__(self, found: Sequence[Word], source: str) -> None:
        self.words = found
        self._source = source
        self._at = 0
        self._depth = 0

    def fault(self, what: str) -> TemplateError:
        """An error that quotes this expression."""
        return bad_expression(what, self._source)

    def peek(self) -> Word | None:
        """The next word, not yet taken."""
        return self.words[self._at] if self._at < len(self.words) else None

    def level(self, number: int) -> Expression:
        """Operands of this strength, joined from the left."""
        if number == _SIGNED:
            return self._signed()
        if number == _NOT_BEFORE and self._skip("not"):
            return Unary("not", self._deeper(number))
        left = self.level(number + 1)
        while (operator := self._operator(_LEVELS[number])) is not None:
            left = Binary(operator, left, self.level(number + 1))
        return left

    def _signed(self) -> Expression:
        return Unary("-", self._deeper(_SIGNED)) if self._skip("-") else self._value()

    def _value(self) -> Expression:
        word = self._take()
        if word.text == "(":
            inner = self._deeper(0)
            self._demand(")")
            return inner
        if _is_constant(word):
            return Literal(_constant(word))
        if word.kind != "name":
            raise self.fault(f"Unexpected {word.text}")
        return self._function(word.text) if self._skip("(") else self._lookup(word.text)

    def _function(self, name: str) -> Function:
        arguments: list[Expression] = []
        while not self._skip(")"):
            if arguments:
                self._demand(",")
            arguments.append(self._deeper(0))
        return Function(name, tuple(arguments))

    def _lookup(self, name: str) -> VariableLookup:
        namespace, colon, path = name.partition(":")
        if not colon:
            return VariableLookup("", tuple(name.split(".")))
        if namespace not in NAMESPACES:
            raise self.fault(f"Unknown identifier: {name}")
        return VariableLookup(namespace, tuple(path.split(".")), self._default())

    def _default(self) -> Any:
        if not self._skip(":"):
            return NO_DEFAULT
        negative = self._skip("-")
        word = self._take()
        if not _is_constant(word):
            raise self.fault("A default is a text, a number, true or false")
        return -_constant(word) if negative and word.kind == "number" else _constant(word)

    def _deeper(self, number: int) -> Expression:
        self._depth += 1
        if self._depth > _MOST_NESTED:
            raise too_much(f"an expression nested over {_MOST_NESTED} deep")
        expression = self.level(number)
        self._depth -= 1
        return expression

    def _operator(self, level: dict[str, str]) -> str | None:
        word = self.peek()
        if word is None or word.kind == "string" or word.text.lower() not in level:
            return None
        self._at += 1
        return level[word.text.lower()]

    def _take(self) -> Word:
        word = self.peek()
        if word is None:
            raise self.fault("Unexpected end of expression")
        self._at += 1
        return word

    def _skip(self, text: str) -> bool:
        return self._operator({text: text}) is not None

    def _demand(self, text: str) -> None:
        if not self._skip(text):
            raise self.fault(f"Missing {text}")


def _is_constant(word: Word) -> bool:
    return word.kind in ("number", "string") or word.text.lower() in _CONSTANTS


def _constant(word: Word) -> Any:
    if word.kind == "string":
        return word.text[1:-1]
    if word.kind == "number":
        return float(word.text) if "." in word.text else int(word.text)
    return _CONSTANTS[word.text.lower()]
