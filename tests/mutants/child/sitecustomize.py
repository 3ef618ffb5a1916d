"""In a process that a test started: import the mutated module as its parent does."""

import os

if os.environ.get("MUTANT"):
    from tests.mutants.mutated import install

    install()
