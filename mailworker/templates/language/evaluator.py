"""Renders a template that was read, for one recipient."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final

from mailworker.templates.language.functions import FUNCTIONS, Escaped
from mailworker.templates.language.syntax import (
    NO_DEFAULT,
    Binary,
    Expression,
    For,
    Function,
    If,
    Literal,
    Node,
    Print,
    Set,
    Text,
    Unary,
    VariableLookup,
)
from mailworker.templates.language.template_error import (
    TemplateError,
    bad_expression,
    no_value,
    not_an_array,
    too_much,
    unknown_identifier,
)
from mailworker.templates.language.value_conversion import (
    COMBINE,
    COMPARE,
    as_number,
    as_text,
    calculate,
    compare,
    elements,
)

_MOST_ROUNDS = 10_000
_MOST_LETTERS = 5_000_000
_MISSING: Final = object()
_SIMPLE = re.compile(r"\[\[\s*(var|data):([\w.-]+)(?::\"([^\"]*)\")?\s*\]\]")


@dataclass(slots=True)
class Scope:
    """The values that a template sees: namespaces, its own names, and how much it may still do.

    `escapes` is whether every printed value is made HTML by itself; `Escape()` does it in any case.
    """

    namespaces: Mapping[str, Mapping[str, Any]]
    escapes: bool
    names: dict[str, Any] = field(default_factory=dict)
    rounds: int = 0
    letters: int = 0

    def shown(self, value: Any) -> str:
        """A value as it goes into the mail."""
        text = as_text(value)
        return escape(text) if self.escapes and not isinstance(value, Escaped) else text


def evaluate(nodes: Iterable[Node], scope: Scope) -> str:
    """The rendered text. Raises TemplateError."""
    return "".join(_parts(nodes, scope))


def refuse_empty_loops(nodes: Iterable[Node], scope: Scope) -> None:
    """Raise TemplateError for a loop over an empty list of the mail's, whether a branch leads to it or not.

    A Mailjet employee calls that a known issue (mjmlio/mjml#676).
    """
    for node in nodes:
        match node:
            case If(branches):
                refuse_empty_loops((inner for branch in branches for inner in branch.body), scope)
            case For(_, VariableLookup("var", path) as over, body):
                if _find(scope.namespaces["var"], path) in ([], (), {}):
                    raise no_value(over.name)
                refuse_empty_loops(body, scope)


def personalise(text: str, scope: Scope) -> str:
    """Replace `[[var:x]]` and `[[data:x]]`; a missing one by its default or by nothing."""
    if "[[" not in text:
        return text

    def value(found: re.Match[str]) -> str:
        namespace, path, default = found.groups()
        present = _find(scope.namespaces.get(namespace, {}), path.split("."))
        return scope.shown(default or "" if present is _MISSING else present)

    return _SIMPLE.sub(value, text)


def _parts(nodes: Iterable[Node], scope: Scope) -> Iterator[str]:
    for node in nodes:
        for part in _rendered(node, scope):
            scope.letters += len(part)
            if scope.letters > _MOST_LETTERS:
                raise too_much(f"over {_MOST_LETTERS} characters")
            yield part


def _rendered(node: Node, scope: Scope) -> Iterable[str]:
    match node:
        case Text(text):
            return (personalise(text, scope),)
        case Print(expression, source):
            return (scope.shown(_value(expression, scope, source)),)
        case If():
            return (_branch(node, scope),)
        case For():
            return _rounds(node, scope)
        case Set(name, expression, source):
            scope.names[name] = _value(expression, scope, source)
            return ()


def _branch(node: If, scope: Scope) -> str:
    for branch in node.branches:
        if bool(_value(branch.condition, scope, branch.source)):
            return evaluate(branch.body, scope)
    return ""


def _rounds(node: For, scope: Scope) -> Iterator[str]:
    values = elements(_value(node.over, scope, node.source))
    name = node.over.name if isinstance(node.over, VariableLookup) else node.name
    if values is None:
        raise not_an_array(name)
    if not values:
        raise no_value(name)
    hidden = scope.names.get(node.name, _MISSING)
    for value in values:
        scope.rounds += 1
        if scope.rounds > _MOST_ROUNDS:
            raise too_much(f"loops of over {_MOST_ROUNDS} rounds in all")
        scope.names[node.name] = value
        yield evaluate(node.body, scope)
    if hidden is _MISSING:
        del scope.names[node.name]
    else:
        scope.names[node.name] = hidden


def _value(expression: Expression, scope: Scope, source: str) -> Any:
    match expression:
        case Literal(value):
            return value
        case VariableLookup():
            return _lookup(expression, scope, source)
        case Unary(operator, operand):
            return _unary(operator, _value(operand, scope, source), source)
        case Binary(operator, left, right):
            return _binary(operator, _value(left, scope, source), _value(right, scope, source), source)
        case Function(name, arguments):
            return _function(name, [_value(one, scope, source) for one in arguments], source)


def _lookup(lookup: VariableLookup, scope: Scope, source: str) -> Any:
    if lookup.namespace == "segment":
        return False
    values = scope.namespaces[lookup.namespace] if lookup.namespace else scope.names
    value = _find(values, lookup.path)
    if value is not _MISSING:
        return value
    if lookup.default is NO_DEFAULT:
        raise unknown_identifier(lookup.name, source)
    return lookup.default


def _find(values: Mapping[str, Any], path: Iterable[str]) -> Any:
    value: Any = values
    for key in path:
        if not isinstance(value, Mapping) or key not in value:
            return _MISSING
        value = value[key]
    return value


def _unary(operator: str, value: Any, source: str) -> Any:
    if operator == "not":
        return not value
    number = as_number(value)
    if number is None:
        raise _not_computable(source)
    return -number


def _binary(operator: str, left: Any, right: Any, source: str) -> Any:
    """Both sides are always computed, so that a missing variable is reported wherever it stands."""
    if operator in COMBINE:
        return COMBINE[operator](bool(left), bool(right))
    if operator in COMPARE:
        return compare(operator, left, right)
    result = calculate(operator, left, right)
    if result is None:
        raise _not_computable(source)
    return result


def _function(name: str, arguments: list[Any], source: str) -> Any:
    if name not in FUNCTIONS:
        raise unknown_identifier(name, source)
    count, function = FUNCTIONS[name]
    if len(arguments) != count:
        raise bad_expression(f"Wrong arguments for {name}", source)
    try:
        return function(*arguments)
    except (ValueError, OverflowError):
        raise bad_expression(f"Wrong arguments for {name}", source) from None


def _not_computable(source: str) -> TemplateError:
    return bad_expression("Value is not a number, or a division by zero", source)
