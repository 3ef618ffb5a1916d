"""Which variables a template in Mailjet's language asks for, and which of them it can do without."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mailworker.templates.language.parser import parse
from mailworker.templates.language.syntax import (
    NO_DEFAULT,
    Binary,
    Expression,
    For,
    Function,
    If,
    Node,
    Print,
    Set,
    Text,
    Unary,
    VariableLookup,
)

_SIMPLE_VARIABLE = re.compile(r"\[\[\s*(var|data):([\w-]+)")


@dataclass(frozen=True, slots=True)
class VariableUse:
    """A name in a template. `has_default` only where every use of it has one."""

    name: str
    has_default: bool


def variable_uses(*sources: str, namespace: str = "var") -> tuple[VariableUse, ...]:
    """The names that these parts of a template ask for, in the order of their first use.

    The namespace `data` has a contact's properties. Raises TemplateError.
    """
    found: dict[str, bool] = {}
    for of, name, has_default in (use for source in sources for use in _uses(parse(source))):
        if of == namespace:
            found[name] = found.get(name, True) and has_default
    return tuple(VariableUse(name, has_default) for name, has_default in found.items())


def _uses(nodes: Iterable[Node]) -> Iterator[tuple[str, str, bool]]:
    for node in nodes:
        match node:
            case Text(text):
                yield from ((of, name, True) for of, name in _SIMPLE_VARIABLE.findall(text))
            case Print(expression) | Set(_, expression):
                yield from _expression_uses(expression)
            case If(branches):
                for branch in branches:
                    yield from _expression_uses(branch.condition)
                    yield from _uses(branch.body)
            case For(_, over, body):
                yield from _expression_uses(over)
                yield from _uses(body)


def _expression_uses(expression: Expression) -> Iterator[tuple[str, str, bool]]:
    match expression:
        case VariableLookup(namespace, path, default):
            yield namespace, path[0], default is not NO_DEFAULT
        case Unary(_, operand):
            yield from _expression_uses(operand)
        case Binary(_, left, right):
            yield from _expression_uses(left)
            yield from _expression_uses(right)
        case Function(_, arguments):
            for argument in arguments:
                yield from _expression_uses(argument)
        case _:
            return
