"""Every command's help has an example, and each example is one that the command takes."""

import re
import shlex

import pytest
import typer

from mailworker.cli import build

_EXAMPLE = re.compile(r"Example: mailworker (.+)")


def commands(command, path=()):
    inside = getattr(command, "commands", None)
    if inside is not None:
        for name, inner in inside.items():
            yield from commands(inner, (*path, name))
    else:
        yield " ".join(path), command


APP = typer.main.get_command(build())
ALL = dict(commands(APP))


@pytest.mark.parametrize("path", ALL)
def test_the_help_has_an_example_of_this_command_that_it_takes(path):
    found = _EXAMPLE.search(" ".join((ALL[path].help or "").split()))
    assert found, f"mailworker {path} --help has no example"
    words = shlex.split(found[1])
    names = path.split()
    assert words[: len(names)] == names
    ALL[path].make_context(path, words[len(names) :], resilient_parsing=False).close()
