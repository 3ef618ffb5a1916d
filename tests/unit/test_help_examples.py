"""Every command's help has an example, and each example is one that the command takes."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from mailworker.cli import build
from mailworker.config.builtin_kinds import KINDS
from mailworker.rules.job.check_job import check_job
from tests.rows import NOW

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


@pytest.mark.parametrize("group", [name for name, one in APP.commands.items() if hasattr(one, "commands")])
def test_a_groups_summary_that_lists_commands_lists_all(group):
    _, colon, listed = (APP.commands[group].help or "").partition("\n")[0].partition(":")
    names = {name.replace("-", " ") for name in APP.commands[group].commands}
    assert not colon or {name.strip(" .") for name in listed.split(",")} == names


@pytest.mark.parametrize("path", ALL)
def test_the_help_has_an_example_of_this_command_that_it_takes(path):
    found = _EXAMPLE.search(" ".join((ALL[path].help or "").split()))
    assert found, f"mailworker {path} --help has no example"
    words = shlex.split(found[1])
    names = path.split()
    assert words[: len(names)] == names
    ALL[path].make_context(path, words[len(names) :], resilient_parsing=False).close()


_SENDS = [
    found
    for page in (*Path("docs").glob("*.md"), *Path("docs/fr").glob("*.md"), Path("README.md"))
    for found in re.findall(r"mailworker (send \S+ \S+@(?:[^\n`\\]|\\\n)+)", page.read_text("utf-8"))
]


@pytest.mark.parametrize("shown", [*_SENDS, _EXAMPLE.search(" ".join(ALL["send"].help.split()))[1]])
def test_a_mail_that_a_page_sends_is_complete(shown):
    words = [word for word in shlex.split(shown.replace("\\\n", " "), comments=True) if word not in "|)"]
    given = ALL["send"].make_context("send", words[1:]).params
    if given["kind"] not in KINDS:
        return
    values = dict(pair.split("=", 1) for pair in given["var"] or [])
    job = {"kind": given["kind"], "to": given["to"][0], "variables": values}
    assert check_job(job, KINDS, now=NOW)
