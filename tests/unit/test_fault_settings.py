"""The fault tests use the settings that operators get; where one cannot, its name says so."""

import ast
from pathlib import Path

import pytest

from mailworker.config.settings import Settings
from mailworker.config.worker import WorkerSettings
from tests.faults.scene import SHORT_TIMES, shipped

FAULTS = Path(__file__).parents[1] / "faults"
SAYS_SO = "_with_short_times"
#: What a fault test may set: whatever is harsher than an operator's, or says where things are.
ALLOWED = {"api_url", "calls_per_minute", "redis_url", "database_url", "lane", "variables"}
KIND = {"from_email", "from_name", "template_id", "subject"}

TESTS = [
    (path.name, node)
    for path in sorted(FAULTS.glob("test_*.py"))
    for node in ast.walk(ast.parse(path.read_text("utf-8")))
    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
]


def is_quick(node: ast.FunctionDef) -> bool:
    return any(argument.arg.startswith("open_quick") for argument in node.args.args)


@pytest.mark.parametrize(("file", "node"), TESTS, ids=lambda one: getattr(one, "name", one))
def test_who_has_kinder_settings_says_so_in_its_name(file, node):
    assert not is_quick(node) or SAYS_SO in node.name, f"{file}: {node.name}"


@pytest.mark.parametrize("path", sorted(FAULTS.glob("test_*.py")), ids=lambda path: path.name)
def test_nobody_sets_a_kinder_time_in_passing(path):
    """Neither as a keyword of a scene that has none of its own, nor in a section of its configuration."""
    times = set(SHORT_TIMES) | {"resend_unknown_after", "when_unknown", "keep_jobs"}
    tree = ast.parse(path.read_text("utf-8"))
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
        set_here = {word.arg for word in ast.walk(function) if isinstance(word, ast.keyword)}
        set_here |= {text.value for text in ast.walk(function) if isinstance(text, ast.Constant)}
        assert not set_here & times or SAYS_SO in function.name, f"{function.name}: {set_here & times}"


def test_shipped_settings_set_nothing_but_where_and_how_fast():
    changed = shipped(1_200, "http://127.0.0.1:1/")
    assert set(changed) == {"mailjet", "crm"}
    for name, value in changed["mailjet"].items():
        assert set(value) <= KIND | ALLOWED if isinstance(value, dict) else name in ALLOWED


def test_short_times_are_settings_that_there_are():
    assert set(SHORT_TIMES) <= set(WorkerSettings.model_fields)
    assert "worker" in Settings.model_fields
