"""Says of each failed test why it failed, and which files its process had run before: one of them may have left something.

`tests/second_try.py` reads it from pytest's cache, for a test that passes alone.
"""

from collections.abc import Generator

import pytest

#: Under this name in pytest's cache: {test: {"why": its first line, "before": [file, ...]}}.
KEY = "ran_before/failed"


class RanBefore:
    """Keeps the order of files in this process, and in the main one what failed in all."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._files: dict[str, None] = {}
        self._failed: dict[str, dict[str, object]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Beside a failure: the files before this one. Attributes of a report come along from a process of xdist."""
        report = yield
        file = item.nodeid.partition("::")[0]
        if report.failed:
            report.ran_before = [before for before in self._files if before != file]
        self._files[file] = None
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A process that dies reports no files."""
        if report.failed and report.nodeid not in self._failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            lines = (crash.message if crash else report.longreprtext).splitlines() or [""]
            self._failed[report.nodeid] = {"why": lines[0], "before": getattr(report, "ran_before", [])}

    def pytest_sessionfinish(self) -> None:
        """Only the main process knows all. What an earlier run told stays for what this one did not come to."""
        cache = getattr(self._config, "cache", None)
        if cache is not None and not hasattr(self._config, "workerinput"):
            cache.set(KEY, {**cache.get(KEY, {}), **self._failed})


def pytest_configure(config: pytest.Config) -> None:
    """In each process one."""
    config.pluginmanager.register(RanBefore(config))
