"""Which process of `pytest -n` runs which file, and when.

Files that share dear servers run in one process, so that those are started once and not in each. What starts real
processes and waits for them comes first: a long file that is begun last would leave the other cores idle.
"""

import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).parents[1]
_FOLDERS = ["tests/acceptance", "tests/contract", "tests/integration", "tests/unit"]

#: A file in which the words stand shares the servers with the others.
_SHARED = {"container: RunningStack": "every worker of production", "mariadb_": "a MariaDB"}

#: The order of a set and the place of an object are different in each process.
_UNSTABLE = re.compile(r"frozenset\(| at 0x[0-9a-f]{6}")


@cache
def together(file: str) -> str:
    """The name of the files that this one runs with; its own where it shares nothing dear."""
    text = (_ROOT / file).read_text("utf-8")
    return next((servers for words, servers in _SHARED.items() if words in text), file)


def place(file: str, tests: int) -> tuple[int, int]:
    """Smallest first: by folder, then files of many tests."""
    folders = [rank for rank, folder in enumerate(_FOLDERS) if file.startswith(folder)]
    return (folders[0] if folders else len(_FOLDERS), -tests)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put long files first, in each process alike. Raises where a test would have another name in each."""
    if unstable := [item.nodeid for item in items if _UNSTABLE.search(item.nodeid)]:
        raise pytest.UsageError(f"Give these tests ids of their own: {unstable[:3]}")
    if not hasattr(config, "workerinput"):
        return
    files = {item: item.nodeid.partition("::")[0] for item in items}
    tests = Counter(files.values())
    items.sort(key=lambda item: place(files[item], tests[files[item]]))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadfile`: whole files, and those that share servers in one process."""
    from xdist.scheduler import LoadFileScheduling  # noqa: PLC0415 - only where tests are distributed

    if config.getvalue("dist") != "loadfile":
        return None

    class Together(LoadFileScheduling):
        """Files, and groups of files."""

        def _split_scope(self, nodeid: str) -> str:
            return together(nodeid.partition("::")[0])

    config.option.loadscopereorder = False
    return Together(config, log)
