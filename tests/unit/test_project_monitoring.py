"""deploy/prometheus and deploy/grafana: every metric named there exists, every alert is documented and fires."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from mailworker.core.states import State
from mailworker.observability.prometheus_exposition import Figures, exposition

ROOT = Path(__file__).parents[2]
RULES_FILE = ROOT / "deploy/prometheus/mailworker.rules.yml"
RULES = [rule for group in yaml.safe_load(RULES_FILE.read_text("utf-8"))["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((ROOT / "deploy/grafana/mailworker.json").read_text("utf-8"))
_NAME = re.compile(r"\bmailworker_[a-z_]+")
_OF_A_HISTOGRAM = ("_bucket", "_sum", "_count")


def full_house() -> Figures:
    """Every figure that a collector may gather."""
    return Figures(
        messages={state.value: 1 for state in State},
        holds=("*",),
        ready={"urgent": 1},
        oldest_ready={"urgent": 1.0},
        oldest_in_state={"unknown": 1.0},
        streams={"normal": 1},
        oldest_entry={"normal": 1.0},
        beat_age=1.0,
        version="1",
    )


def metrics() -> set[str]:
    text = exposition(full_house()).decode()
    families = {}
    for line in text.splitlines():
        if line.startswith("# TYPE"):
            _, _, name, kind = line.split(" ")
            families[name] = kind
    told = set(families)
    for name, kind in families.items():
        if kind == "histogram":
            told |= {f"{name}{end}" for end in _OF_A_HISTOGRAM}
    return told


def expressions() -> list[str]:
    panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return panels + [rule["expr"] for rule in RULES]


@pytest.mark.parametrize("expression", expressions())
def test_every_metric_named_exists(expression: str):
    used = set(_NAME.findall(expression))
    assert used <= metrics()
    assert used or "up{" in expression


def test_the_documented_metrics_exist_and_all_are_documented():
    page = (ROOT / "docs/monitoring.md").read_text("utf-8")
    named = {name.rstrip("_") for name in _NAME.findall(page)}
    assert named - {"mailworker_rules"} <= metrics()
    shown = {name for name in metrics() if not name.endswith(_OF_A_HISTOGRAM)}
    assert shown <= named


def test_every_alert_says_what_to_do():
    page = (ROOT / "docs/alerts.md").read_text("utf-8")
    assert {rule["alert"] for rule in RULES} == set(re.findall(r"^## (\w+)$", page, re.MULTILINE))
    assert {rule["labels"]["severity"] for rule in RULES} == {"critical", "warning"}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool here: apt-get install prometheus")
@pytest.mark.parametrize(
    "arguments", [("check", "rules", RULES_FILE.name), ("test", "rules", "mailworker.rules.test.yml")]
)
def test_promtool_finds_the_rules_right_and_each_fires(arguments: tuple[str, ...]):
    done = subprocess.run(
        ["promtool", *arguments], cwd=RULES_FILE.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_its_case():
    cases = yaml.safe_load((RULES_FILE.parent / "mailworker.rules.test.yml").read_text("utf-8"))["tests"]
    assert {rule["alert"] for rule in RULES} == {case["name"].partition(",")[0] for case in cases} - {
        "all is well"
    }
