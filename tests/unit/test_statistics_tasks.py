"""Figures as tasks: in the queue that answers, for who has only Celery."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from mailworker.config.settings import parse_settings
from mailworker.errors import BadInput
from mailworker.ledger.insert_messages import accept
from mailworker.mailjet.account_counters import AccountCounters
from mailworker.statistics_report import MailReports
from mailworker.tasks import statistics as tasks
from mailworker.tasks.app import app
from tests.doubles import CONFIG
from tests.rows import NOW, STRICT, URGENT, row
from tests.scan_world import open_ledger


@pytest.fixture
def reports(monkeypatch):
    ledger = open_ledger()
    with ledger.write() as connection:
        rows = [row(str(n), state="sent", changed_at=NOW - timedelta(minutes=n)) for n in range(3)]
        accept(connection, [dict.fromkeys(("delivery", "reason")) | one for one in rows], NOW)
    made = MailReports(ledger, None, parse_settings(CONFIG, environ={}), lambda: NOW)
    monkeypatch.setattr(tasks, "current_container", lambda: SimpleNamespace(reports=made))
    yield made
    ledger.close()


def test_the_figures_of_each_kind(reports):
    told = tasks.statistics(since="24h")
    assert [(one["kind"], one["sent"]) for one in told["kinds"]] == [(STRICT, 3)]
    assert (told["mailjet"], told["difference"]) == (None, None)


def test_beside_mailjets_counters_with_the_difference(reports, monkeypatch):
    theirs = AccountCounters(5, 0, 0, 0, 0, 0, 0)
    monkeypatch.setattr("mailworker.statistics_report.account_counters", lambda *_, **__: theirs)
    told = tasks.statistics(mailjet=True)
    assert told["mailjet"]["delivered"] == 5
    assert told["difference"]["delivered"] == 5, "our ledger heard of no delivery"


@pytest.mark.parametrize("asked", [{"since": "soon"}, {"kind": "nonsense"}])
def test_a_wrong_question_is_the_callers(reports, asked):
    with pytest.raises(BadInput):
        tasks.statistics(**asked)


def test_no_campaign_wrote_anything(reports):
    assert tasks.statistics_by_campaign("24h") == {
        "campaigns": [],
        "since": (NOW - timedelta(days=1)).isoformat(),
        "until": NOW.isoformat(),
        "mailjet": None,
        "difference": None,
    }


def test_both_go_to_a_queue_that_somebody_serves():
    routes = app.amqp.router
    for name in ("mailworker.statistics", "mailworker.statistics_by_campaign"):
        assert name in app.tasks
        assert routes.route({}, name)["queue"].name == "scans"


def test_what_is_not_watched_lowers_no_rate():
    ledger = open_ledger()
    with ledger.write() as connection:
        fates = [(STRICT, "opened"), (STRICT, "delivered"), (URGENT, "delivered"), (URGENT, "delivered")]
        rows = [
            row(str(number), kind=kind, state="sent", delivery=fate, changed_at=NOW, reason=None)
            for number, (kind, fate) in enumerate(fates)
        ]
        accept(connection, rows, NOW)
    made = MailReports(ledger, None, parse_settings(CONFIG, environ={}), lambda: NOW)
    told = {one["kind"]: one["rates"] for one in made.by_kind().as_json(total="all kinds")["kinds"]}
    ledger.close()
    assert (told[STRICT]["opened"], told[URGENT]["opened"], told[URGENT]["clicked"]) == (0.5, None, None)
    assert (told["all kinds"]["opened"], told["all kinds"]["delivered"]) == (0.5, 1.0)
