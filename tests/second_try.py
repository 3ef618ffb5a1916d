"""Runs pytest; what fails is run once more, alone, and must pass then.

    python -m tests.second_try -n auto --dist loadfile

Two cores that run real servers beside each other let a test meet its deadline late once in a while. A test that
fails alone too fails the run. So does everything that is no failed test (a file that cannot be collected, coverage
below its floor), and more than MOST failures at once: those are no accident.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

#: So many failures may be an accident.
MOST = 10

_CACHE = Path(".pytest_cache/v/cache/lastfailed")
_AGAIN = ["--last-failed", "--last-failed-no-failures", "none"]


def _pytest(arguments: Sequence[str]) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False).returncode


def _failed() -> list[str]:
    """The tests that failed and have not passed since."""
    return sorted(json.loads(_CACHE.read_text("utf-8"))) if _CACHE.exists() else []


def _covered(arguments: Sequence[str]) -> bool:
    """Whether coverage, where it was measured, is not below its floor."""
    if "--cov" not in arguments:
        return True
    command = [sys.executable, "-m", "coverage", "report", "--format=total"]
    return subprocess.run(command, check=False).returncode == 0


def _say(words: str, tests: Sequence[str]) -> None:
    sys.stdout.write("\n".join([f"\n== {words}", *(f"==   {test}" for test in tests)]) + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 where each test passed at the first or at the second try."""
    code = _pytest(["--cache-clear", *arguments])
    failed = _failed()
    if code != pytest.ExitCode.TESTS_FAILED or not failed:
        return code
    if len(failed) > MOST:
        _say(f"{len(failed)} TESTS FAILED: too many for a second try.", [])
        return code
    _say("FAILED ONCE, now once more, alone:", failed)
    code = _pytest(_AGAIN)
    if left := _failed():
        _say("FAILED TWICE:", left)
        return code or int(pytest.ExitCode.TESTS_FAILED)
    if code:
        return code
    _say("FAILED ONCE, PASSED ALONE (mend these):", failed)
    return int(not _covered(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
