"""Which tests execute a line: read from the coverage data of `make test COVERAGE=1`."""

import ast
import re
import subprocess
from difflib import SequenceMatcher
from functools import cached_property
from pathlib import Path

from coverage import CoverageData

from tests.mutants.operators import Mutation
from tests.mutants.targets import ROOT, dotted

#: How a test begins to walk through the package.
_WALKS = "walk_packages(mailworker.__path__"


class Covering:
    """What each test executed. `file` is coverage's; beside it stands the revision that was measured."""

    def __init__(self, file: Path) -> None:
        self._data = CoverageData(str(file))
        self._data.read()
        note = file.with_name(f"{file.name}.revision")
        self._revision = note.read_text("utf-8").strip() if note.exists() else ""
        self._lines: dict[Path, dict[int, list[str]]] = {}
        self._unchanged: dict[Path, set[int]] = {}
        self._importing: dict[Path, set[str]] = {}

    def tests(self, path: Path, mutation: Mutation) -> list[str]:
        """Tests that should notice this mutation, those that execute least of the package first.

        They are node ids, or whole files.
        """
        by_line = self._by_line(path)
        if mutation.function:
            lines = [by_line.get(mutation.line, [])]
            lines = lines if any(lines[0]) else [by_line.get(mutation.statement, [])]
            if not any(lines[0]) and mutation.statement not in self._unchanged[path]:
                lines = [by_line.get(line, []) for line in _function(path, mutation.function)]
        else:
            lines = list(by_line.values())
        found = {context.rpartition("|")[0] for line in lines for context in line} - {""}
        if not found:
            found = self._importing.get(path) or self._importing.setdefault(path, self._importers(path))
        by_weight = sorted(found, key=lambda test: (self._weights.get(test, 0), test))
        return by_weight if mutation.function else by_weight + self._walkers

    def only_imported(self, path: Path, mutation: Mutation) -> bool:
        """Whether the line is executed while its module is imported, and in no test."""
        contexts = self._by_line(path).get(mutation.statement) or [None]
        return set(contexts) == {""}

    def _importers(self, path: Path) -> set[str]:
        """The files of tests that name this module: see what its import executes, and code that is new in it."""
        module = re.compile(rf"\bmailworker\.{re.escape(dotted(path))}\b")
        tests = (ROOT / "tests").rglob("test_*.py")
        return {str(file.relative_to(ROOT)) for file in tests if module.search(file.read_text("utf-8"))}

    @cached_property
    def _walkers(self) -> list[str]:
        """Files of tests that look at every module's classes, without executing a line of them."""
        files = sorted((ROOT / "tests" / "unit").glob("test_*.py"))
        return [str(file.relative_to(ROOT)) for file in files if _WALKS in file.read_text("utf-8")]

    def _by_line(self, path: Path) -> dict[int, list[str]]:
        if path not in self._lines:
            name = str(path.relative_to(ROOT))
            name = self._earlier_names.get(name, name)
            measured = self._data.contexts_by_lineno(name)
            places = _moved(self._measured_source(name), path.read_text("utf-8"))
            self._lines[path] = {places.get(line, 0): tests for line, tests in measured.items()}
            self._unchanged[path] = set(places.values())
        return self._lines[path]

    def _measured_source(self, name: str) -> str | None:
        return _git("show", f"{self._revision}:{name}") if self._revision else None

    @cached_property
    def _earlier_names(self) -> dict[str, str]:
        """What renamed modules were called when they were measured."""
        command = ("diff", "-M40%", "--diff-filter=R", "--name-status", self._revision, "--", "mailworker")
        lines = (_git(*command) or "").splitlines() if self._revision else []
        return {now: before for _, before, now in (line.split("\t") for line in lines)}

    @cached_property
    def _weights(self) -> dict[str, int]:
        weights: dict[str, int] = {}
        for file in self._data.measured_files():
            for contexts in self._data.contexts_by_lineno(file).values():
                for context in contexts:
                    test = context.rpartition("|")[0]
                    weights[test] = weights.get(test, 0) + 1
        return weights


def _git(*command: str) -> str | None:
    done = subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    return None if done.returncode else done.stdout


def _function(path: Path, line: int) -> range:
    """The lines of the function that begins there: who executes one of them may see a line that is new in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.lineno == line:
            return range(line, (node.end_lineno or line) + 1)
    return range(line, line + 1)


def _moved(before: str | None, now: str) -> dict[int, int]:
    """Where each line of the measured source stands now: what was measured stays of use while code moves."""
    there = now.splitlines()
    if before is None:
        return {line: line for line in range(1, len(there) + 1)}
    blocks = SequenceMatcher(None, before.splitlines(), there, autojunk=False).get_matching_blocks()
    return {block.a + n + 1: block.b + n + 1 for block in blocks for n in range(block.size)}
