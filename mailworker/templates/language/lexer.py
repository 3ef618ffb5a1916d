"""Cuts a template into text, `{{ }}` and `{% %}`, and an expression into its words."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mailworker.templates.language.template_error import bad_expression, not_valid


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a template: `text`, `print` or `statement`, without its delimiters, and where it began."""

    kind: str
    text: str
    position: int


@dataclass(frozen=True, slots=True)
class Word:
    """A part of an expression: `number`, `string`, `name`, `operator`."""

    kind: str
    text: str


_OPENING = re.compile(r"\{\{|\{%")
_CLOSING = {"{{": "}}", "{%": "%}"}
_KIND = {"{{": "print", "{%": "statement"}

_WORD = re.compile(
    r"""\s*(?:
      (?P<number>\d+(?:\.\d+)?)
    | (?P<string>"[^"]*"|'[^']*')
    | (?P<name>[^\W\d][\w-]*(?::[^\W\d][\w-]*)?(?:\.[\w-]+)*)
    | (?P<operator>===|==|!=|<>|<=|>=|[-+*/=<>(),:])
    )""",
    re.VERBOSE,
)


def pieces(source: str) -> Iterator[Piece]:
    """The template's parts in order. Raises TemplateError for one that is not closed."""
    position = 0
    while found := _OPENING.search(source, position):
        if found.start() > position:
            yield Piece("text", source[position : found.start()], position)
        end = _closing(source, found.end(), _CLOSING[found.group()])
        if end < 0:
            raise not_valid(source, found.start())
        yield Piece(_KIND[found.group()], source[found.end() : end].strip(), found.start())
        position = end + 2
    if position < len(source):
        yield Piece("text", source[position:], position)


def words(expression: str, source: str) -> list[Word]:
    """The expression's words. Raises TemplateError at a character that belongs to none."""
    found: list[Word] = []
    position = 0
    text = expression.rstrip()
    while position < len(text):
        match = _WORD.match(text, position)
        if match is None:
            raise bad_expression("Unexpected character", source)
        kind = match.lastgroup or ""
        found.append(Word(kind, match.group(kind)))
        position = match.end()
    return found


def _closing(source: str, start: int, closing: str) -> int:
    """Where the delimiter closes, quoted text passed over; -1 where it never does."""
    quote = ""
    for position in range(start, len(source) - 1):
        letter = source[position]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif source.startswith(closing, position):
            return position
        elif source.startswith(("{{", "{%"), position):
            return -1
    return -1
