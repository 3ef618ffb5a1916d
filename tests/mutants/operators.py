"""The mutations of a module: each takes a syntax tree's node and makes it decide otherwise.

What decides nothing is passed over: types, docstrings and log lines.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.mutants.changes import Members, changes, is_mere_assertion

#: Parts of the tree that decide nothing: types, and the words of an assertion.
_SILENT = {"annotation", "returns", "decorator_list", "msg", "type_params"}
#: What only writes for people: how a log line, a help text or a metric looks is no decision.
_LOGS = {"log", "logger", "logging", "warnings", "structlog"}
#: Calls whose words are types.
_TYPES = {"Field", "TypeVar", "NewType", "Annotated", "cast", "ParamSpec"}


@dataclass(frozen=True, slots=True)
class Mutation:
    """One place and what happens to it. `function` is the line of the outermost function it stands in, 0 outside."""

    number: int
    line: int
    statement: int
    function: int
    what: str


def mutations(tree: ast.Module) -> Iterator[Mutation]:
    """Every mutation of this module. The numbers are stable for the same source."""
    for number, (node, what, _, statement, function) in enumerate(_places(tree)):
        yield Mutation(number, node.lineno, statement, function, what)


def mutate(tree: ast.Module, wanted: int) -> ast.Module:
    """The module with mutation number `wanted`."""
    for number, (_, _, change, _, _) in enumerate(_places(tree)):
        if number == wanted:
            change()
            return ast.fix_missing_locations(tree)
    raise IndexError(wanted)


def _places(tree: ast.Module) -> Iterator[tuple[ast.expr | ast.stmt, str, Callable[[], None], int, int]]:
    members = _members(tree)
    for node, statement, function in list(_walk(tree, 0, 0)):
        for what, change in changes(node, members):
            yield node, what, change, statement, function


def _members(tree: ast.Module) -> Members:
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if name[0].isupper() and attr.isupper():
                found.setdefault(name, set()).add(attr)
    return {name: sorted(attrs) for name, attrs in found.items()}


def _walk(node: ast.AST, statement: int, function: int) -> Iterator[tuple[ast.AST, int, int]]:
    """Every node that decides, with the lines of its statement and of its outermost function."""
    if isinstance(node, ast.stmt):
        statement = node.lineno
    yield node, statement, function
    inner = function
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not function:
        inner = node.lineno
    for name, value in ast.iter_fields(node):
        if name in _SILENT:
            continue
        within = function if name == "args" and isinstance(node, ast.FunctionDef) else inner
        for child in value if isinstance(value, list) else [value]:
            words = isinstance(node, ast.JoinedStr) and isinstance(child, ast.Constant)
            ends = isinstance(node, ast.FunctionDef) and child is node.body[-1] and _gives_none(child)
            if isinstance(child, ast.AST) and not words and not ends and not _is_silent(child):
                yield from _walk(child, statement, within)


def _gives_none(node: ast.AST) -> bool:
    """Whether it returns what a function gives that ends without it."""
    return isinstance(node, ast.Return) and isinstance(node.value, ast.Constant) and node.value.value is None


def _is_silent(node: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name)))):
            return name in _LOGS
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__" | "__slots__")]):
            return True
        case ast.keyword():
            return is_mere_assertion(node)
        case ast.Call(func=ast.Name(id=name)):
            return name in _TYPES
        case ast.Subscript(value=ast.Name(id="Annotated" | "Literal" | "Callable")):
            return True
        case _:
            return False
