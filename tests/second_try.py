"""Runs pytest; what fails is run once more, alone, and must pass then.

    python -m tests.second_try -n auto --dist loadfile

Two cores that run real servers beside each other let a test meet its deadline late once in a while. A test that
fails alone too fails the run. So does everything that is no failed test (a file that cannot be collected), and more
than MOST failures at once: those are no accident. Why each failed stands in the last lines; of one that passes alone,
also after which files of its process it failed: it may depend on what one of them left.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.ran_before import KEY

#: So many failures may be an accident.
MOST = 10

_CACHE = Path(".pytest_cache/v/cache/lastfailed")
_TOLD = Path(".pytest_cache/v") / KEY
_AGAIN = ["--last-failed", "--last-failed-no-failures", "none"]


def _pytest(arguments: Sequence[str]) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False).returncode


def _failed() -> list[str]:
    """The tests that failed and have not passed since."""
    return sorted(json.loads(_CACHE.read_text("utf-8"))) if _CACHE.exists() else []


def _told(tests: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Of each test why it failed, and the files that its process ran before; nothing where a process died."""
    known = json.loads(_TOLD.read_text("utf-8")) if _TOLD.exists() else {}
    return {test: known.get(test, {"why": "its process died", "before": []}) for test in tests}


def _say(words: str, failed: Mapping[str, Mapping[str, Any]], *, order: bool = False) -> None:
    lines = [f"\n== {words}"]
    for test, told in failed.items():
        lines += [f"==   {test}", f"==     {told['why']}"]
        if order and told["before"]:
            lines += [f"==     its process had run before it: {' '.join(told['before'])}"]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 where each test passed at the first or at the second try."""
    code = _pytest(["--cache-clear", *arguments])
    failed = _told(_failed())
    if code != pytest.ExitCode.TESTS_FAILED or not failed:
        return code
    if len(failed) > MOST:
        _say(f"{len(failed)} TESTS FAILED: too many for a second try.", failed)
        return code
    _say("FAILED ONCE, now once more, alone:", failed)
    code = _pytest(_AGAIN)
    left = _failed()
    if passed := {test: told for test, told in failed.items() if test not in left}:
        _say(
            "FAILED ONCE, PASSED ALONE (mend these: late, or by what a file before left):", passed, order=True
        )
    if left:
        _say("FAILED TWICE:", _told(left))
        return code or int(pytest.ExitCode.TESTS_FAILED)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
