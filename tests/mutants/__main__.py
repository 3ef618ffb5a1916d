"""Changes the code that decides, one small thing at a time, and says which changes no test noticed.

    python -m tests.mutants                       a sample of 200 over all deciding modules
    python -m tests.mutants --seed 7 --size 150   another sample
    python -m tests.mutants --since main~5        only lines that changed since then
    python -m tests.mutants --in rules intake     only these packages or modules
    python -m tests.mutants rules.retry:3         one mutant

It reads from the coverage data of `make test COVERAGE=1` which tests execute which line. The sample is the same for the same
seed and source. Ends with 1 where fewer than FLOOR of the mutants are noticed and more than one is not, with 2 where
none could be tried, and with 0 else, also where nothing that decides has changed.
"""

import argparse
import ast
import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mutants.covering import Covering
from tests.mutants.operators import mutations
from tests.mutants.session import OPTIONS, Mutant, TrySession
from tests.mutants.targets import EQUIVALENT, ROOT, modules

FLOOR = 0.95
_A_WORD_EVERY = 25
COVERAGE = ROOT / "var" / "coverage"


def sample(chosen: dict[str, Path], covering: Covering, seed: str) -> Iterator[Mutant]:
    """Mutants of these modules without the equivalent ones, in an order that only the seed decides."""
    everything = []
    for module, path in chosen.items():
        source = path.read_text("utf-8")
        lines = source.splitlines()
        for one in mutations(ast.parse(source)):
            text = lines[one.line - 1].strip()
            if not _is_equivalent(module, text, one.what):
                place = f"{seed} {module} {text} {one.what} {one.number}"
                everything.append((hashlib.sha256(place.encode()).digest(), module, path, one, text))
    for _, module, path, one, text in sorted(everything, key=lambda entry: entry[0]):
        tests = tuple(covering.tests(path, one))
        lives = bool(one.function) and not covering.only_imported(path, one)
        yield Mutant(module, one.number, one.line, one.what, text, lives, tests)


def _is_equivalent(module: str, text: str, what: str) -> bool:
    return any(module == there and part in text and kind in {"", what} for there, part, kind, _ in EQUIVALENT)


def changed_since(revision: str) -> dict[str, set[int]]:
    """The lines of each module that changed since then."""
    command = ["git", "diff", "--unified=0", revision, "--", "mailworker"]
    text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines: dict[str, set[int]] = {}
    for part in re.split(r"^\+\+\+ b/", text, flags=re.MULTILINE)[1:]:
        name = part.partition("\n")[0].removeprefix("mailworker/").removesuffix(".py").replace("/", ".")
        for start, count in re.findall(r"^@@ .*? \+(\d+)(?:,(\d+))? @@", part, flags=re.MULTILINE):
            lines.setdefault(name, set()).update(range(int(start), int(start) + int(count or 1)))
    return lines


class Count:
    """Says each mutant that no test noticed, and counts."""

    def __init__(self) -> None:
        self.noticed = 0
        self.survivors: list[Mutant] = []

    def __call__(self, mutant: Mutant, noticed: bool) -> None:
        """Take one mutant's fate."""
        if (self.noticed + len(self.survivors) + 1) % _A_WORD_EVERY == 0:
            print(f"{self.noticed + len(self.survivors) + 1} tried", flush=True)
        if noticed:
            self.noticed += 1
            return
        self.survivors.append(mutant)
        tests = f"{len(mutant.tests)} tests" if mutant.tests else "no test executes it"
        print(
            f"not noticed: {mutant.name} line {mutant.line}: {mutant.what}  [{mutant.text}] ({tests})",
            flush=True,
        )

    def verdict(self, untried: int = 0) -> int:
        """Print the sum, and say by the exit code whether enough were noticed."""
        total = self.noticed + len(self.survivors)
        share = self.noticed / total if total else 1.0
        left = f"; {untried} more were not tried to their end: the time was up" if untried else ""
        print(f"{self.noticed} of {total} mutants noticed ({share:.1%}){left}.")
        return int(share < FLOOR and len(self.survivors) > 1)


def _asked() -> argparse.Namespace:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("one", nargs="*", help="mutants by name, as rules.retry:3")
    asked.add_argument("--since", help="only lines that changed since this revision")
    asked.add_argument("--in", dest="where", nargs="*", default=[], help="only these packages or modules")
    asked.add_argument("--seed", default="0")
    asked.add_argument("--size", type=int, default=200, help="at most so many")
    asked.add_argument("--minutes", type=float, default=1e6, help="start none after so long")
    asked.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    asked.add_argument("--coverage", type=Path, default=COVERAGE)
    return asked.parse_args()


def _chosen(options: argparse.Namespace, covering: Covering) -> list[Mutant]:
    names = [name.rpartition(":")[0] for name in options.one] or options.where
    within = {
        module: path
        for module, path in modules().items()
        if not names or any(f"{module}.".startswith(f"{name}.") for name in names)
    }
    found = sample(within, covering, options.seed)
    if options.one:
        return [one for one in found if one.name in options.one]
    if options.since:
        lines = changed_since(options.since)
        found = (one for one in found if one.line in lines.get(one.module, ()))
    return [one for one, _ in zip(found, range(options.size), strict=False)]


def main() -> int:
    """Run, print, and say by the exit code whether enough were noticed."""
    options = _asked()
    if not options.coverage.exists():
        print(
            f"There is no {options.coverage}, which says what tests execute: run `make test COVERAGE=1` first."
        )
        return 2
    mutants = _chosen(options, Covering(options.coverage))
    until = time.monotonic() + options.minutes * 60
    count = Count()
    files = sorted({test.partition("::")[0] for one in mutants for test in one.tests})
    files = [file for file in files if (ROOT / file).exists()]
    print(
        f"{len(mutants)} mutants in {len({one.module for one in mutants})} modules, {len(files)} test files.",
        flush=True,
    )
    if mutants:
        session = TrySession(mutants, options.jobs, until, count)
        pytest.main([*OPTIONS, *files], plugins=[session])
        if not session.ran:
            print("The tests cannot be collected, so no mutant was tried.", *session.faults, sep="\n")
            return 2
        return count.verdict(session.untried)
    return count.verdict()


if __name__ == "__main__":
    sys.exit(main())
