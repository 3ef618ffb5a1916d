"""Runs a fixed sample of mutants and says which the tests did not notice.

    python -m tests.mutants                    the whole sample
    python -m tests.mutants --since main~5     only modules that changed since then
    python -m tests.mutants rules.retry:3      one mutant

Ends with 1 where fewer than FLOOR of them are noticed. A mutant that is equivalent to the original stands in
EQUIVALENT with its reason; it does not count.
"""

import argparse
import ast
import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.operators import mutations
from tests.mutants.targets import EQUIVALENT, TARGETS

ROOT = Path(__file__).parents[2]
FLOOR = 0.95
#: So many of each module, chosen by a digest: the same ones as long as the module stays as it is.
EACH = 8
SECONDS = 180


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change in one module, and the tests that should notice."""

    module: str
    number: int
    what: str
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        """As the command line takes it; the line and the kind of change tell it from others."""
        return f"{self.module}:{self.number}"


def sample(module: str, tests: tuple[str, ...]) -> list[Mutant]:
    """This module's share of the sample."""
    path = ROOT / "mailworker" / (module.replace(".", "/") + ".py")
    tree = ast.parse(path.read_text("utf-8"))
    everything = [Mutant(module, number, what, tests) for number, what in mutations(tree)]
    chosen = sorted(everything, key=lambda one: hashlib.sha256(f"{one.name} {one.what}".encode()).digest())
    return [one for one in chosen if not _is_equivalent(one, path)][:EACH]


def _is_equivalent(mutant: Mutant, path: Path) -> bool:
    line = path.read_text("utf-8").splitlines()[int(mutant.what.split()[1].rstrip(":")) - 1].strip()
    return any(module == mutant.module and line == text for module, text, _ in EQUIVALENT)


def noticed(mutant: Mutant) -> bool:
    """Whether a test fails. One that never ends counts: somebody would notice."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "tests.mutants.plugin",
        "-p",
        "no:cacheprovider",
    ]
    environment = os.environ | {"MUTANT": f"mailworker.{mutant.name}", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        ran = subprocess.run(
            [*command, *mutant.tests],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return True
    return ran.returncode != 0


def changed_since(revision: str) -> set[str]:
    """The modules that changed since then."""
    command = ["git", "diff", "--name-only", revision, "--", "mailworker"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return {name.removeprefix("mailworker/").removesuffix(".py").replace("/", ".") for name in names}


def main() -> int:
    """Run, print, and say by the exit code whether enough were noticed."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("one", nargs="?", help="one mutant, as rules.retry:3")
    asked.add_argument("--since", help="only modules that changed since this revision")
    options = asked.parse_args()
    modules = changed_since(options.since) & TARGETS.keys() if options.since else set(TARGETS)
    mutants = [one for module in sorted(modules) for one in sample(module, TARGETS[module])]
    if options.one:
        module = options.one.rpartition(":")[0]
        path = ROOT / "mailworker" / (module.replace(".", "/") + ".py")
        every = mutations(ast.parse(path.read_text("utf-8")))
        mutants = [
            one for n, w in every if (one := Mutant(module, n, w, TARGETS[module])).name == options.one
        ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        survivors = [one for one, seen in zip(mutants, pool.map(noticed, mutants), strict=True) if not seen]
    for one in survivors:
        print(f"not noticed: {one.name} ({one.what})")
    share = 1 - len(survivors) / len(mutants) if mutants else 1.0
    print(f"{len(mutants) - len(survivors)} of {len(mutants)} mutants noticed ({share:.1%}).")
    return 0 if share >= FLOOR else 1


if __name__ == "__main__":
    raise SystemExit(main())
