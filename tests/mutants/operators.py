"""The mutations: each takes a syntax tree's node and makes it decide otherwise."""

import ast
from collections.abc import Iterator

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
_ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult}
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}


def mutations(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every mutation of this module, as (number, description). The numbers are stable for the same source."""
    number = 0
    for node in _deciding_nodes(tree):
        for what in _variants(node):
            yield number, f"line {node.lineno}: {what}"
            number += 1


def mutate(tree: ast.Module, wanted: int) -> ast.Module:
    """The module with mutation number `wanted`."""
    number = 0
    for node in _deciding_nodes(tree):
        for what in _variants(node):
            if number == wanted:
                _apply(node, what)
                return ast.fix_missing_locations(tree)
            number += 1
    raise IndexError(wanted)


def _deciding_nodes(tree: ast.Module) -> list[ast.expr | ast.stmt]:
    """Expressions and statements inside functions; annotations, docstrings and defaults decide nothing."""
    found: list[ast.expr | ast.stmt] = []
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for statement in function.body:
                found += [n for n in _walk(statement) if isinstance(n, ast.expr | ast.stmt)]
    return list({id(node): node for node in found}.values())


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "msg", "exc"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _walk(child)


def _variants(node: ast.expr | ast.stmt) -> list[str]:
    match node:
        case ast.Compare(ops=[op, *_]) if type(op) in _COMPARISONS:
            return ["comparison"]
        case ast.BoolOp():
            return ["and/or"] + [f"operand {n} dropped" for n in range(len(node.values))]
        case ast.UnaryOp(op=ast.Not()):
            return ["not dropped"]
        case ast.BinOp(op=op) if type(op) in _ARITHMETIC and not _is_text(node):
            return ["arithmetic"]
        case ast.Constant(value=bool()):
            return ["constant"]
        case ast.Constant(value=int()):
            return ["number + 1"]
        case ast.Call(func=ast.Name(id=name)) if name in _NAMES:
            return [f"{name} -> {_NAMES[name]}"]
        case ast.IfExp():
            return ["branches swapped"]
        case ast.Return(value=value) if value is not None and not _is_none(value):
            return ["returns None"]
        case ast.Expr(value=ast.Call()) | ast.AugAssign():
            return ["statement dropped"]
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
    match node:
        case ast.Compare():
            node.ops[0] = _COMPARISONS[type(node.ops[0])]()
        case ast.BoolOp() if what == "and/or":
            node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        case ast.BoolOp():
            del node.values[int(what.split()[1])]
            if len(node.values) == 1:
                node.values = [node.values[0], node.values[0]]
        case ast.UnaryOp():
            _replace(node, ast.Call(ast.Name("bool", ast.Load()), [node.operand], []))
        case ast.BinOp():
            node.op = _ARITHMETIC[type(node.op)]()
        case ast.Constant(value=bool()):
            node.value = not node.value
        case ast.Constant():
            node.value += 1
        case ast.Call(func=ast.Name()):
            node.func.id = _NAMES[node.func.id]
        case ast.IfExp():
            node.body, node.orelse = node.orelse, node.body
        case ast.Return():
            node.value = ast.Constant(None)
        case _:
            _replace(node, ast.Pass())


def _replace(node: ast.AST, other: ast.AST) -> None:
    """Make a node another in place: its parents need not be known."""
    node.__class__ = other.__class__
    node.__dict__.clear()
    node.__dict__.update(other.__dict__)
