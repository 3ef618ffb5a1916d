"""How long the command line takes to start, and the local Mailjet until its first answer."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median

import requests

from mailworker.cli.local_stack.redis_server import free_port
from tests.benchmarks.table import Table

_COMMAND = [sys.executable, "-m", "mailworker"]


def run(*, quick: bool) -> list[Table]:
    """Each start several times, one after the other; the middle one counts."""
    times = 3 if quick else 15
    starts: dict[str, Callable[[], tuple[float, float]]] = {
        "`mailworker --version`": lambda: _ended("--version"),
        "`mailworker --help`": lambda: _ended("--help"),
        "`mailworker simulator`, to its first answer": _answered,
    }
    rows = []
    for name, start in starts.items():
        wall, cpu = zip(*(start() for _ in range(times)), strict=True)
        rows.append([name, median(wall), max(wall), median(cpu)])
    return [
        Table(
            "Start: seconds from the command to its end or first answer",
            ["", "median", "longest", "CPU"],
            rows,
        )
    ]


def _ended(argument: str) -> tuple[float, float]:
    before, begin = os.times(), time.perf_counter()
    subprocess.run([*_COMMAND, argument], capture_output=True, check=True)
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
