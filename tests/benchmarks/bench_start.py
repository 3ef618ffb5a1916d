"""How long the command line takes to start, and the local Mailjet until its first answer."""

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import requests

from mailworker.cli.local_stack.redis_server import free_port
from mailworker.cli.local_stack.trial_config import trial_config
from tests.benchmarks.table import Table
from tests.unit.test_start_imports import COMMANDS

_COMMAND = [sys.executable, "-m", "mailworker"]
#: Those that only look, at a ledger (SQLite) without messages; no Redis answers.
_LOOKS = ("holds list", "messages list", "messages list --json", "suppressions list", "ledger status")
#: What a command may take until it does what it is for, and of how many the figures are shown.
_GOAL, _SHOWN = 0.4, 12
#: Other programs on the same cores lengthen a run, and by their use of caches its CPU time.
_NOTE = "CPU is user and system time of the least disturbed run; half of a command's goes into loading SQLAlchemy and pydantic."


def run(*, quick: bool) -> list[Table]:
    """Each start several times, one after the other; the middle one counts."""
    times = 3 if quick else 15
    with tempfile.TemporaryDirectory() as folder:
        environ = _environ(Path(folder))
        return [_measured(times, environ), _of_every_command(1 if quick else 8, environ)]


def _environ(folder: Path) -> dict[str, str]:
    """An installation in this folder, whose tables are there."""
    file, worker = folder / "crm_config.yaml", {"database_url": f"sqlite:///{folder}/ledger.db"}
    file.write_text(trial_config({"worker": worker}), "utf-8")
    # Modules are compiled once, as `pip install` does it.
    left_out = {"DATABASE_URL", "REDIS_URL", "PYTHONDONTWRITEBYTECODE"}
    environ = {name: value for name, value in os.environ.items() if name not in left_out}
    environ |= {"CRM_CONFIG": str(file)}
    subprocess.run([*_COMMAND, "ledger", "migrate"], env=environ, capture_output=True, check=True)
    return environ


def _measured(times: int, environ: dict[str, str]) -> Table:
    starts: dict[str, Callable[[], tuple[float, float]]] = {
        f"`mailworker {command}`": partial(_ended, command, environ)
        for command in ("--version", "--help", *_LOOKS)
    }
    starts["`mailworker simulator`, to its first answer"] = _answered
    rows = []
    for name, start in starts.items():
        wall, cpu = zip(*(start() for _ in range(times)), strict=True)
        rows.append([name, median(wall), max(wall), min(cpu)])
    return Table(
        "Start: seconds from the command to its end or first answer",
        ["", "median", "longest", "CPU, least"],
        rows,
        [_NOTE],
    )


def _of_every_command(times: int, environ: dict[str, str]) -> Table:
    """Each command's least CPU time until it ends; without Redis, customers and messages that is its start."""
    environ = environ | {"REDIS_URL": "redis://127.0.0.1:1/0"}
    # All of them in each round: what disturbs the machine for a while then disturbs no command each time.
    rounds = [
        {command: _ended(command, environ, check=False)[1] for command in COMMANDS} for _ in range(times)
    ]
    cpu = {command: min(each[command] for each in rounds) for command in COMMANDS}
    slowest = sorted(cpu, key=cpu.__getitem__, reverse=True)
    quick = sum(seconds <= _GOAL for seconds in cpu.values())
    return Table(
        f"Start: CPU of the {_SHOWN} longest of all {len(cpu)} commands, in seconds",
        ["", "CPU, least"],
        [[f"`mailworker {command}`", cpu[command]] for command in slowest[:_SHOWN]],
        [
            f"{quick} of {len(cpu)} take {_GOAL} s or less; the middle one {median(cpu.values()):.2f} s.",
            _python(),
        ],
    )


def _python() -> str:
    """Whose Python this is: one that was compiled by hand, without optimisation, takes a fifth more."""
    whose = "of the system" if sys.base_prefix == "/usr" else "of another source than the system"
    return f"Python {platform.python_version()} {whose}."


def _ended(command: str, environ: dict[str, str], *, check: bool = True) -> tuple[float, float]:
    before, begin = os.times(), time.perf_counter()
    words = [*_COMMAND, *command.split()]
    folder = Path(environ["CRM_CONFIG"]).parent  # some write a page beside them
    subprocess.run(words, env=environ, capture_output=True, check=check, stdin=subprocess.DEVNULL, cwd=folder)
    seconds, after = time.perf_counter() - begin, os.times()
    return seconds, (after.children_user + after.children_system) - (
        before.children_user + before.children_system
    )


def _answered() -> tuple[float, float]:
    port, before, begin = free_port(), os.times(), time.perf_counter()
    with subprocess.Popen([*_COMMAND, "simulator", "--port", str(port)], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()  # "ready at ..."
            answer = requests.get(
                f"http://127.0.0.1:{port}/v3/REST/sender",
                auth=("simulator-key", "simulator-secret"),
                timeout=10,
            )
            answer.raise_for_status()
            seconds = time.perf_counter() - begin
        finally:
            process.terminate()
            process.wait()
    after = os.times()
    return seconds, (after.children_user + after.children_system) - (
        before.children_user + before.children_system
    )
