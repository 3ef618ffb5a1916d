"""The mutations: each takes a syntax tree's node and makes it decide otherwise.

Kinds: a comparison with its edge moved or turned round; one operand of and/or left out; `not` left out; sums turned
round; constants moved by one; min for max; branches swapped; two arguments swapped; a keyword argument or a method
call in a chain left out; a statement, a guard or a `raise` left out; None returned.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARISONS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_ARITHMETIC = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
}
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
#: What they give back could stand in for what they were called on.
_SHAPING = {
    "lower",
    "upper",
    "strip",
    "casefold",
    "removeprefix",
    "removesuffix",
    "replace",
    "rstrip",
    "lstrip",
}
_ROUNDING = {"sorted", "abs", "round", "reversed", "set"}
#: Parts of the tree that decide nothing: types, and the words of an error.
_SILENT = {"annotation", "returns", "decorator_list", "msg", "exc", "cause", "type_params"}
#: What only writes for people: how a log line, a help text or a metric looks is no decision.
_LOGS = {"log", "logger", "logging", "warnings", "structlog"}


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
    for number, (node, what, statement, function) in enumerate(_places(tree)):
        yield Mutation(number, node.lineno, statement, function, what)


def mutate(tree: ast.Module, wanted: int) -> ast.Module:
    """The module with mutation number `wanted`."""
    for number, (node, what, _, _) in enumerate(_places(tree)):
        if number == wanted:
            _apply(node, what)
            return ast.fix_missing_locations(tree)
    raise IndexError(wanted)


def _places(tree: ast.Module) -> list[tuple[ast.expr | ast.stmt, str, int, int]]:
    found = []
    for node, statement, function in _walk(tree, 0, 0):
        if isinstance(node, ast.expr | ast.stmt):
            found += [(node, what, statement, function) for what in _variants(node)]
    return found


def _walk(node: ast.AST, statement: int, function: int) -> Iterator[tuple[ast.AST, int, int]]:
    """Every node that decides, with the lines of its statement and of its outermost function."""
    if isinstance(node, ast.stmt):
        statement = node.lineno
    yield node, statement, function
    inner = function
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not function:
        inner = node.lineno
    for name, value in ast.iter_fields(node):
        if name in _SILENT and not (name == "cause" and isinstance(node, ast.Raise)):
            continue
        within = function if name == "args" and isinstance(node, ast.FunctionDef) else inner
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_silent(child):
                yield from _walk(child, statement, within)


def _is_silent(node: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name)))):
            return name in _LOGS
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.keyword(arg="strict", value=ast.Constant()):  # of zip: only asserts what always holds
            return True
        case ast.Call(func=ast.Name(id="Field" | "TypeVar" | "NewType" | "Annotated")):
            return True
        case ast.Subscript(value=ast.Name(id="Annotated" | "Literal" | "Callable")):
            return True
        case _:
            return False


def _variants(node: ast.expr | ast.stmt) -> list[str]:
    return _expression(node) if isinstance(node, ast.expr) else _statement(node)


def _expression(node: ast.expr) -> list[str]:
    match node:
        case ast.Compare(ops=[op, *_]) if type(op) in _COMPARISONS:
            return ["comparison"]
        case ast.BoolOp():
            return ["and/or"] + [f"operand {n} dropped" for n in range(len(node.values))]
        case ast.UnaryOp(op=ast.Not()):
            return ["not dropped"]
        case ast.UnaryOp(op=ast.USub()):
            return ["minus dropped"]
        case ast.BinOp(op=op) if type(op) in _ARITHMETIC and not _is_text(node):
            return ["arithmetic"]
        case ast.Constant(value=bool()):
            return ["constant"]
        case ast.Constant(value=int() | float()):
            return ["number + 1"]
        case ast.IfExp():
            return ["branches swapped"]
        case ast.Call():
            return _call(node)
        case _:
            return []


def _call(node: ast.Call) -> list[str]:
    found = [f"keyword {k.arg} dropped" for k in node.keywords if k.arg is not None and not _is_silent(k)]
    match node:
        case ast.Call(func=ast.Name(id=name), args=[_, *_]) if name in _NAMES:
            found.append(f"{name} -> {_NAMES[name]}")
        case ast.Call(func=ast.Name(id=name), args=[_]) if name in _ROUNDING:
            found.append(f"{name} dropped")
        case ast.Call(func=ast.Attribute(attr=name)) if name in _SHAPING:
            found.append(f".{name}() dropped")
        case ast.Call(args=[ast.Name(id=one), ast.Name(id=two), *_]) if one != two and _positional(node):
            found.append("arguments swapped")
        case _:
            pass
    return found


def _positional(node: ast.Call) -> bool:
    return not (isinstance(node.func, ast.Name) and node.func.id in {"isinstance", "getattr", "hasattr"})


def _statement(node: ast.stmt) -> list[str]:
    match node:
        case ast.Return(value=value):
            return ["return dropped"] if value is None or _is_none(value) else ["returns None"]
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Raise():
            return ["statement dropped"]
        case ast.Assign(targets=[ast.Subscript() | ast.Attribute()]):
            return ["statement dropped"]
        case ast.If(orelse=[], body=[*_, ast.Return() | ast.Raise() | ast.Continue() | ast.Break()]):
            return ["guard dropped"]
        case ast.Continue():
            return ["continue -> break"]
        case ast.Break():
            return ["break -> continue"]
        case _:
            return []


def _is_text(node: ast.BinOp) -> bool:
    return any(
        isinstance(n, ast.JoinedStr) or (isinstance(n, ast.Constant) and isinstance(n.value, str))
        for n in ast.walk(node)
    )


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _apply(node: ast.expr | ast.stmt, what: str) -> None:
    if isinstance(node, ast.Call):
        _apply_to_call(node, what)
    elif isinstance(node, ast.stmt):
        _apply_to_statement(node, what)
    else:
        _apply_to_expression(node, what)


def _apply_to_expression(node: ast.expr, what: str) -> None:
    match node:
        case ast.Compare():
            node.ops[0] = _COMPARISONS[type(node.ops[0])]()
        case ast.BoolOp() if what == "and/or":
            node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        case ast.BoolOp():
            del node.values[int(what.split()[1])]
            if len(node.values) == 1:
                _replace(node, node.values[0])
        case ast.UnaryOp(op=ast.Not()):
            _replace(node, ast.Call(ast.Name("bool", ast.Load()), [node.operand], []))
        case ast.UnaryOp():
            _replace(node, node.operand)
        case ast.BinOp():
            node.op = _ARITHMETIC[type(node.op)]()
        case ast.Constant(value=bool()):
            node.value = not node.value
        case ast.Constant():
            node.value += 1
        case ast.IfExp():
            node.body, node.orelse = node.orelse, node.body


def _apply_to_call(node: ast.Call, what: str) -> None:
    match what.split():
        case ["keyword", name, "dropped"]:
            node.keywords = [k for k in node.keywords if k.arg != name]
        case ["arguments", "swapped"]:
            node.args[:2] = node.args[1::-1]
        case [_, "dropped"]:
            _replace(node, node.func.value if isinstance(node.func, ast.Attribute) else node.args[0])
        case [_, "->", other]:
            node.func = ast.Name(other, ast.Load())


def _apply_to_statement(node: ast.stmt, what: str) -> None:
    match what:
        case "returns None":
            node.value = ast.Constant(None)
        case "continue -> break":
            _replace(node, ast.Break())
        case "break -> continue":
            _replace(node, ast.Continue())
        case _:
            _replace(node, ast.Pass())


def _replace(node: ast.AST, other: ast.AST) -> None:
    """Make a node another in place: its parents need not be known."""
    place = {name: getattr(node, name) for name in ("lineno", "col_offset", "end_lineno", "end_col_offset")}
    node.__class__ = other.__class__
    content = dict(other.__dict__)
    node.__dict__.clear()
    node.__dict__.update(content | place)
