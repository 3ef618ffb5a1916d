"""Mailjet's template language: render a template here as Mailjet will, and list what it needs.

Stand-ins, since Mailjet does not document them: values are printed as they are unless `escapes` is asked for;
a loop over an object runs over its values; both sides of `and` and `or` are computed; the bounds on nesting,
rounds and length.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mailworker.templates.language.evaluator import Scope, evaluate, personalise
from mailworker.templates.language.parser import parse
from mailworker.templates.language.syntax import (
    NO_DEFAULT,
    Binary,
    Branch,
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
from mailworker.templates.language.template_error import TemplateError

__all__ = ["TemplateContact", "TemplateError", "VariableUse", "render", "render_simple", "variable_uses"]


@dataclass(frozen=True, slots=True)
class TemplateContact:
    """The recipient as a template sees it: `mj:contact.*`, and `data:` for its properties."""

    email: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    number: int = 0
    properties: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class VariableUse:
    """A `var:` name in a template. `has_default` only where every use of it has one."""

    name: str
    has_default: bool


def render(
    source: str,
    variables: Mapping[str, Any],
    *,
    contact: TemplateContact | None = None,
    escapes: bool = False,
) -> str:
    """The text that the recipient gets; `escapes` makes every printed value HTML by itself.

    Raises TemplateError, in Mailjet's words, for a template that is wrong or a variable that is missing.
    """
    return evaluate(parse(source), _scope(variables, contact, escapes=escapes))


def render_simple(
    source: str,
    variables: Mapping[str, Any],
    *,
    contact: TemplateContact | None = None,
    escapes: bool = False,
) -> str:
    """Replace `[[var:x]]` only, as Mailjet does where the template language is off; `{{ }}` stays."""
    return personalise(source, _scope(variables, contact, escapes=escapes))


def variable_uses(source: str) -> tuple[VariableUse, ...]:
    """The variables that a template asks for, in the order of their first use. Raises TemplateError."""
    found: dict[str, bool] = {}
    for name, has_default in _uses(parse(source)):
        found[name] = found.get(name, True) and has_default
    return tuple(VariableUse(name, has_default) for name, has_default in found.items())


def _scope(variables: Mapping[str, Any], contact: TemplateContact | None, *, escapes: bool) -> Scope:
    person = contact or TemplateContact()
    local, _, domain = person.email.partition("@")
    mailjet = {
        "contact": {
            "ID": person.number,
            "email": person.email,
            "local_part": local,
            "domain": domain,
            "name": person.name,
        },
        "unsub_link": "#unsubscribe",
        "unsub_link_fr": "#unsubscribe",
        "unsub_link_en": "#unsubscribe",
    }
    return Scope({"var": variables, "data": person.properties, "mj": mailjet}, escapes)


_SIMPLE_VARIABLE = re.compile(r"\[\[\s*var:([\w-]+)")


def _uses(nodes: Iterable[Node]) -> Iterator[tuple[str, bool]]:
    for node in nodes:
        match node:
            case Text(text):
                yield from ((name, True) for name in _SIMPLE_VARIABLE.findall(text))
            case Print(expression) | Set(_, expression):
                yield from _expression_uses(expression)
            case If(branches):
                yield from _branch_uses(branches)
            case For(_, over, body):
                yield from _expression_uses(over)
                yield from _uses(body)


def _branch_uses(branches: Iterable[Branch]) -> Iterator[tuple[str, bool]]:
    for branch in branches:
        yield from _expression_uses(branch.condition)
        yield from _uses(branch.body)


def _expression_uses(expression: Expression) -> Iterator[tuple[str, bool]]:
    match expression:
        case VariableLookup("var", path, default):
            yield path[0], default is not NO_DEFAULT
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
