"""A pytest plugin that loads one module mutated: MUTANT=mailworker.rules.retry_backoff:3."""

import os

from tests.mutants.mutated import install

if os.environ.get("MUTANT"):
    install()
