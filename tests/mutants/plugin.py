"""A pytest plugin that loads one module mutated: MUTANT=mailworker.rules.retry:3."""

import ast
import importlib.abc
import importlib.machinery
import os
import sys
from types import ModuleType

from tests.mutants.operators import mutate


class MutantLoader(importlib.machinery.SourceFileLoader):
    """Loads the module's source with one mutation in it, and leaves no byte code behind."""

    def get_code(self, fullname: str):
        path = self.get_filename(fullname)
        tree = ast.parse(self.get_data(path), path)
        return compile(mutate(tree, int(os.environ["MUTANT"].rpartition(":")[2])), path, "exec")


class MutantFinder(importlib.abc.MetaPathFinder):
    """Finds the one module that is to be mutated, and no other."""

    def find_spec(self, fullname: str, path, target: ModuleType | None = None):
        if fullname != os.environ["MUTANT"].rpartition(":")[0]:
            return None
        found = importlib.machinery.PathFinder.find_spec(fullname, path)
        if found is not None and found.origin:
            found.loader = MutantLoader(fullname, found.origin)
        return found


if os.environ.get("MUTANT"):
    sys.meta_path.insert(0, MutantFinder())
