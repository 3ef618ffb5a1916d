"""The code keeps its own promises: small files, small functions, everything said and typed."""

import ast
import gc
import statistics
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(path for room in ("mailworker", "tasks") for path in (ROOT / room).rglob("*.py"))
#: Who alone may import what.
ONLY = {"mailjet_rest": "mailworker/mailjet/", "weasyprint": "mailworker/invoices/"}
#: These read the clock by their nature: they are the clock, or time their own work.
CLOCKS = {"mailworker/core/clock.py"}
GENERATED = "migrations/versions/"


@cache
def trees():
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


@cache
def nodes():
    """Every node of every file, file by file."""
    gc.disable()  # none of a million objects is garbage
    try:
        return [(path, node) for path, tree in trees().items() for node in ast.walk(tree)]
    finally:
        gc.enable()


@pytest.fixture(scope="module", autouse=True)
def forget():
    """The trees are a million objects, among which every later collection of garbage would look."""
    yield
    nodes.cache_clear()
    trees.cache_clear()


def functions():
    return [
        (path, node) for path, node in nodes() if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def told(offenders):
    return "\n" + "\n".join(offenders)


def where(path, node=None):
    place = str(path.relative_to(ROOT))
    return f"{place}:{node.lineno}" if node is not None else place


def test_no_file_is_long():
    long = [
        f"{where(path)}: {lines} lines"
        for path in FILES
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 300
    ]
    assert not long, told(long)


def test_no_function_is_long():
    long = [
        f"{where(path, node)}: {node.name}, {lines} lines"
        for path, node in functions()
        if (lines := node.end_lineno - first_line(path, node) + 1) > 40 and GENERATED not in str(path)
    ]
    assert not long, told(long)


def test_most_functions_are_small():
    assert statistics.median(node.end_lineno - node.lineno + 1 for _, node in functions()) <= 8


def first_line(path, node):
    """Where it begins; a command's options, which are data with help texts, do not count."""
    return node.body[0].lineno if "cli" in path.parts else node.lineno


def test_everything_public_has_a_docstring():
    silent = [where(path) for path, tree in trees().items() if ast.get_docstring(tree) is None]
    for path, tree in trees().items():
        silent += [where(path, node) for node in public_nodes(tree) if ast.get_docstring(node) is None]
    assert not silent, told(silent)


def public_nodes(parent):
    """Public functions and classes, and the public methods of public classes."""
    for node in parent.body:
        if isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        ) and not node.name.startswith("_"):
            if is_overload(node):
                continue
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public_nodes(node)


def is_overload(node):
    return any("overload" in ast.unparse(one) for one in node.decorator_list)


def test_every_function_says_what_it_returns():
    untyped = [where(path, node) for path, node in functions() if node.returns is None]
    assert not untyped, told(untyped)


def test_no_function_takes_more_than_six_arguments():
    greedy = []
    for path, node in functions():
        names = [one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        count = len([name for name in names if name not in {"self", "cls"}])
        marked = "noqa: PLR0913" in path.read_text(encoding="utf-8").splitlines()[node.lineno - 1]
        if count > 6 and not marked and "cli" not in path.parts:
            greedy.append(f"{where(path, node)}: {node.name}, {count} arguments")
    assert not greedy, told(greedy)


def test_no_error_is_swallowed_whole():
    swallowed = [
        where(path, node)
        for path, node in nodes()
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
        and all(isinstance(one, ast.Pass | ast.Continue) for one in node.body)
    ]
    assert not swallowed, told(swallowed)


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node, node.module or ""


@pytest.mark.parametrize(("package", "container"), ONLY.items())
def test_one_room_alone_speaks_to_each_neighbour(package, container):
    strangers = [
        where(path, node)
        for path, tree in trees().items()
        for node, name in imports(tree)
        if name.split(".")[0] == package and not where(path).startswith(container)
    ]
    assert not strangers, told(strangers)


def test_no_rest_call_is_made_without_the_token_that_rest_api_takes():
    tokenless = [
        where(path, node)
        for path, node in nodes()
        if isinstance(node, ast.Attribute)
        and node.attr in {"rest", "raw"}
        and "gateway" in ast.unparse(node.value)
        and where(path) != "mailworker/mailjet/rest_api.py"
    ]
    assert not tokenless, told(tokenless)


def test_one_file_alone_reads_the_clock():
    readers = [
        where(path, node)
        for path, node in nodes()
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
        and where(path) not in CLOCKS
    ]
    assert not readers, told(readers)


def test_no_public_class_name_stands_twice():
    places = {}
    for path, tree in trees().items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(where(path))
    twice = [f"{name}: {', '.join(paths)}" for name, paths in places.items() if len(paths) > 1]
    assert not twice, told(twice)
