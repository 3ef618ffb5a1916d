"""`mailworker messages resubmit`: a refused job becomes the message that it should have been, once."""

import pytest
from sqlalchemy import insert, select
from typer.testing import CliRunner

from mailworker.cli import build
from mailworker.core.clock import utc_now
from mailworker.ledger import Ledger
from mailworker.ledger.tables import messages, rejected_jobs
from tests.doubles import CONFIG
from tests.rows import URGENT

JOB = {
    "kind": URGENT,
    "to": "zoe@client.example",
    "variables": {"user_name": "Zoé", "reset_url": "https://crm.example/r/1", "expiry_time": "1 h"},
}


@pytest.fixture
def ledger(tmp_path, ledger_file, monkeypatch):
    (tmp_path / "crm_config.yaml").write_text(CONFIG)
    monkeypatch.setenv("CRM_CONFIG", str(tmp_path / "crm_config.yaml"))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{ledger_file}")
    opened = Ledger.open(f"sqlite:///{ledger_file}")
    yield opened
    opened.close()


def refuse(ledger, payload):
    with ledger.write() as connection:
        values = {
            "at": utc_now(),
            "source": "stream",
            "faults": ["kind: there is no such."],
            "payload": payload,
        }
        return connection.execute(insert(rejected_jobs).values(values)).inserted_primary_key[0]


def run(*arguments):
    done = CliRunner().invoke(build(), ["messages", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return " ".join(done.stdout.split())


def rows(ledger, table):
    with ledger.read() as connection:
        return connection.execute(select(table)).mappings().all()


def test_it_is_shown_first_then_taken_in_once(ledger):
    number = refuse(ledger, JOB)
    assert f"{number} " in run("list", "--rejected")
    assert "1 would be taken in" in run("resubmit", number)
    assert rows(ledger, messages) == []
    assert "1 are on their way" in run("resubmit", number, "--yes")
    (message,) = rows(ledger, messages)
    assert (message["to_email"], message["state"]) == ("zoe@client.example", "ready")
    assert rows(ledger, rejected_jobs) == []
    assert "no refused job of this number" in run("resubmit", number, "--yes")
    assert len(rows(ledger, messages)) == 1


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (None, "its content was not kept"),
        ({"fields": ["kind", "to"]}, "its content was not kept"),
        (JOB | {"kind": "nonsense"}, "kind"),
        (JOB | {"to": "x"}, "to"),
    ],
)
def test_what_cannot_be_taken_in_stays_and_says_why(ledger, payload, words):
    number = refuse(ledger, payload)
    told = run("resubmit", number, "--yes")
    assert words in told
    assert "0 are on their way" in told
    assert len(rows(ledger, rejected_jobs)) == 1


def test_a_key_of_another_message_stays_refused(ledger):
    first, second = (
        refuse(ledger, JOB | {"to": to, "idempotency_key": "k"}) for to in ("a@b.example", "c@d.example")
    )
    run("resubmit", first, "--yes")
    assert "other content" in run("resubmit", second, "--yes")
    assert len(rows(ledger, messages)) == 1
