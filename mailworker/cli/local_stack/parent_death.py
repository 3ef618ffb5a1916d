"""Runs a command that dies with its parent: `python parent_death.py PARENT_PID COMMAND...`.

A file of its own, run without the package: it must start in no time, and the forked half of a process with
threads is no place for Python code.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask Linux for SIGKILL at the parent's death, then become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit(1)  # the parent was gone before Linux was asked
    os.execvp(command[0], command)  # noqa: S606 - to become the command is its whole purpose


if __name__ == "__main__":
    main()
