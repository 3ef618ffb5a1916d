"""What can be changed at one node of a syntax tree: the name of each change, and the function that makes it.

At least what mutmut and cosmic-ray change: a comparison's edge or sense; operands and conditions left out or
turned round; sums turned round; numbers moved by one either way; words of code and sentences; defaults; swapped,
missing or empty arguments; members of an enum; elements, entries, filters, bounds and cases left out; a query's
steps and a value's normal form left out; loops without a round; handlers that catch nothing; statements, guards
and decorators left out; None given, assigned or yielded.
"""

import ast
import builtins
from collections.abc import Callable, Iterator, Mapping
from functools import partial

Change = tuple[str, Callable[[], None]]
#: The members in capitals of each class that a module names so: {"State": ["READY", "SENT"]}.
Members = Mapping[str, list[str]]

_EDGES = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
_OPPOSITES = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
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
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_FUNCTIONS = {"min": "max", "max": "min", "any": "all", "all": "any"}
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
#: Steps of a query, each of which gives a query again.
_STEPS = {"where", "order_by", "limit", "offset", "distinct", "with_for_update", "group_by", "having"}
_METHODS = {
    "startswith": "endswith",
    "partition": "rpartition",
    "upper": "lower",
    "split": "rsplit",
    "lstrip": "rstrip",
    "find": "rfind",
    "removeprefix": "removesuffix",
}
_METHODS |= {other: one for one, other in _METHODS.items()}
#: Without them a function does the same, slower or unchecked.
_IDLE_DECORATORS = {
    "override",
    "overload",
    "cache",
    "lru_cache",
    "final",
    "abstractmethod",
    "cached_property",
}


def changes(node: ast.AST, members: Members) -> Iterator[Change]:
    """Every change of this node itself, without those of its parts."""
    if isinstance(node, ast.Call):
        yield from _of_call(node)
    elif isinstance(node, ast.expr):
        yield from _of_expression(node, members)
    elif isinstance(node, ast.stmt):
        yield from _of_statement(node)
        yield from _of_compound(node)


def _of_expression(node: ast.expr, members: Members) -> Iterator[Change]:
    match node:
        case ast.Compare(ops=ops):
            for n, op in enumerate(ops):
                if type(op) in _EDGES:
                    yield "edge moved", partial(ops.__setitem__, n, _EDGES[type(op)]())
                yield "comparison", partial(ops.__setitem__, n, _OPPOSITES[type(op)]())
        case ast.BoolOp(op=op):
            yield "and/or", partial(setattr, node, "op", ast.Or() if isinstance(op, ast.And) else ast.And())
            for n in range(len(node.values)):
                yield f"operand {n} dropped", partial(_drop_operand, node, n)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "not dropped", partial(_replace, node, _called("bool", operand))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield "minus dropped", partial(_replace, node, operand)
        case ast.BinOp(op=op) if type(op) in _ARITHMETIC and not _is_text(node):
            yield "arithmetic", partial(setattr, node, "op", _ARITHMETIC[type(op)]())
        case ast.Constant(value=value):
            yield from _of_constant(node, value)
        case ast.IfExp(body=body, orelse=orelse):
            yield "branches swapped", partial(node.__dict__.update, body=orelse, orelse=body)
        case ast.Lambda():
            yield "lambda gives None", partial(setattr, node, "body", ast.Constant(None))
        case ast.Yield(value=ast.expr() as value) if not _is_none(value):
            yield "yields None", partial(setattr, node, "value", ast.Constant(None))
        case ast.Slice(lower=lower, upper=upper):
            if lower is not None:
                yield "lower bound dropped", partial(setattr, node, "lower", None)
            if upper is not None:
                yield "upper bound dropped", partial(setattr, node, "upper", None)
        case ast.Attribute(value=ast.Name(id=name), attr=attr, ctx=ast.Load()) if attr.isupper():
            if others := [one for one in members.get(name, ()) if one != attr]:
                yield "another member", partial(setattr, node, "attr", others[node.lineno % len(others)])
        case ast.Dict(keys=keys):
            for n in range(len(keys)):
                yield f"entry {n} dropped", partial(_drop, n, node.keys, node.values)
        case ast.Set(elts=elts) | ast.List(elts=elts) | ast.Tuple(elts=elts, ctx=ast.Load()) if elts[1:]:
            for n in range(len(elts)):
                yield f"element {n} dropped", partial(_drop, n, elts)
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            for generator in node.generators:
                for n in range(len(generator.ifs)):
                    yield f"filter {n} dropped", partial(_drop, n, generator.ifs)


def _of_constant(node: ast.Constant, value: object) -> Iterator[Change]:
    if isinstance(value, bool):
        yield "constant", partial(setattr, node, "value", not value)
    elif isinstance(value, int | float):
        yield "number + 1", partial(setattr, node, "value", value + 1)
        yield "number - 1", partial(setattr, node, "value", value - 1)
    elif isinstance(value, str):
        what = "sentence changed" if any(letter.isspace() for letter in value.strip()) else "text changed"
        yield what, partial(setattr, node, "value", f"XX{value}XX" if " " in value else f"{value}XX")


def _of_call(node: ast.Call) -> Iterator[Change]:
    for keyword in node.keywords:
        if keyword.arg is not None and not is_mere_assertion(keyword):
            yield f"keyword {keyword.arg} dropped", partial(node.keywords.remove, keyword)
            if not _is_none(keyword.value):
                yield f"keyword {keyword.arg} None", partial(setattr, keyword, "value", ast.Constant(None))
    for n, argument in enumerate(node.args):
        if not isinstance(argument, ast.Starred) and not _is_none(argument):
            yield f"argument {n} None", partial(node.args.__setitem__, n, ast.Constant(None))
    if node.args[1:] and not isinstance(node.args[-1], ast.Starred):
        yield "last argument dropped", node.args.pop
    match node:
        case ast.Call(func=ast.Name(id=name) as function, args=[_, *_]) if name in _FUNCTIONS:
            yield f"{name} -> {_FUNCTIONS[name]}", partial(setattr, function, "id", _FUNCTIONS[name])
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if _gives_alike(name):
            yield f"{name} dropped", partial(_replace, node, argument)
        case ast.Call(func=ast.Attribute(attr=name) as method) if name in _SHAPING | _STEPS | {*_METHODS}:
            if name in _SHAPING | _STEPS:
                yield f".{name}() dropped", partial(_replace, node, method.value)
            if name in _METHODS:
                yield f".{name}() -> {_METHODS[name]}", partial(setattr, method, "attr", _METHODS[name])
        case ast.Call(args=[ast.Name(id=one), ast.Name(id=two), *rest]) if one != two and _positional(node):
            yield "arguments swapped", partial(setattr, node, "args", [*node.args[1::-1], *rest])


def _of_statement(node: ast.stmt) -> Iterator[Change]:
    match node:
        case ast.Return(value=value):
            if value is None or _is_none(value):
                yield "return dropped", partial(_replace, node, ast.Pass())
            else:
                yield "returns None", partial(setattr, node, "value", ast.Constant(None))
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Raise():
            yield "statement dropped", partial(_replace, node, ast.Pass())
        case ast.Assign(targets=[ast.Subscript() | ast.Attribute()]):
            yield "statement dropped", partial(_replace, node, ast.Pass())
        case (
            ast.Assign(targets=[ast.Name()], value=value)
            | ast.AnnAssign(target=ast.Name(), value=ast.expr() as value)
        ) if not _is_none(value):
            yield "None assigned", partial(setattr, node, "value", ast.Constant(None))
        case ast.Continue():
            yield "continue -> break", partial(_replace, node, ast.Break())
        case ast.Break():
            yield "break -> continue", partial(_replace, node, ast.Continue())
    if isinstance(node, ast.AugAssign):
        assigned = ast.Assign([node.target], node.value)
        yield "sum begins anew", partial(_replace, node, assigned)
        if type(node.op) in _ARITHMETIC:
            yield "sum turned round", partial(setattr, node, "op", _ARITHMETIC[type(node.op)]())


def _of_compound(node: ast.stmt) -> Iterator[Change]:
    match node:
        case ast.If(orelse=[], body=[*_, ast.Return() | ast.Raise() | ast.Continue() | ast.Break()]):
            yield "guard dropped", partial(_replace, node, ast.Pass())
    match node:
        case ast.If(test=test) | ast.While(test=test):
            if isinstance(test, ast.Name | ast.Attribute | ast.Call | ast.NamedExpr):
                yield "condition turned round", partial(setattr, node, "test", ast.UnaryOp(ast.Not(), test))
        case ast.Match(cases=[_, _, *_] as cases):
            for n in range(len(cases)):
                yield f"case {n} dropped", partial(_drop, n, cases)
        case ast.For():
            yield "no round", partial(setattr, node, "iter", ast.Tuple([], ast.Load()))
        case ast.Try():
            for n, handler in enumerate(node.handlers):
                nothing = ast.Tuple([], ast.Load())
                yield f"handler {n} catches nothing", partial(setattr, handler, "type", nothing)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            for n, decorator in enumerate(node.decorator_list):
                if _last_name(decorator) not in _IDLE_DECORATORS:
                    yield f"decorator {n} dropped", partial(_drop, n, node.decorator_list)


def is_mere_assertion(keyword: ast.keyword) -> bool:
    """Whether it only asserts what always holds: `strict` of zip."""
    return keyword.arg == "strict" and isinstance(keyword.value, ast.Constant)


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Call(func=function):
            return _last_name(function)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""


def _gives_alike(name: str) -> bool:
    """Whether a function may give what could stand in for its argument: a builtin mostly gives something else."""
    return name in _ROUNDING or (name.islower() and not hasattr(builtins, name))


def _positional(node: ast.Call) -> bool:
    return not (isinstance(node.func, ast.Name) and node.func.id in {"isinstance", "getattr", "hasattr"})


def _called(name: str, argument: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), [argument], [])


def _is_text(node: ast.BinOp) -> bool:
    return any(
        isinstance(n, ast.JoinedStr) or (isinstance(n, ast.Constant) and isinstance(n.value, str))
        for n in ast.walk(node)
    )


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _drop(n: int, *lists: list) -> None:
    for one in lists:
        del one[n]


def _drop_operand(node: ast.BoolOp, n: int) -> None:
    del node.values[n]
    if len(node.values) == 1:
        _replace(node, node.values[0])


def _replace(node: ast.AST, other: ast.AST) -> None:
    """Make a node another in place: its parents need not be known."""
    place = {name: getattr(node, name) for name in ("lineno", "col_offset", "end_lineno", "end_col_offset")}
    node.__class__ = other.__class__
    content = dict(other.__dict__)
    node.__dict__.clear()
    node.__dict__.update(content | place)
