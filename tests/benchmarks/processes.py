"""What processes cost, by the kernel's own books: CPU time with children, memory."""

import os
from collections import Counter
from contextlib import suppress
from pathlib import Path

from mailworker.cli.local_stack import Servers, Worker

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """CPU time of a process, of its living descendants, and of those it has buried."""
    total = 0.0
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        # utime, stime, cutime, cstime: fields 14 to 17 of proc(5), counted after the command's name.
        total = sum(int(field) for field in fields[11:15]) / _TICK
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            total += sum(cpu_seconds(int(child)) for child in task.read_text(encoding="utf-8").split())
    return total


def resident_megabytes() -> float:
    """What this process holds in memory now."""
    return int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * _PAGE / 1e6


def cpu_by_role(servers: Servers, **others: int) -> Counter[str]:
    """CPU seconds so far of every child, by what it does; `others` are further processes by their ids."""
    spent: Counter[str] = Counter()
    for child in servers.children:
        role = (
            f"worker {child.node.partition('@')[0].rstrip('0123456789')}"
            if isinstance(child, Worker)
            else child.name
        )
        spent[role] += cpu_seconds(child.pid)
    for role, pid in others.items():
        spent[role] += cpu_seconds(pid)
    return spent
