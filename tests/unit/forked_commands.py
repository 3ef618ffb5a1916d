"""Run each command that stdin names in a fork of its own, and say which modules that one has then.

A program: its arguments are the modules that each of these commands may load, and loads them first. So Python starts
once for many commands, and what one of them loads beside is still seen exactly.
"""

import importlib
import json
import os
import sys
import traceback
from contextlib import redirect_stdout, suppress
from io import StringIO

from mailworker.__main__ import main


def run(words):
    """The command, as a shell starts it."""
    sys.argv = ["mailworker", *words]
    with suppress(SystemExit):
        main()


def in_a_fork(words):
    """The names of all modules in JSON; or, in JSON too, why the command broke."""
    out, into = os.pipe()
    if child := os.fork():
        os.close(into)
        with os.fdopen(out) as pipe:
            told = pipe.read()
        os.waitpid(child, 0)
        return told
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    try:
        run(words)
        found = [name for name in sys.modules if sys.modules[name]]
    except BaseException:  # noqa: BLE001 - whatever it is, it goes to the test
        found = traceback.format_exc()
    with os.fdopen(into, "w") as pipe:
        json.dump(found, pipe)
    os._exit(0)


if __name__ == "__main__":
    modules = sys.argv[1:]
    with redirect_stdout(StringIO()):
        run(["--version"])
    for module in modules:
        importlib.import_module(module)
    for line in sys.stdin:
        sys.stdout.write(f"{in_a_fork(json.loads(line))}\n")
        sys.stdout.flush()
