"""A package's lazy names: each is what its module has, and none is a module's own name, which would win."""

import importlib
import pkgutil
from pathlib import Path

import pytest

import mailworker
from mailworker.core.lazy_exports import lazy_exports

LAZY = sorted(
    "mailworker." + ".".join(path.parent.relative_to(Path(mailworker.__path__[0])).parts)
    for path in Path(mailworker.__path__[0]).rglob("__init__.py")
    if "lazy_exports(" in path.read_text("utf-8")
)


@pytest.mark.parametrize("name", LAZY)
def test_each_name_is_what_its_module_has(name):
    package = importlib.import_module(name)
    for exported in package.__all__:
        assert getattr(package, exported) is not None


@pytest.mark.parametrize("name", LAZY)
def test_no_name_is_a_modules(name):
    """Importing a module sets its name on the package: who then asks for the function would get the module."""
    package = importlib.import_module(name)
    assert {one.name for one in pkgutil.iter_modules(package.__path__)} & set(package.__all__) == set()


def test_other_names_are_refused():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        lazy_exports("mailworker.intake", {"Intake": "accept"})("nothing")
