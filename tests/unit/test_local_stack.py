"""The servers of a trial: which command each is, in which order, with which environment and configuration."""

import os
import re
import socket
import sys
from types import SimpleNamespace

import pytest
import yaml

from mailworker.cli.local_stack import servers
from mailworker.cli.local_stack.production_workers import PRODUCTION_WORKERS
from mailworker.cli.local_stack.servers import Servers
from mailworker.cli.local_stack.trial_config import local_config, merged, web_for_trial
from mailworker.errors import Misconfigured

REDIS = "redis://127.0.0.1:1/0"


@pytest.fixture
def stack(monkeypatch, tmp_path):
    """Servers in a folder, over children that only remember how they were started."""
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    monkeypatch.setattr(servers, "answers", lambda _: True)
    monkeypatch.setattr(servers, "_accepts", lambda *_: False)
    asked = []

    class Child:
        def __init__(self, name, command, log, environ):
            self.name, self.command, self.log, self.environ = name, [*command], log, environ
            self.alive, self.patience = True, None

        def wait_ready(self, condition, *, seconds=60):
            self.ready, self.patience = condition, seconds

        def stop(self, *, seconds=60):
            asked.append((self.name, seconds))

        def ask_to_stop(self):
            asked.append(f"ask {self.name}")

    class Worker(Child):
        def __init__(self, of, process, node):
            super().__init__(
                f"The worker {node}", [*process.queues, str(process.concurrency)], None, of.environ
            )
            self.node = node

        def wait_for_tasks(self):
            asked.append(f"wait {self.node}")

    monkeypatch.setattr(servers, "Child", Child)
    monkeypatch.setattr(servers, "Worker", Worker)

    def make(**options):
        made = Servers(tmp_path / "trial", **{"redis_url": REDIS} | options)
        (tmp_path / "trial" / "logs").mkdir(parents=True, exist_ok=True)
        return made

    make.asked = asked
    return make


def test_each_child_gets_this_environment_and_the_trials_own(stack, tmp_path):
    made = stack()
    folder = tmp_path / "trial"
    own = {name: value for name, value in made.environ.items() if os.environ.get(name) != value}
    assert own == {
        "CRM_CONFIG": str(folder / "crm_config.yaml"),
        "REDIS_URL": REDIS,
        "DATABASE_URL": f"sqlite:///{folder / 'mailworker.db'}",
        "BEAT_SCHEDULE": str(folder / "celerybeat-schedule"),
        "PYTHONUNBUFFERED": "1",
    }
    assert stack(database_url="postgresql://x").environ["DATABASE_URL"] == "postgresql://x"


def test_the_environments_redis_is_used_and_not_started_and_its_ledger_left_alone(
    stack, monkeypatch, tmp_path
):
    monkeypatch.setenv("REDIS_URL", "redis://theirs:1/0")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///theirs")
    made = stack(redis_url=None)
    own = f"sqlite:///{tmp_path / 'trial' / 'mailworker.db'}"
    assert (made.redis_url, made.database_url) == ("redis://theirs:1/0", own)
    assert (made.start_redis(), made.children) == (None, [])
    assert stack().redis_url == REDIS, "what was given wins"


def test_a_redis_of_ones_own_keeps_its_data_in_the_folder(stack, monkeypatch, tmp_path):
    monkeypatch.setattr(servers, "redis_command", lambda port, folder: ["redis", str(port), str(folder)])
    made = stack(redis_url=None, redis_port=6399)
    child = made.start_redis()
    data = tmp_path / "trial" / "redis"
    assert (made.redis_url, child.name, child.command) == (
        "redis://127.0.0.1:6399/0",
        "Redis",
        ["redis", "6399", str(data)],
    )
    assert data.is_dir()
    assert (child.log, child.patience, made.children) == (
        tmp_path / "trial" / "logs" / "redis.log",
        30,
        [child],
    )
    monkeypatch.setattr(servers, "_accepts", lambda host, port: (host, port) == ("127.0.0.1", 6399))
    taken = "Redis cannot listen on port 6399: another program does. Choose another with --redis-port."
    with pytest.raises(Misconfigured, match=f"^{re.escape(taken)}$"):
        made.start_redis()


def test_the_local_mailjet_runs_by_the_trials_file_and_is_ready_when_it_says_so(stack, tmp_path):
    made = stack(simulator=["--latency", "1"], simulator_port=8025)
    log = tmp_path / "trial" / "logs" / "simulator.log"
    log.write_text("The local Mailjet is ready at http://127.0.0.1:1 (of an earlier start)", encoding="utf-8")
    child = made.start_simulator()
    assert not log.exists(), "an earlier start's line would be taken for this one's"
    options = ["--port", "8025", "--config", str(made.config), "--latency", "1"]
    assert child.command == [sys.executable, "-m", "mailworker", "simulator", *options]
    assert (child.name, child.log, child.environ) == ("The local Mailjet", log, made.environ)
    assert (made.simulator_url, made.mailbox.url) == ("http://127.0.0.1:8025",) * 2
    log.write_text("It starts.", encoding="utf-8")
    assert not child.ready()
    log.write_text(
        "The local Mailjet is ready at http://127.0.0.1:8025 (API and inbox page).", encoding="utf-8"
    )
    assert child.ready()


def test_the_web_process_listens_where_the_file_says(stack, monkeypatch):
    made = stack()
    made.__dict__["settings"] = SimpleNamespace(web=SimpleNamespace(host="127.0.0.2", port=8070))
    child = made.start_web()
    options = ["--host", "127.0.0.2", "--port", "8070"]
    assert child.command == [sys.executable, "-m", "mailworker", "webhook", *options]
    assert (child.name, child.log.name) == ("The web process", "web.log")
    tried = []
    monkeypatch.setattr(servers, "_accepts", lambda *place: tried.append(place) or True)
    assert child.ready()
    assert tried == [("127.0.0.2", 8070)]
    taken = "The operators' page cannot listen on port 8070: another program does. Choose another with --web-port."
    with pytest.raises(Misconfigured, match=f"^{re.escape(taken)}$"):
        made.start_web()


def test_beat_is_ready_when_its_log_says_that_it_starts(stack):
    made = stack()
    log = made.folder / "logs" / "beat.log"
    log.write_text("beat: Starting... (of an earlier start)", encoding="utf-8")
    child = made.beat()
    assert not log.exists()
    assert child.command == [sys.executable, "-m", "celery", "-A", "mailworker.tasks", "beat", "-l", "INFO"]
    log.write_text("beat v5", encoding="utf-8")
    assert not child.ready()
    log.write_text("beat: Starting...", encoding="utf-8")
    assert child.ready()


def test_all_workers_of_production_start_before_the_first_is_waited_for(stack):
    made = stack()
    process = made.production_workers()
    assert [worker.node for worker in process] == [f"{one.name}1@localhost" for one in PRODUCTION_WORKERS]
    assert [worker.command for worker in process] == [
        [*one.queues, str(one.concurrency)] for one in PRODUCTION_WORKERS
    ]
    assert stack.asked == [f"wait {worker.node}" for worker in process]
    stack.asked.clear()
    assert made.production_workers(wait=False)[0].node == f"{PRODUCTION_WORKERS[0].name}2@localhost"
    assert stack.asked == []
    alone = made.worker(["mail.urgent"])
    assert (alone.node, alone.command, stack.asked) == (
        "worker1@localhost",
        ["mail.urgent", "1"],
        ["wait worker1@localhost"],
    )
    process[1].alive = False
    assert made.dead() == [process[1]]


def test_a_workers_command_and_how_long_it_may_finish(monkeypatch, tmp_path):
    given = {}
    monkeypatch.setattr(
        servers.Child,
        "__init__",
        lambda self, *what: given.update(zip(("name", "command", "log", "env"), what, strict=True)),
    )
    monkeypatch.setattr(servers.Child, "stop", lambda self, *, seconds: seconds)
    monkeypatch.setattr(
        servers.Child,
        "wait_ready",
        lambda self, condition, *, seconds: given.update(ready=condition(), seconds=seconds),
    )
    pinged = []
    control = SimpleNamespace(ping=lambda **how: pinged.append(how) or [{"n": "pong"}])
    of = SimpleNamespace(celery=SimpleNamespace(control=control), folder=tmp_path, environ={"A": "1"})
    worker = servers.Worker(of, PRODUCTION_WORKERS[1], "normal1@localhost")
    assert given == {
        "name": "The worker normal1@localhost",
        "command": [
            sys.executable, "-m", "celery", "-A", "mailworker.tasks", "worker", "-Q", "mail.normal,celery", "-c", "2",
            "-n", "normal1@localhost", "--without-gossip", "--without-mingle", "-l", "INFO",
        ],
        "log": tmp_path / "logs" / "normal1.log",
        "env": {"A": "1"},
    }  # fmt: skip
    assert (worker.stop(), worker.stop(seconds=3)) == (60, 3)
    worker.wait_for_tasks()
    assert (given["ready"], given["seconds"]) == (True, 60)
    assert pinged == [{"destination": ["normal1@localhost"], "timeout": 0.5}]


# ---- the configuration


def test_the_trials_file_points_to_this_machine_and_changes_win(stack):
    made = stack(simulator_port=8025, changes={"worker": {"lease": "6s"}, "crm": {"source": "none"}})
    made._write_config()
    written = yaml.safe_load(made.config.read_text("utf-8"))
    assert written["mailjet"]["api_url"] == "http://127.0.0.1:8025/"
    assert written["worker"] == {
        "redis_url": REDIS,
        "database_url": made.database_url,
        "lease": "6s",
    }
    assert written["invoice"]["store"] == str(made.folder / "invoices")
    assert written["crm"] == {"source": "none", "demo": {"path": str(made.folder / "demo-crm.sqlite")}}


def test_an_operators_file_gets_no_key_of_the_real_mailjet_and_keeps_its_crm(stack, tmp_path):
    theirs = tmp_path / "theirs" / "crm_config.yaml"
    (theirs.parent / "invoice_templates").mkdir(parents=True)
    theirs.write_text(
        "mailjet: {api_key: real, api_secret: real, proxy: p}\ncrm: {source: http}\nown: !vault x\n",
        encoding="utf-8",
    )
    made = stack(config=theirs, changes={"web": web_for_trial(7)})
    made._write_config()
    written = yaml.safe_load(made.config.read_text("utf-8"))
    assert written["mailjet"] == {
        "api_key": "simulator-key",
        "api_secret": "simulator-secret",
        "proxy": "p",
        "api_url": f"{made.simulator_url}/",
    }
    assert (written["crm"], written["own"], written["web"]["port"]) == ({"source": "http"}, "x", 7)
    link = made.folder / "invoice_templates"
    assert link.resolve() == theirs.parent / "invoice_templates"
    made._write_config()
    assert link.is_symlink(), "a second start finds the first one's link"
    (theirs.parent / "invoice_templates").rmdir()
    made._write_config()
    assert not link.is_symlink()


@pytest.mark.parametrize("text", ["", "- a\n", "a: [", "text"])
def test_a_file_that_is_no_mapping_is_refused(text):
    with pytest.raises(Misconfigured, match=r"^The configuration is no YAML of sections; "):
        local_config(text, {})


def test_sections_are_laid_over_each_other_key_by_key():
    assert merged({"a": {"x": 1, "y": 1}}, {"b": {}}, {"a": {"y": 2}}) == {"a": {"x": 1, "y": 2}, "b": {}}
    assert yaml.safe_load(local_config("a: text\n", {"a": {"x": 1}})) == {"a": {"x": 1}}


def test_a_trials_page_has_everything_on():
    assert web_for_trial(8070) == {
        "host": "127.0.0.1",
        "port": 8070,
        "public_url": "http://127.0.0.1:8070",
        "webhook_user": "mailjet",
        "webhook_password": "mailjet",
        "operator_user": "operator",
        "operator_password": "operator",
        "actions": True,
    }


def test_somebody_who_listens_there_is_noticed():

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert servers._accepts("127.0.0.1", port)
    assert not servers._accepts("127.0.0.1", port)
