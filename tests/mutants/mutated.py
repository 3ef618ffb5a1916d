"""Puts a mutation into the modules of a running process, or into a module that is about to be imported."""

import ast
import gc
import importlib.abc
import importlib.machinery
import os
import sys
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from tests.mutants.operators import mutate


class Stays(Exception):
    """The mutation cannot be put into functions that exist already: the module must be imported anew."""


def put_in(module: str, number: int) -> None:
    """Give the live functions of this module the mutated code, and let it be imported mutated if it is not yet."""
    os.environ["MUTANT"] = f"{module}:{number}"
    install()
    if module not in sys.modules:
        return
    path = sys.modules[module].__file__ or ""
    source = Path(path).read_text("utf-8")
    old = _functions(compile(source, path, "exec", dont_inherit=True))
    new = _functions(compile(mutate(ast.parse(source), number), path, "exec", dont_inherit=True))
    changed = [place for place, code in old.items() if new.get(place) != code]
    gc.unfreeze()  # the collection of the tests froze them
    live = [one for one in gc.get_objects() if isinstance(one, FunctionType) and _file(one) == path]
    outermost = [place for place in changed if not any(place[:n] in old for n in range(1, len(place)))]
    for place in outermost:
        found = [one for one in live if one.__code__ == old[place]]
        if not found or len(new[place].co_freevars) != len(old[place].co_freevars):
            raise Stays(place)
        for one in found:
            one.__code__ = new[place]


def _file(function: FunctionType) -> str:
    return function.__code__.co_filename


def _functions(code: CodeType, place: tuple[tuple[str, int], ...] = ()) -> dict[tuple, CodeType]:
    """Every function's code by where it stands: classes are looked through."""
    found = {}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            here = (*place, (constant.co_qualname, constant.co_firstlineno))
            if constant.co_flags & 0x2:  # CO_NEWLOCALS: a function, not a class body
                found[here] = constant
            found |= _functions(constant, here)
    return found


class MutantLoader(importlib.machinery.SourceFileLoader):
    """Loads the module's source with one mutation in it, and leaves no byte code behind."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        tree = ast.parse(self.get_data(path), path)
        return compile(mutate(tree, int(os.environ["MUTANT"].rpartition(":")[2])), path, "exec")


class MutantFinder(importlib.abc.MetaPathFinder):
    """Finds the one module that is to be mutated, and no other."""

    def find_spec(self, fullname: str, path, target: ModuleType | None = None):
        if fullname != os.environ.get("MUTANT", "").rpartition(":")[0]:
            return None
        found = importlib.machinery.PathFinder.find_spec(fullname, path)
        if found is not None and found.origin:
            found.loader = MutantLoader(fullname, found.origin)
        return found


def install() -> None:
    """Let the module that MUTANT names be imported mutated."""
    if not any(isinstance(one, MutantFinder) for one in sys.meta_path):
        sys.meta_path.insert(0, MutantFinder())
