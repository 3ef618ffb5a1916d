"""With MEASURED=var/coverage, keeps in var/coverage.<process> which lines each test executes; `coverage combine` joins them.

A variable, and not an option: conftests import the product before pytest knows its options, in each of its processes.
"""

import os
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path

import pytest
from coverage import CoverageData

from tests.measuring.marks import PACKAGES, ROOT, mark_imports


class Measuring:
    """Gives the marks that were met to the test in which they were; what no test executes is nobody's."""

    def __init__(self, file: Path) -> None:
        self._met = mark_imports()
        file.parent.mkdir(exist_ok=True)
        self._data = CoverageData(str(file), suffix=str(os.getpid()))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """What came before is of the imports; what comes now is of this test, its fixtures included."""
        self._keep("")
        try:
            return (yield)
        finally:
            self._keep(f"{item.nodeid}|run")  # as coverage.py names contexts

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Files that nothing executed count, too."""
        self._keep("")
        files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
        self._data.touch_files([str(file.relative_to(ROOT)) for file in files])
        self._data.close()

    def _keep(self, test: str) -> None:
        lines: dict[str, list[int]] = defaultdict(list)
        for mark in [self._met.pop() for _ in range(len(self._met))]:
            file, _, line = mark.rpartition(":")
            lines[file].append(int(line))
        self._data.set_context(test)
        self._data.add_lines(lines)


_file = os.environ.get("MEASURED")
_measuring = Measuring(ROOT / _file) if _file else None


def pytest_configure(config: pytest.Config) -> None:
    """Only where it was asked for."""
    if _measuring:
        config.pluginmanager.register(_measuring)
