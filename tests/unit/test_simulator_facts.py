"""Every rule of the local Mailjet names its source and a test that is there; every assumption is explained."""

import re
from pathlib import Path

import pytest

from mailworker.simulator.assumptions import Assumption

ROOT = Path(__file__).parents[2]
FACTS = (ROOT / "mailworker" / "simulator" / "FACTS.md").read_text(encoding="utf-8")
SORTS = ("guide", "recording", "description", "SDK test", "issue", "stand-in")
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split("|"))
    for line in FACTS.partition("## Kinder")[0].splitlines()
    if line.startswith("| ") and not line.startswith(("| rule", "| ---"))
]
TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
}


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_rule_has_a_source_and_a_test(row):
    _, source, test = row
    sorts = [one.split(":")[0].strip() for one in source.split("; ")]
    assert [sort for sort in sorts if sort not in SORTS] == []
    assert test in TESTS


def test_only_stand_ins_go_without_saying_where():
    vague = [
        source for _, source, _ in ROWS if ":" not in source and source not in ("stand-in", "description")
    ]
    assert vague == []


def test_every_assumption_is_explained():
    explained = re.findall(r"^\| `([\w-]+)` \|", FACTS, re.MULTILINE)
    assert explained == [str(one) for one in Assumption]
