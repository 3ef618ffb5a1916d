"""Which values does a template print into HTML unescaped, where their text would become markup?

Mailjet is not documented to escape what `{{ }}` prints, and its reference has a function for it: `Escape`.
"""

import re
from collections.abc import Collection, Iterable, Iterator

from mailworker.templates.language.parser import parse
from mailworker.templates.language.syntax import (
    Binary,
    Expression,
    For,
    Function,
    If,
    Literal,
    Node,
    Print,
    Text,
    Unary,
    VariableLookup,
)

#: What these give is never markup: escaped text, percent-encoded text, numbers, true and false.
_SAFE_FUNCTIONS = frozenset({"Escape", "UrlEncode", "Int", "Round", "HasOpenedSince", "HasClickedSince"})
#: Links of Mailjet's own making, and the ids that it gives.
_SAFE_NAMES = re.compile(r"mj:(?:unsub_link|share_)\w*|mj:(?:contact|sender|template)\.ID|segment:.*")
_LINKED = re.compile(
    r"\b(?:href|src)\s*=\s*[\"']?\s*(?:\{\{|\[\[)\s*(?:\w+\(\s*)?var:([\w-]+)", re.IGNORECASE
)
_SIMPLE = re.compile(r"\[\[\s*((?:var|data):[\w.-]+)")


def unescaped_prints(html: str, plain: Collection[str] = ()) -> tuple[str, ...]:
    """What the template prints of somebody's text without `Escape`, each once, in order.

    `plain` names variables that can hold no markup, such as whole numbers. `[[var:x]]` cannot be escaped at
    all. Raises TemplateError for a template that cannot be read.
    """
    return tuple(dict.fromkeys(_of_nodes(parse(html), frozenset(plain))))


def _of_nodes(nodes: Iterable[Node], plain: frozenset[str]) -> Iterator[str]:
    for node in nodes:
        match node:
            case Text(text):
                yield from (f"[[{name}]]" for name in _SIMPLE.findall(text))
            case Print(expression):
                if not _is_safe(expression, plain):
                    yield from _names(expression)
            case If(branches):
                yield from _of_nodes((inner for branch in branches for inner in branch.body), plain)
            case For(_, _, body):
                yield from _of_nodes(body, plain)


def _is_safe(expression: Expression, plain: frozenset[str]) -> bool:
    match expression:
        case Literal():
            return True
        case VariableLookup("var", (name,)):
            return name in plain
        case VariableLookup():
            return _SAFE_NAMES.fullmatch(expression.name) is not None
        case Function(name, arguments):
            return name in _SAFE_FUNCTIONS or all(_is_safe(one, plain) for one in arguments)
        case Binary("+", left, right):  # joins texts, too
            return _is_safe(left, plain) and _is_safe(right, plain)
        case Binary() | Unary():
            return True


def _names(expression: Expression) -> Iterator[str]:
    """The names in an expression that are printed as they are."""
    match expression:
        case VariableLookup():
            yield expression.name
        case Function(name, arguments) if name not in _SAFE_FUNCTIONS:
            for argument in arguments:
                yield from _names(argument)
        case Binary("+", left, right):
            yield from _names(left)
            yield from _names(right)
        case _:
            return


def linked_variables(html: str) -> tuple[str, ...]:
    """The variables that stand at the beginning of an `href` or `src`, each once, in order."""
    return tuple(dict.fromkeys(_LINKED.findall(html)))
