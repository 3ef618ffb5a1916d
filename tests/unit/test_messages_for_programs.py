"""`mailworker messages --json` and `messages export`: for programs and spreadsheets, no secret among it."""

import csv
import io
import json

import pytest
from sqlalchemy import insert
from typer.testing import CliRunner

from mailworker.cli import build
from mailworker.cli.message_commands import export
from mailworker.core.lane import Lane
from mailworker.ledger import Ledger
from mailworker.ledger.tables import messages, rejected_jobs, timeline
from tests.doubles import CONFIG
from tests.rows import NOW, URGENT, after, row

SECRET = "https://crm.example/reset/9f3c1ab27de84c55"


@pytest.fixture
def run(tmp_path, ledger_file, monkeypatch):
    (tmp_path / "crm_config.yaml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.setenv("CRM_CONFIG", str(tmp_path / "crm_config.yaml"))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{ledger_file}")
    ledger = Ledger.open(f"sqlite:///{ledger_file}")
    reset = {"user_name": "Zoé", "reset_url": SECRET, "expiry_time": "1 h"}
    with ledger.write() as connection:
        rows = [
            row(
                "first-1",
                kind=URGENT,
                lane=0,
                variables=reset,
                customer_id="C-1",
                reason="=cmd()",
                state="failed",
                delivery="blocked",
                attempts=3,
                invoice_id="I-1",
                expires_at=after(9),
                mailjet_id=7,
                mailjet_uuid="u-7",
                to_name="Zoé",
            ),
            row("second-2", to_name="Zoé", reason=None, accepted_at=after(1), changed_at=after(1)),
        ]
        for one in rows:
            connection.execute(insert(messages), [one])
        step = {"message_id": "first-1", "at": NOW, "what": "failed", "why": "x"}
        connection.execute(insert(timeline).values(step))
        refused = {"at": NOW, "source": "stream", "faults": ["kind: is missing."], "payload": {}}
        connection.execute(insert(rejected_jobs).values(refused))
    ledger.close()

    def command(*arguments):
        done = CliRunner().invoke(build(), ["messages", *arguments])
        assert done.exit_code == 0, done.output
        assert SECRET not in done.output
        return done.stdout

    return command


def test_a_list(run):
    told = json.loads(run("list", "--json"))
    assert [one["id"] for one in told["messages"]] == ["second-2", "first-1"]
    assert told["messages"][1]["lane"] == "urgent"
    assert told["messages"][1]["accepted_at"] == NOW.isoformat()
    assert told["counts"] == {"failed": 1, "ready": 1}
    assert json.loads(run("list", "--json", "--state", "ready"))["messages"][0]["id"] == "second-2"


def test_refused_jobs(run):
    (told,) = json.loads(run("list", "--rejected", "--json"))["rejected"]
    assert told["faults"] == ["kind: is missing."]


def test_a_search_finds_or_gives_an_empty_list(run):
    assert json.loads(run("search", "C-1", "--json"))["messages"][0]["id"] == "first-1"
    assert json.loads(run("search", "nobody", "--json")) == {"messages": []}
    both, one = (run("search", "Zoé", "--json", "--limit", most) for most in ("2", "1"))
    assert (len(json.loads(both)["messages"]), len(json.loads(one)["messages"])) == (2, 1)


def test_one_message_s_life(run):
    told = json.loads(run("show", "first-1", "--json"))
    assert told["message"]["variables"] == {"user_name": "Zoé", "reset_url": "***", "expiry_time": "1 h"}
    assert told["timeline"] == [{"at": NOW.isoformat(), "what": "failed", "why": "x"}]
    assert (told["calls"], told["events"]) == ([], [])


COLUMNS = """id kind lane state delivery reason to_email language customer_id invoice_id idempotency_key attempts
accepted_at changed_at not_before expires_at mailjet_id mailjet_uuid"""


def test_everything_as_a_spreadsheet_that_takes_nothing_for_a_formula(run):
    lines = list(csv.DictReader(io.StringIO(run("export"))))
    assert [line["id"] for line in lines] == ["first-1", "second-2"]
    assert list(lines[0]) == COLUMNS.split()
    assert all(lines[0].values())
    assert lines[0]["reason"] == "'=cmd()"
    assert lines[0]["lane"] == Lane.URGENT.word
    assert not any("variables" in name or "attachments" in name for name in lines[0])


def test_everything_as_lines_of_json(run):
    lines = [
        json.loads(line)
        for line in run("export", "--json", "--customer", "C-1").splitlines()
        if line[0] == "{"
    ]
    assert [line["id"] for line in lines] == ["first-1"]
    assert lines[0].keys() == {*COLUMNS.split(), "to_name"}
    assert all(lines[0].values())


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        *((f"{sign}1", f"'{sign}1") for sign in "=+-@\t\r\n\uff1d\uff20"),
        ("1=1", "1=1"), ("", ""), (None, ""), (7, "7"), (-7, "'-7"), (NOW, NOW.isoformat()),
    ],
)  # fmt: skip
def test_what_a_spreadsheet_would_take_for_a_formula_is_text(value, cell):
    assert export._cell(value) == cell
