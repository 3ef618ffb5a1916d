"""A real limit of memory for some processes, as containers have it, and what they took at the most."""

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self

_ROOT = Path("/sys/fs/cgroup")
_OFTEN = 0.05


class MemoryLimit:
    """A control group: `add` processes to it before they grow; their children belong to it too.

    They are measured inside the `with`, and should have ended when it does.
    Without the right to make one (`enforced` is false then) the processes are only measured.
    """

    def __init__(self, name: str, limit: int) -> None:
        self.limit = limit
        self.peak = 0
        self._pids: list[int] = []
        self._stop = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._group = _new_group(f"mailworker-{os.getpid()}-{name}", limit)

    @property
    def enforced(self) -> bool:
        """Whether the kernel ends whoever takes more."""
        return self._group is not None

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._watch.join()
        if self._group is not None:
            with suppress(OSError):  # a process outlived it: the group stays, without harm
                self._group.rmdir()

    def add(self, pid: int) -> None:
        """Have this process, and whatever it starts, live within the limit."""
        self._pids.append(pid)
        if self._group is not None:
            (self._group / "cgroup.procs").write_text(str(pid), encoding="utf-8")

    def killed(self) -> int:
        """How many processes the kernel ended for want of memory."""
        if self._group is None:
            return 0
        for name in ("memory.oom_control", "memory.events"):
            file = self._group / name
            if file.exists():
                words = dict(line.split() for line in file.read_text(encoding="utf-8").splitlines())
                return int(words["oom_kill"])
        return 0

    def _look(self) -> None:
        while not self._stop.wait(_OFTEN):
            self.peak = max(self.peak, self._taken())

    def _taken(self) -> int:
        """What cannot be taken from them again, in bytes: no cached files; pages that they share count once."""
        if self._group is None:
            return sum(_proportional(pid) for parent in self._pids for pid in _family(parent))
        stat = dict(
            line.split() for line in (self._group / "memory.stat").read_text(encoding="utf-8").splitlines()
        )
        return int(stat.get("total_rss") or stat["anon"])


def _new_group(name: str, limit: int) -> Path | None:
    """The kernel's version 2 has one tree, version 1 one for memory."""
    for parent, file in ((_ROOT, "memory.max"), (_ROOT / "memory", "memory.limit_in_bytes")):
        group = parent / name
        with suppress(OSError):
            group.mkdir()
            if (group / file).exists():
                (group / file).write_text(str(limit), encoding="utf-8")
                return group
            group.rmdir()  # no control group was here, only a folder
    return None


def _family(pid: int) -> Iterator[int]:
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in task.read_text(encoding="utf-8").split():
                yield from _family(int(child))


def _proportional(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
