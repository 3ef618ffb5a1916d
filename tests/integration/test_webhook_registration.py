"""`mailworker webhook register` and `status`, against the local Mailjet."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from mailworker.cli import build
from mailworker.cli.local_stack.trial_config import trial_config
from mailworker.mailjet.webhook_registration import WEBHOOK_EVENTS, Callback, changes, write
from mailworker.simulator import RunningSimulator, running
from tests.integration.test_simulator_events import rest

pytestmark = pytest.mark.integration
URL = "http://127.0.0.1:8070"
TARGET = "http://mailjet:p%40ss@127.0.0.1:8070/mailjet/events"


@pytest.fixture
def simulator():
    with running(calls_per_minute=0) as found:
        yield found


@pytest.fixture
def configured(valkey, simulator: RunningSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    web = {"webhook_user": "mailjet", "webhook_password": "p@ss", "public_url": URL}
    mailjet = {"api_key": simulator.settings.api_key, "api_secret": simulator.settings.api_secret.reveal()}
    file = tmp_path / "crm_config.yaml"
    worker = {"redis_url": valkey.url, "database_url": f"sqlite:///{tmp_path}/ledger.db"}
    text = trial_config(
        {
            "mailjet": mailjet | {"api_url": simulator.url, "calls_per_minute": 12_000},
            "worker": worker,
            "web": web,
        }
    )
    file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("CRM_CONFIG", str(file))


def run(*arguments: str) -> tuple[int, str]:
    shown = CliRunner().invoke(build(), ["webhook", *arguments], env={"COLUMNS": "200"})
    return shown.exit_code, shown.output


def test_registering_twice_changes_nothing_the_second_time(configured, simulator):
    code, said = run("status")
    assert code == 1
    assert "sent does not reach this webhook" in said
    code, said = run("register")
    assert code == 0, said
    assert said.count("registered") == len(WEBHOOK_EVENTS)
    rows = rest(simulator, "GET", "eventcallbackurl?Limit=100")["Data"]
    assert {(row["EventType"], row["Url"], row["Version"]) for row in rows} == {
        (event, TARGET, 2) for event in WEBHOOK_EVENTS
    }
    code, again = run("register")
    assert code == 0
    assert "Nothing to change" in again
    code, said = run("status")
    assert code == 0
    assert "p%40ss" not in said
    assert "p@ss" not in said


def test_what_another_program_registered_is_shown_and_taken_over(configured, simulator):
    other = "http://u:secret@127.0.0.1:9/old"
    rest(simulator, "POST", "eventcallbackurl", {"EventType": "open", "Url": other, "Version": 1})
    code, said = run("status")
    assert code == 1
    assert "127.0.0.1:9/old" in said
    assert "secret" not in said
    code, said = run("register")
    assert code == 0
    assert "open: changed" in said


def test_a_dead_url_is_brought_back_by_a_new_one(configured, simulator):
    assert run("register")[0] == 0
    rows = {
        row["EventType"]: row["ID"] for row in rest(simulator, "GET", "eventcallbackurl?Limit=100")["Data"]
    }
    rest(simulator, "PUT", f"eventcallbackurl/{rows['open']}", {"Status": "dead"})
    rest(simulator, "PUT", f"eventcallbackurl/{rows['open']}", {"Status": "alive", "Version": 1})
    assert run("status")[0] == 1, "the same URL stays dead, whatever its row is told"
    code, said = run("register")
    assert (code, "open: changed" in said) == (0, True)
    assert run("status")[0] == 0


def test_a_missing_address_is_a_sentence(configured, monkeypatch, tmp_path):
    file = tmp_path / "crm_config.yaml"
    file.write_text(file.read_text("utf-8").replace("public_url", "#public_url"), encoding="utf-8")
    shown = CliRunner().invoke(build(), ["webhook", "register"])
    assert "web.public_url" in str(shown.exception)


def test_what_is_registered_is_shown_where_nobody_knows_which_address_is_ours(
    configured, simulator, monkeypatch, tmp_path
):
    run("register")
    file = tmp_path / "crm_config.yaml"
    file.write_text(file.read_text("utf-8").replace("public_url", "#public_url"), encoding="utf-8")
    code, said = run("status")
    assert code == 1
    assert said.count("127.0.0.1:8070/mailjet/events") == len(WEBHOOK_EVENTS)
    assert said.count("not known") == len(WEBHOOK_EVENTS) + 1
    assert "Set web.public_url, or give --url" in said
    assert "p%40ss" not in said
    code, said = run("status", "--json")
    found = json.loads(said)
    assert (code, found["missing"]) == (1, None)
    assert {one["ours"] for one in found["registered"]} == {None}


@pytest.mark.parametrize(
    ("url", "first"),
    [("http://a/events", "http://a/events?again"), ("http://a/events?key=1", "http://a/events?key=1&again")],
)
def test_a_dead_registration_gets_another_url_first_and_then_its_own(url, first):
    calls = []
    gateway = SimpleNamespace(rest=calls.append)
    write(gateway, [Callback("open", url, 7, alive=False)])
    assert [(one.method, one.id, one.data["Url"]) for one in calls] == [("PUT", 7, first), ("PUT", 7, url)]


@pytest.mark.parametrize("change", [{"url": "http://else"}, {"alive": False}, {"version": 1}])
def test_only_what_differs_is_written(change):
    known = [Callback(event, TARGET, number) for number, event in enumerate(WEBHOOK_EVENTS)]
    assert changes(known, TARGET) == []
    known[3] = Callback(**{"event": known[3].event, "url": TARGET, "id": 3} | change)
    again = change == {"alive": False}
    assert changes(known, TARGET) == [Callback(known[3].event, TARGET, 3, alive=not again)]
    backups = [Callback(event, TARGET, 1, backup=True) for event in WEBHOOK_EVENTS]
    assert [one.event for one in changes(backups, TARGET)] == list(WEBHOOK_EVENTS)
