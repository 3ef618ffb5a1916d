"""`mailworker reminders|balances|schedule` over the invented operator's CRM."""

import json
import sqlite3
from contextlib import closing

import pytest

from mailworker.errors import MailworkerError
from tests.scan_world import CONFIG

pytestmark = pytest.mark.integration
DAY = "2026-11-30"


def messages(folder):
    with closing(sqlite3.connect(folder / "ledger.db")) as link:
        return link.execute("SELECT count(*) FROM messages").fetchone()[0]


def test_a_dry_run_shows_who_would_get_what_and_why_and_sends_nothing(run):
    told = json.loads(run("reminders", "run", "--dry-run", "--as-of", DAY, "--json"))
    assert told["seen"] == len(told["mails"]) + sum(told["skipped"].values())
    assert {"disputed", "direct_debit", "excluded"} <= set(told["skipped"])
    first = told["mails"][0]
    assert first["to"].endswith(".example")
    assert first["about"][0].startswith("invoice:")
    assert "overdue" in first["why"]
    assert messages(run.folder) == 0
    table = run("reminders", "run", "--dry-run", "--as-of", DAY)
    assert first["name"] in table
    assert f"{len(told['mails'])} mails for {told['seen']} looked at" in table
    assert "never started" in table


def test_a_run_does_what_the_dry_run_said_and_then_nothing(run):
    would = json.loads(run("reminders", "run", "--dry-run", "--as-of", DAY, "--json"))
    did = json.loads(run("reminders", "run", "--as-of", DAY, "--json"))
    assert did["mails"] == len(would["mails"]) == messages(run.folder)
    again = json.loads(run("reminders", "run", "--as-of", DAY, "--json"))
    assert again["mails"] == 0
    assert "0 mails" in run("reminders", "run", "--dry-run", "--as-of", DAY)


def test_an_invoice_is_explained(run):
    would = json.loads(run("reminders", "run", "--dry-run", "--as-of", DAY, "--json"))["mails"][0]
    number = would["about"][0].removeprefix("invoice:")
    before = run("reminders", "explain", number, "--as-of", DAY)
    assert "Due: step d" in before
    run("reminders", "run", "--as-of", DAY)
    after = run("reminders", "explain", number, "--as-of", DAY)
    assert "Not now (" in after
    assert "ready" in after


def test_balances_are_tried_out_and_run(run):
    would = json.loads(run("balances", "run", "--dry-run", "--as-of", DAY, "--json"))
    assert would["mails"]
    assert messages(run.folder) == 0
    assert f"{len(would['mails'])} mails written" in run("balances", "run", "--as-of", DAY)
    assert messages(run.folder) == len(would["mails"])


def test_the_schedule_shows_last_and_next_run_and_what_was_found(run):
    assert "never" in run("schedule")
    run("reminders", "run", "--as-of", DAY)
    told = {one["scan"]: one for one in json.loads(run("schedule", "--json"))}
    reminders = told["overdue_invoices"]
    assert reminders["next_run"]
    assert reminders["last_run"]["mails"] == reminders["messages"]["ready"] > 0
    assert reminders["last_run"]["skipped"]["disputed"] > 0
    table = run("schedule")
    assert "0 6 * * *" in table
    assert "It only rehearses" in table
    assert "not sent" in run("reminders", "start")
    assert "No mail goes out about" in run("balances", "start")
    assert "It only rehearses" not in run("schedule")
    assert "not now: disputed" in table


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("reminders", "explain", "999999"),
            "The CRM knows no invoice of this id, and no open one of this number.",
        ),
        (("reminders", "run", "--as-of", "30.11."), "as_of: write a day like 2026-11-30"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(run, arguments, told):
    with pytest.raises(MailworkerError, match=told):
        run(*arguments)


def test_without_a_crm_nothing_can_be_found(run):
    config = run.folder / "crm_config.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    with pytest.raises(MailworkerError, match="No CRM is connected"):
        run("reminders", "run")
    assert "No CRM is connected" in run("schedule")


def test_a_switched_off_scan_can_still_be_tried_out(run):
    config = run.folder / "crm_config.yaml"
    config.write_text(config.read_text(encoding="utf-8") + "reminders: {enabled: false}\n", encoding="utf-8")
    with pytest.raises(MailworkerError, match="switched off"):
        run("reminders", "run")
    assert json.loads(run("reminders", "run", "--dry-run", "--as-of", DAY, "--json"))["mails"]
