"""`mailworker privacy`: one command shows, and erases, everything about an address."""

import json

import fakeredis
import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from mailworker.cli import build
from mailworker.cli.local_stack.trial_config import trial_config
from mailworker.container import Container
from mailworker.core.clock import utc_now
from mailworker.ledger.contact_tables import mailjet_contacts
from mailworker.queue.envelope import SYNC_CONTACT

ANA = "ana@example.com"


@pytest.fixture
def configured(tmp_path, monkeypatch):
    config = tmp_path / "crm_config.yaml"
    own = {"worker": {"database_url": f"sqlite:///{tmp_path}/ledger.db"}, "crm": {"source": "none"}}
    config.write_text(trial_config(own), encoding="utf-8")
    monkeypatch.setenv("CRM_CONFIG", str(config))
    monkeypatch.delenv("DATABASE_URL", raising=False)


@pytest.fixture
def known(configured, monkeypatch):
    """A container that knows Ana."""
    redis = fakeredis.FakeRedis(decode_responses=True)
    monkeypatch.setattr("mailworker.queue.redis_connection.connect", lambda *_args, **_options: redis)
    container, now = Container.from_environment(), utc_now()
    contact = {"contact_id": "7", "customer_id": "C-1", "email": ANA, "name": "Ana"}
    container.contacts.intake.take({"do": SYNC_CONTACT, "contact": contact}, now=now, asked_at=now)
    yield container
    container.close()


def test_contacts_are_shown_and_erased_with_everything_else(known):
    shown = CliRunner().invoke(build(), ["privacy", "export", ANA])
    erased = CliRunner().invoke(build(), ["privacy", "erase", ANA, "--yes"])
    after = CliRunner().invoke(build(), ["privacy", "export", ANA])

    assert [one["name"] for one in json.loads(shown.output)["crm_contacts"]] == ["Ana"]
    assert erased.exit_code == 0, erased.output
    assert json.loads(after.output)["crm_contacts"] == []
    with known.ledger.read() as connection:
        (task,) = connection.execute(select(mailjet_contacts.c.task)).scalars()
    assert task == "erase", "the workers have Mailjet forget it"


def test_an_operator_lists_shows_and_adds_suppressions(configured, monkeypatch):
    monkeypatch.setattr(Container, "clock", lambda _self: utc_now())

    def run(*words):
        return CliRunner().invoke(build(), ["suppressions", *words])

    assert "Nobody is on the suppression list" in run("list").output
    added = run(
        "add", "Ana@EXÄMPLE.fr", "--why", "asked by phone", "--by", "marta", "--reason", "unsubscribed"
    )
    assert added.exit_code == 0, added.output
    (entry,) = json.loads(run("list", "--json").output)
    assert (entry["email"], entry["reason"], entry["added_by"]) == ("ana@exämple.fr", "unsubscribed", "marta")
    shown = run("show", "ana@xn--exmple-cua.fr").output
    assert "Gets no campaign mail" in shown
    assert "Gets no service mail" not in shown
    assert "asked by phone" in shown
    assert run("list", "--reason", "spam", "--json").output.strip() == "[]"


def test_who_erases_is_told_what_is_held_and_a_slip_is_seen(known):
    held = CliRunner().invoke(build(), ["privacy", "erase", ANA], input="n\n")
    slip = CliRunner().invoke(build(), ["privacy", "erase", "anna@example.com"], input="n\n")

    assert "0 messages and 2 other entries are held about this address" in held.output
    assert "Nothing is held about this address here" in slip.output
    assert held.exit_code == slip.exit_code == 1
