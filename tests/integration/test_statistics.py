"""Figures by hour, kept beside the messages, on both databases, and on the command line."""

import csv
import io
import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete
from typer.testing import CliRunner

from mailworker.cli import build
from mailworker.cli.local_stack.trial_config import trial_config
from mailworker.core.clock import utc_now
from mailworker.core.lane import Lane
from mailworker.ledger import Ledger
from mailworker.ledger.campaign_rows import add as add_campaign
from mailworker.ledger.hourly_statistics import current_campaigns, current_tallies, roll_up, tallies
from mailworker.ledger.insert_messages import accept
from mailworker.ledger.tables import messages
from mailworker.rules.campaign_rules import key_of, key_of_test
from mailworker.rules.delivery_rates import COUNTS, MailFigures, figures_of
from tests.rows import NOW, STRICT, URGENT, row

pytestmark = pytest.mark.integration
HOUR = timedelta(hours=1)


def put(ledger, *rows):
    with ledger.write() as connection:
        accept(connection, [dict.fromkeys(("delivery", "reason")) | one for one in rows], NOW)


def figures(ledger, since=NOW - 48 * HOUR, kind=None):
    with ledger.read() as connection:
        found = tallies(connection, since=since, until=NOW + HOUR, kind=kind)
    return figures_of((one.state, one.delivery, one.messages) for one in found)


def test_an_hour_is_counted_once_however_often_it_is_rolled_up(ledger):
    sent = {"state": "sent", "changed_at": NOW - HOUR}
    put(
        ledger,
        row(**sent, delivery="opened"),
        row(**sent, delivery="bounced"),
        row(**sent),
        row(**sent | {"kind": URGENT}, delivery="spam"),
        row(state="failed", changed_at=NOW),
        row(state="ready"),
    )
    for _ in range(2):
        with ledger.write() as connection:
            roll_up(connection, since=NOW - 2 * HOUR, now=NOW)
    assert figures(ledger) == MailFigures(sent=4, delivered=2, opened=1, bounced=1, complained=1, failed=1)
    assert figures(ledger, kind=URGENT) == MailFigures(sent=1, delivered=1, complained=1)
    assert figures(ledger, since=NOW) == MailFigures(failed=1)


def test_figures_stay_when_messages_are_forgotten_and_follow_events_until_then(ledger):
    put(ledger, row("old", state="sent", changed_at=NOW - 30 * HOUR))
    with ledger.write() as connection:
        roll_up(connection, since=NOW - 31 * HOUR, now=NOW)
        connection.execute(messages.update().values(delivery="clicked"))
        roll_up(connection, since=NOW - 31 * HOUR, now=NOW)
        connection.execute(delete(messages))
        roll_up(connection, since=NOW - 2 * HOUR, now=NOW)
    assert figures(ledger) == MailFigures(sent=1, delivered=1, opened=1, clicked=1)


STATES = st.sampled_from(["sent", "failed", "suppressed", "expired", "cancelled"])
DELIVERIES = st.sampled_from(
    [
        "",
        "deferred",
        "soft_bounced",
        "delivered",
        "opened",
        "clicked",
        "unsubscribed",
        "blocked",
        "bounced",
        "spam",
    ]
)


@given(st.lists(st.tuples(STATES, DELIVERIES, st.integers(1, 9)), max_size=30))
def test_no_part_is_more_than_its_whole(found):
    told = figures_of(found)
    assert told.sent == sum(n for state, _, n in found if state == "sent")
    assert told.clicked <= told.opened <= told.delivered
    assert told.delivered + told.bounced + told.blocked <= told.sent
    assert sum(told.counts()[name] for name in ("sent", *COUNTS[-4:])) == sum(n for *_, n in found)
    assert all(share is None or 0 <= share <= 1 for share in told.rates().values())


def test_the_command_tells_kinds_and_their_sum(tmp_path, monkeypatch, valkey):
    url = f"sqlite:///{tmp_path}/ledger.db"
    text = trial_config(
        {
            "worker": {"redis_url": valkey.url, "database_url": url},
            "mailjet": {"api_url": "http://127.0.0.1:9"},
        }
    )
    (tmp_path / "crm_config.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("CRM_CONFIG", str(tmp_path / "crm_config.yaml"))
    ledger, now = Ledger.open(url), utc_now()
    put(
        ledger,
        row(state="sent", changed_at=now, accepted_at=now, delivery="opened"),
        row(state="sent", changed_at=now, accepted_at=now, kind=URGENT),
    )
    ledger.close()

    def run(*arguments):
        return CliRunner().invoke(build(), ["stats", *arguments], env={"COLUMNS": "220"})

    told = json.loads(run("--json", "--since", "1h").stdout)
    assert [(one["kind"], one["sent"]) for one in told["kinds"]][-1] == ("all kinds", 2)
    assert told["kinds"][-1]["rates"]["opened"] == 1.0
    rows = list(csv.DictReader(io.StringIO(run("--csv").stdout)))
    assert {one["kind"] for one in rows} == {STRICT, URGENT, "all kinds"}
    assert STRICT.removeprefix("api_crmCommunication") in run().stdout
    only = json.loads(run("--json", "--kind", "UserPasswordReset").stdout)
    assert [(one["kind"], one["sent"]) for one in only["kinds"]] == [(URGENT, 1)]
    assert "there is no kind Nonsense" in str(run("--kind", "Nonsense").exception)


def campaign_rows(campaign="0123456789ab", **changes):
    """Messages of a campaign; `changes` maps each contact to the columns that differ."""
    for contact, differs in changes.items():
        key = key_of(campaign, contact)
        yield (
            row(contact, idempotency_key=key, lane=int(Lane.BULK), state="sent")
            | {"changed_at": NOW}
            | differs
        )


def campaigns_of(ledger, since=NOW - 48 * HOUR, now=NOW):
    with ledger.read() as connection:
        return dict(current_campaigns(connection, since=since, now=now))


def named(ledger, **names):
    with ledger.write() as connection:
        for name, id_ in names.items():
            empty = {"segment": "", "contact_type": "", "content": {}, "written": 0, "left_out": 0}
            moments = {"created_at": NOW, "changed_at": NOW}
            add_campaign(
                connection, {"id": id_, "name": name, "way": "workers", "state": "sent", **empty, **moments}
            )


def test_campaigns_are_counted_apart_from_other_mail_and_from_their_tests(ledger):
    named(ledger, fibre="0123456789ab")
    put(
        ledger,
        *campaign_rows(a={}, b={"delivery": "opened"}, c={"state": "suppressed"}),
        *campaign_rows("ba9876543210", d={}),
        row("e", state="sent", changed_at=NOW, lane=int(Lane.BULK)),
        row(
            "f",
            state="sent",
            changed_at=NOW,
            idempotency_key=key_of_test("0123456789ab", "x"),
            lane=int(Lane.BULK),
        ),
    )
    expected = {
        "fibre": MailFigures(sent=2, delivered=1, opened=1, suppressed=1),
        "ba9876543210": MailFigures(sent=1),
    }
    assert campaigns_of(ledger) == expected, "counted now"
    with ledger.write() as connection:
        roll_up(connection, since=NOW - 2 * HOUR, now=NOW)
        connection.execute(delete(messages))
    assert campaigns_of(ledger, now=NOW + 3 * HOUR) == expected, "and kept when the messages are gone"
    assert campaigns_of(ledger, since=NOW + HOUR, now=NOW + 3 * HOUR) == {}


def test_the_report_goes_to_this_very_moment_without_a_roll_up(ledger):
    put(ledger, row(state="sent", changed_at=NOW), row(state="sent", changed_at=NOW - timedelta(minutes=70)))
    with ledger.write() as connection:
        roll_up(connection, since=NOW - 2 * HOUR, now=NOW - HOUR)
    with ledger.read() as connection:
        found = current_tallies(connection, since=NOW - 2 * HOUR, now=NOW)
    assert sum(one.messages for one in found) == 2
