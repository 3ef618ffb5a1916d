# ruff: noqa: T201 - it prints what it measured
"""`python -m tests.benchmarks [name ...] [--quick] [--write FILE]`: run the benchmarks, print their tables."""

import argparse
import importlib
import subprocess
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.publish import publish

_FOLDER = Path(__file__).parent
#: In this order, where all are run; any others come after them.
_FIRST = ("throughput", "lanes", "trickle", "slow_mailjet", "side_by_side", "cost", "growth", "enqueue")


def known() -> list[str]:
    """Every benchmark there is: the `bench_*.py` of this folder, and its tests that measure."""
    files = [*_FOLDER.glob("bench_*.py"), *_FOLDER.glob("test_*.py")]
    names = sorted(path.stem.removeprefix("bench_") for path in files)
    return sorted(names, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run them one after the other; 1 where one of them broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(known())}; all without")
    parser.add_argument("--quick", action="store_true", help="short runs, to see that everything works")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables into this document too")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.names) - set(known()):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(known())}")
    broken = False
    for name in chosen.names or known():
        text, well = _run(name, quick=chosen.quick)
        broken = broken or not well
        print(text, flush=True)
        if chosen.write and well:
            publish(chosen.write, name, text, quick=chosen.quick, at=datetime.now(UTC))
    return int(broken)


def _run(name: str, *, quick: bool) -> tuple[str, bool]:
    """A benchmark's tables; one that breaks does not take the others with it."""
    print(f"... {name}", file=sys.stderr, flush=True)
    try:
        if name.startswith("test_"):
            return _program(name, "pytest", "-q", "-s", "-m", "benchmark", str(_FOLDER / f"{name}.py"))
        module = importlib.import_module(f"tests.benchmarks.bench_{name}")
        if not hasattr(module, "run"):
            return _program(name, module.__name__)
        tables = module.run(quick=quick)
    except Exception:  # noqa: BLE001 - whatever it was, it is shown, and the exit code tells
        return f"### {name}: broke\n\n```text\n{traceback.format_exc()}```\n", False
    return "\n".join(table.markdown() for table in tables), True


def _program(name: str, module: str, *arguments: str) -> tuple[str, bool]:
    """A benchmark that is a program of its own: what it prints, as it prints it."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = done.stdout.rstrip() or done.stderr.rstrip()
    return f"### {name}\n\n```text\n{said}\n```\n", done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
