"""A mail that the documents send can be sent: its command gives every variable that its kind needs."""

import itertools
import re
import shlex
from pathlib import Path

import pytest

from mailworker.config.builtin_kinds import KINDS

ROOT = Path(__file__).parents[2]
_COMMAND = re.compile(r"mailworker send (api_crm\w+[^\n]*)")
COMMANDS = [
    (str(path.relative_to(ROOT)), found)
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    for found in _COMMAND.findall(re.sub(r"\\\n\s*", "", path.read_text("utf-8")))
    if "--var" in found
]


@pytest.mark.parametrize(("place", "command"), COMMANDS)
def test_a_documented_send_gives_every_variable(place, command):
    kind, *words = shlex.split(command, comments=True)
    given = {value.partition("=")[0] for option, value in itertools.pairwise(words) if option == "--var"}
    assert {one.name for one in KINDS[kind].variables if one.required} <= given, place


def test_there_are_such_commands():
    assert COMMANDS
