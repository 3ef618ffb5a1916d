"""`mailworker holds`: a lane, a kind or all mail, and waiting until nothing of it is in a call."""

import json

import pytest
from sqlalchemy import insert, update
from typer.testing import CliRunner

from mailworker.cli import build, hold_and_drain
from mailworker.core.clock import utc_now
from mailworker.errors import BadInput
from mailworker.ledger import Ledger
from mailworker.ledger.operator_audit_log import latest_actions
from mailworker.ledger.tables import messages
from tests.doubles import CONFIG
from tests.rows import STRICT, row


@pytest.fixture
def site(tmp_path, ledger_file, monkeypatch):
    (tmp_path / "crm_config.yaml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.setenv("CRM_CONFIG", str(tmp_path / "crm_config.yaml"))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{ledger_file}")
    ledger = Ledger.open(f"sqlite:///{ledger_file}")
    yield ledger
    ledger.close()


def run(*arguments):
    done = CliRunner().invoke(build(), ["holds", *arguments])
    if isinstance(done.exception, BadInput):
        raise done.exception
    return done


def test_what_is_held_as_json(site):
    run("add", "lane:bulk", "maintenance")
    (shown,) = json.loads(run("list", "--json").output)
    assert shown["scope"] == "lane:bulk"
    assert shown["probe_at"] is None
    assert shown["since"].endswith("+00:00")
    run("release", "lane:bulk")
    assert json.loads(run("list", "--json").output) == []


@pytest.mark.parametrize(
    ("scope", "hint"),
    [
        ("lane:bulkk", "did you mean 'lane:bulk'?"),
        ("nonsense", "use all for all mail"),
        (f"{STRICT}x", STRICT),
    ],
)
def test_a_scope_that_there_is_not(site, scope, hint):
    with pytest.raises(BadInput, match="is no kind of e-mail and no lane") as raised:
        run("add", scope, "x")
    assert hint in str(raised.value)


@pytest.mark.parametrize(
    ("scope", "waits"), [("lane:normal", True), ("lane:bulk", False), (STRICT, True), ("*", True)]
)
def test_waiting_until_nothing_of_it_is_in_a_call(site, monkeypatch, scope, waits):
    monkeypatch.setattr(hold_and_drain, "PATIENCE", 0.0)
    with site.write() as connection:
        one = row(state="sending", lane=1, lease="l", lease_until=utc_now())
        connection.execute(insert(messages).values(one))
    assert hold_and_drain.drained(site, scope, patience=0.0) is not waits
    with site.write() as connection:
        connection.execute(update(messages).values(state="sent"))
    done = run("add", scope, "x", "--wait")
    assert (done.exit_code, "Nothing of it is in a call." in done.output) == (0, True)


@pytest.mark.parametrize(
    ("typed", "held"), [("all", "*"), ("*", "*"), (STRICT.removeprefix("api_crmCommunication"), STRICT)]
)
def test_a_scope_as_people_type_it(site, typed, held):
    assert f"Held: {held}." in run("add", typed, "maintenance").output
    assert json.loads(run("list", "--json").output)[0]["scope"] == held
    assert f"Released: {held}." in run("release", typed).output


def test_what_is_done_on_the_command_line_is_written_down(site):
    run("add", "lane:bulk", "maintenance")
    run("release", "lane:bulk")
    with site.read() as connection:
        done = latest_actions(connection, limit=5)
    assert [(one.what, one.target, one.source) for one in done] == [
        ("release", "lane:bulk", "command line"),
        ("hold", "lane:bulk", "command line"),
    ]
    assert done[1].why == "maintenance"
