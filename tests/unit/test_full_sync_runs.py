"""One full sync of contacts at a time: who asked for it, who works on it, and how it ended."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import insert

from mailworker.ledger.campaign_statistics import CampaignTally, campaign_figures
from mailworker.ledger.contact_sync_runs import (
    any_sync_free,
    end_sync,
    keep_sync,
    latest_sync,
    open_sync,
    take_sync,
)
from mailworker.ledger.contact_tables import campaigns

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)
UNTIL = NOW + 60 * SECOND


def test_nothing_was_asked_for(connection):
    assert latest_sync(connection) is None
    assert any_sync_free(connection, NOW) is False
    assert take_sync(connection, "a", now=NOW, until=UNTIL) is None


def test_one_is_asked_for_at_a_time(connection):
    assert open_sync(connection, "1", NOW) is True
    assert open_sync(connection, "2", NOW) is False
    end_sync(connection, "1", now=NOW, report={"new": 3})
    found = latest_sync(connection)
    assert (found["id"], found["state"], found["report"], found["finished_at"], found["error"]) == (
        "1",
        "done",
        {"new": 3},
        NOW,
        None,
    )
    assert open_sync(connection, "2", NOW + SECOND) is True
    assert latest_sync(connection)["id"] == "2"
    end_sync(connection, "2", now=NOW, report={}, error="the CRM is silent")
    assert (latest_sync(connection)["state"], latest_sync(connection)["error"]) == (
        "failed",
        "the CRM is silent",
    )


def test_it_is_worked_on_under_a_lease(connection):
    open_sync(connection, "1", NOW)
    assert any_sync_free(connection, NOW) is True
    assert take_sync(connection, "a", now=NOW, until=UNTIL)["id"] == "1"
    assert any_sync_free(connection, UNTIL) is False
    assert any_sync_free(connection, UNTIL + SECOND) is True
    assert take_sync(connection, "b", now=NOW, until=UNTIL) is None
    assert keep_sync(connection, "1", "b", until=UNTIL, report={}) is False
    assert keep_sync(connection, "1", "a", until=UNTIL + SECOND, report={"read": 7}) is True
    found = latest_sync(connection)
    assert (found["report"], found["lease_until"]) == ({"read": 7}, UNTIL + SECOND)
    assert take_sync(connection, "b", now=UNTIL + 2 * SECOND, until=UNTIL + 9 * SECOND)["id"] == "1"
    assert keep_sync(connection, "1", "a", until=UNTIL, report={}) is False


def test_campaigns_are_shown_by_how_much_they_sent_then_by_name(connection):
    text = {"segment": "", "contact_type": "", "way": "workers", "state": "sent", "content": {}}
    moments = {"created_at": NOW, "changed_at": NOW, "written": 0, "left_out": 0}
    named = [{"id": id_, "name": name} | text | moments for id_, name in (("1", "Zebra"), ("2", "Apple"))]
    connection.execute(insert(campaigns), named)
    tallies = [
        CampaignTally("1", "sent", "delivered", 3), CampaignTally("1", "sent", "opened", 2),
        CampaignTally("2", "sent", "delivered", 5), CampaignTally("gone", "sent", "bounced", 9),
        CampaignTally("few", "failed", "", 99),
    ]  # fmt: skip
    found = campaign_figures(connection, iter(tallies))
    assert [(name, figures.sent) for name, figures in found] == [
        ("gone", 9),
        ("Apple", 5),
        ("Zebra", 5),
        ("few", 0),
    ]
