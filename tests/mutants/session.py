"""Tries mutants: the tests are collected once, and every mutant gets a forked copy of that process."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.mutants.mutated import Stays, put_in

ROOT = Path(__file__).parents[2]
#: So long may the tests of one mutant take; one that never ends counts as noticed: somebody would see it.
SECONDS = 240
#: So long after the time is up those that are under way may still end; what does not is not counted.
GRACE = 20
OPTIONS = (
    "-qq",
    "-x",
    "--no-header",
    "--no-summary",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:xdist",
    "--hypothesis-profile",
    "mutants",
)
NOTICED, SURVIVED, ANEW = 1, 0, 7


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change in one module, and the tests that should notice."""

    module: str
    number: int
    line: int
    what: str
    text: str
    in_function: bool
    tests: tuple[str, ...] = field(repr=False)

    @property
    def name(self) -> str:
        """As the command line takes it."""
        return f"{self.module}:{self.number}"


class TrySession:
    """A pytest plugin: in the place of running the tests it tries every mutant against its own tests."""

    def __init__(
        self, mutants: Iterable[Mutant], jobs: int, until: float, report: Callable[[Mutant, bool], None]
    ) -> None:
        self._mutants = list(mutants)
        self._jobs = jobs
        self._until = until
        self._report = report
        self.ran = False
        self.untried = 0
        self.faults: list[str] = []
        self._running: dict[int, tuple[Mutant, float, Path]] = {}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep why a file cannot be collected: the session ends there, and shows nothing itself."""
        if report.failed:
            self.faults.append(f"{report.nodeid}:\n{report.longreprtext}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Fork for each mutant, at most `jobs` at a time."""
        self.ran = True
        items = {item.nodeid: item for item in session.items}
        for mutant in self._mutants:
            while len(self._running) >= self._jobs:
                self._wait()
            if time.monotonic() > self._until:
                self.untried += 1
                continue
            named = [items[test] for test in mutant.tests if test in items]
            self._start(
                mutant, session, named or [item for item in session.items if _file(item) in mutant.tests]
            )
        while self._running:
            self._wait()
        return True

    def _start(self, mutant: Mutant, session: pytest.Session, items: list[pytest.Item]) -> None:
        if not items:
            self._report(mutant, False)
            return
        folder = Path(tempfile.mkdtemp(prefix="mutant-"))
        child = os.fork()
        if not child:
            _be_the_mutant(mutant, session, items, folder)
        self._running[child] = (mutant, self._deadline(), folder)

    def _deadline(self) -> float:
        return min(time.monotonic() + SECONDS, self._until + GRACE)

    def _wait(self) -> None:
        done = os.waitpid(-1, os.WNOHANG)
        if not done[0]:
            for child, (_, until, _) in self._running.items():
                if time.monotonic() > until:
                    os.killpg(child, signal.SIGKILL)
            time.sleep(0.005)
            return
        child, status = done
        mutant, _, folder = self._running.pop(child)
        shutil.rmtree(folder, ignore_errors=True)
        code = os.waitstatus_to_exitcode(status)
        if code == -signal.SIGKILL and time.monotonic() > self._until:
            self.untried += 1
        elif code != ANEW:
            self._report(mutant, code != SURVIVED)
        elif (noticed := _noticed_anew(mutant, self._deadline() - time.monotonic())) is None:
            self.untried += 1
        else:
            self._report(mutant, noticed)


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _be_the_mutant(mutant: Mutant, session: pytest.Session, items: list[pytest.Item], folder: Path) -> None:
    """The forked child: never returns."""
    os.setsid()
    output = (folder / "output").open("w", encoding="utf-8")
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    session.config.pluginmanager.get_plugin("terminalreporter")._tw._file = output
    code = NOTICED
    try:
        _children_too()
        if not mutant.in_function:
            os._exit(ANEW)
        session.config._tmp_path_factory._basetemp = folder
        put_in(f"mailworker.{mutant.module}", mutant.number)
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.testsfailed:
                break
        code = NOTICED if session.testsfailed else SURVIVED
    except Stays:
        code = ANEW
    finally:
        _tear_down(session)
        os._exit(code)


def _children_too() -> None:
    """Let processes that a test starts import the mutated module as well."""
    ours = str(Path(__file__).parent / "child")
    os.environ["PYTHONPATH"] = os.pathsep.join([ours, str(ROOT), os.environ.get("PYTHONPATH", "")])


def _tear_down(session: pytest.Session) -> None:
    try:
        session._setupstate.teardown_exact(None)
    except BaseException as fault:  # noqa: BLE001 - the mutant may break anything
        print(fault)


def _noticed_anew(mutant: Mutant, seconds: float) -> bool | None:
    """What runs when a module is imported can only be tried in a process of its own; None: not to its end."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        arguments = Path(folder) / "tests"
        arguments.write_text("\n".join(mutant.tests), "utf-8")
        command = [sys.executable, "-m", "pytest", *OPTIONS, "-p", "tests.mutants.plugin"]
        environment = os.environ | {"MUTANT": f"mailworker.{mutant.name}", "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            ran = subprocess.run(
                [*command, f"--basetemp={folder}/base", f"@{arguments}"],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                timeout=max(seconds, 0.1),
                check=False,
            )
        except subprocess.TimeoutExpired:
            return True if seconds > SECONDS - 1 else None
    return ran.returncode != 0
