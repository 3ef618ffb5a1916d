"""Which tests execute a line: read from the coverage data of `make coverage`."""

from functools import cached_property
from pathlib import Path

from coverage import CoverageData

from tests.mutants.operators import Mutation
from tests.mutants.targets import ROOT


class Covering:
    """What each test executed."""

    def __init__(self, file: Path) -> None:
        self._data = CoverageData(str(file))
        self._data.read()
        self._lines: dict[Path, dict[int, list[str]]] = {}

    def tests(self, path: Path, mutation: Mutation) -> list[str]:
        """Node ids of the tests that should notice this mutation, those that execute least of the package first."""
        by_line = self._by_line(path)
        if mutation.function:
            lines = [by_line.get(mutation.line, [])]
            lines = lines if any(lines[0]) else [by_line.get(mutation.statement, [])]
        else:
            lines = list(by_line.values())
        found = {context.rpartition("|")[0] for line in lines for context in line} - {""}
        return sorted(found, key=lambda test: (self._weights.get(test, 0), test))

    def _by_line(self, path: Path) -> dict[int, list[str]]:
        if path not in self._lines:
            self._lines[path] = self._data.contexts_by_lineno(str(path.relative_to(ROOT)))
        return self._lines[path]

    @cached_property
    def _weights(self) -> dict[str, int]:
        weights: dict[str, int] = {}
        for file in self._data.measured_files():
            for contexts in self._data.contexts_by_lineno(file).values():
                for context in contexts:
                    test = context.rpartition("|")[0]
                    weights[test] = weights.get(test, 0) + 1
        return weights
