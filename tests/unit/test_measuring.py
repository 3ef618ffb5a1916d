"""A mark stands at each line that coverage.py counts, and is met where Python's own tracer meets the line."""

import ast
import builtins
import os
import subprocess
import sys
from pathlib import Path

import pytest
from coverage import CoverageData
from coverage.parser import PythonParser

from tests.measuring.marks import NAME, Marker

ROOT = Path(__file__).parents[2]

EVERYTHING = '''
"""A module."""
from __future__ import annotations
import asyncio
import functools
first = lambda: (
    1
)
class Shown:
    """A class."""
    value = 1
    """An attribute's words."""
    @staticmethod
    @functools.cache
    def twice(
        number,
    ):
        """A function."""
        return number * 2
def choose(what):
    match what:
        case 0:
            return "nothing"
        case int() if what > 5:
            return "many"
        case [one, *_]:
            return one
    return None
def matched(what):
    match what:
        case 1: return "one"
        case _:
            return "other"
def fail(error):
    try:
        raise error
    except (KeyError, TypeError):
        return "key"
    except ValueError as caught:
        return str(caught)
    finally:
        first()
def loop():
    global total
    total = 0
    for one in [1, 2]:
        if one == 1:
            continue
        elif one == 3:
            total = 7
        else:
            total += sum(
                n
                for n in [1, 2]
            )
    while total:
        total -= 1
        if total == 2:
            break
    else:
        total = 9
def bare():
    try:
        first().missing
    except:
        return 1
async def later():
    async with asyncio.timeout(1):
        await asyncio.sleep(0)
    return [each async for each in numbers()]
async def numbers():
    yield 1
'''
CALLS = [
    "Shown.twice(2)",
    "choose(0), choose(6), choose([3])",
    "choose('none of them')",
    "choose(1)",
    "matched(1)",
    "matched(2)",
    "fail(KeyError())",
    "fail(ValueError())",
    "loop()",
    "bare()",
    "asyncio.run(later())",
]


def _marks(source, *calls):
    """The lines whose marks are met."""
    met = set()
    code = compile(Marker("sample").visit(ast.parse(source)), "sample", "exec", dont_inherit=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builtins, NAME, met.add, raising=False)
        names = {}
        exec(code, names)
        for call in calls:
            exec(call, names)
    return {int(mark.partition(":")[2]) for mark in met}


def _traced(source, *calls):
    """The lines that Python's tracer meets."""
    met = set()

    def trace(frame, event, argument):
        if frame.f_code.co_filename != "sample":
            return None
        if event == "line":
            met.add(frame.f_lineno)
        return trace

    names, before = {}, sys.gettrace()
    sys.settrace(trace)
    try:
        exec(compile(source, "sample", "exec", dont_inherit=True), names)
        for call in calls:
            exec(call, names)
    finally:
        sys.settrace(before)
    return met


@pytest.mark.parametrize("call", CALLS)
def test_marks_are_met_where_the_tracer_meets_lines(call):
    parser = PythonParser(text=EVERYTHING)
    parser.parse_source()
    counted = parser.statements
    traced = parser.translate_lines(_traced(EVERYTHING, call)) & counted
    assert parser.translate_lines(_marks(EVERYTHING, call)) & counted == traced


@pytest.mark.parametrize("package", ["rules", "dispatch", "config"])
def test_every_line_that_is_counted_has_a_mark(package):
    for file in (ROOT / "mailworker" / package).rglob("*.py"):
        parser = PythonParser(text=file.read_text("utf-8"))
        parser.parse_source()
        tree = Marker("x").visit(ast.parse(parser.text))
        compile(tree, file, "exec")
        marks = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        lines = {int(mark[2:]) for mark in marks if isinstance(mark, str) and mark.startswith("x:")}
        assert parser.statements <= parser.translate_lines(lines), file


def test_each_test_is_told_with_its_lines(tmp_path):
    """As `make test COVERAGE=1` runs them; what nothing executes is there, too."""
    test = "tests/unit/test_states.py::test_every_move_of_the_table_and_no_other[accepted-accepted]"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test],
        cwd=ROOT,
        env={**os.environ, "MEASURED": str(tmp_path / "coverage")},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    [file] = tmp_path.glob("coverage.*")
    data = CoverageData(str(file))
    data.read()
    states = data.contexts_by_lineno("mailworker/core/states.py")
    executed = [line for line, contexts in states.items() if f"{test}|run" in contexts]
    source = (ROOT / "mailworker/core/states.py").read_text("utf-8").splitlines()
    [function] = [n for n, line in enumerate(source, 1) if line.startswith("def may_move")]
    assert executed
    assert all(line > function for line in executed)
    assert states[function] == [""]
    every = {str(file.relative_to(ROOT)) for file in (ROOT / "mailworker").rglob("*.py")}
    assert every <= data.measured_files()
    data.close()
