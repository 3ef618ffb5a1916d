"""A real Prometheus before a running installation: each panel's query and each alert's condition finds its series."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from mailworker.cli.local_stack import wait_until
from mailworker.cli.local_stack.redis_server import free_port
from mailworker.client import MailClient
from tests.acceptance.conftest import RESET, RunningStack, answer

PROMETHEUS = shutil.which("prometheus")
pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(240),
    pytest.mark.skipif(PROMETHEUS is None, reason="no prometheus here: apt-get install prometheus"),
]
ROOT = Path(__file__).parents[2]
RULES_FILE = ROOT / "deploy/prometheus/mailworker.rules.yml"
RULES = {
    rule["alert"]: rule["expr"]
    for group in yaml.safe_load(RULES_FILE.read_text("utf-8"))["groups"]
    for rule in group["rules"]
}
DASHBOARD = json.loads((ROOT / "deploy/grafana/mailworker.json").read_text("utf-8"))
PANELS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
_SELECTOR = re.compile(r"\b(mailworker_[a-z_]+)(?:\{([^}]*)\})?")
#: Begin to exist with the first thing that they count, and one reset that was sent brings none of these.
_LATER = {
    "failed",
    "events",
    "webhook",
    "prepare",
    "prepared",
    "refused",
    "hold",
    "breaker",
    "oldest",
    "stream",
}


class Prometheus:
    """Its HTTP API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, expression: str) -> list[dict[str, Any]]:
        response = requests.get(f"{self.url}/api/v1/query", params={"query": expression}, timeout=20).json()
        assert response["status"] == "success", (expression, response)
        found: list[dict[str, Any]] = response["data"]["result"]
        return found


@pytest.fixture(scope="module")
def web(container: RunningStack) -> Iterator[subprocess.Popen[bytes]]:
    """The process that has the metrics; `args[-1]` is its port."""
    port = str(free_port())
    with subprocess.Popen(
        [sys.executable, "-m", "mailworker", "webhook", "--port", port],
        env={**os.environ, **container.servers.environ},
        stderr=subprocess.DEVNULL,
    ) as process:
        yield process
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def prometheus(
    web: subprocess.Popen[bytes], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """Configured as docs/monitoring.md has it, but for ports, a shorter interval, and no password on loopback."""
    (shown,) = (
        block
        for block in re.findall(
            r"```yaml\n(.*?)```", (ROOT / "docs/monitoring.md").read_text(encoding="utf-8"), re.DOTALL
        )
        if "scrape_configs" in block
    )
    folder, port = tmp_path_factory.mktemp("prometheus"), free_port()
    shutil.copy(RULES_FILE, folder)
    config = yaml.safe_load(shown)
    (job,) = config["scrape_configs"]
    del job["basic_auth"]
    job["static_configs"][0]["targets"] = [f"127.0.0.1:{list(web.args)[-1]}"]  # type: ignore[arg-type]
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), "utf-8")
    arguments = [
        f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with subprocess.Popen([str(PROMETHEUS), *arguments], stderr=subprocess.DEVNULL) as process:
        made = Prometheus(f"http://127.0.0.1:{port}")

        def scrapes() -> bool:
            assert process.poll() is None, "Prometheus refuses the page's configuration"
            try:
                return any(one["value"][1] == "1" for one in made.query('up{job="mailworker"}'))
            except (requests.RequestException, ValueError):
                return False

        try:
            assert wait_until(scrapes, seconds=60)
            yield made
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="module")
def busy(container: RunningStack, prometheus: Prometheus) -> Prometheus:
    """A reset was sent, and all of its figures were scraped more than once."""
    asked: dict[str, Any] = {
        "kind": RESET,
        "to": "claire@example.com",
        "variables": {"user_name": "C", "reset_url": "https://crm.example/r", "expiry_time": "1 heure"},
    }
    with closing(MailClient(container.servers.redis_url)) as client:
        container.final(client.send(asked["kind"], asked["to"], asked["variables"]))
    assert wait_until(
        lambda: bool(prometheus.query("count_over_time(mailworker_accept_to_call_seconds_count[1m]) > 2")),
        seconds=60,
    )
    return prometheus


@pytest.mark.parametrize("expression", [*PANELS, *RULES.values()])
def test_each_query_is_understood_and_its_metrics_and_labels_exist(expression: str, busy: Prometheus):
    busy.query(expression)
    grouped = {
        name.strip() for names in re.findall(r"by \(([^)]*)\)", expression) for name in names.split(",")
    }
    for metric, selected in _SELECTOR.findall(expression):
        series = busy.query(f"{{__name__=~'{metric}'}}")
        if metric.split("_")[1] in _LATER and not series:
            continue
        assert series, metric
        wanted = grouped | {part.partition("=")[0].rstrip("!~ ") for part in selected.split(",") if part}
        assert wanted <= {label for one in series for label in one["metric"]}, metric


def test_where_all_is_well_no_alerts_condition_holds(busy: Prometheus):
    assert [name for name, expression in RULES.items() if busy.query(expression)] == []


def test_a_hold_a_refused_job_and_a_dead_process_are_alerts(
    container: RunningStack, busy: Prometheus, web: subprocess.Popen[bytes]
):
    def soon(alert: str) -> bool:
        return wait_until(lambda: bool(busy.query(RULES[alert])), seconds=40)

    try:
        assert container.mailworker("holds", "add", "lane:bulk", "a test").returncode == 0
        assert soon("MailworkerHeldByHand")
    finally:
        container.mailworker("holds", "release", "lane:bulk")
    wrong = container.servers.celery.send_task(
        "mailworker.send_email", kwargs={"kind": RESET, "to": "nobody"}, queue="mail.urgent"
    )
    answer(wrong, propagate=False)
    assert soon("MailworkerRejectedJobs")
    web.kill()
    assert soon("MailworkerDown")
