"""What Mailjet blocked for a fault of ours can go again, once, and never what arrived."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from mailworker.core.states import State
from mailworker.deliveries import Deliveries
from mailworker.ledger.facts_for_explanation import facts_of
from mailworker.ledger.message_search import MessageFilter, story
from mailworker.ledger.replay_cancel import blocked_candidates, replay
from mailworker.ledger.scan_tables import notifications
from mailworker.mailjet.parse_webhook import parse_events
from tests.scan_world import LOW, MONDAY, World, days_ago, invoice, wipe

VALUES = {"customer_name": "Z", "service_name": "M", "balance_type": "D", "current_balance": "1 Go", "threshold": "2 Go", "topup_url": ""}  # fmt: skip
TEMPLATE = {"error_related_to": "content", "error": "error in template language"}


@pytest.fixture
def world(scan_ledger):
    wipe(scan_ledger)
    return World(scan_ledger, invoice(7, due=days_ago(8)))


def post_event(world, id_, event, second=0, **more):
    at = int(MONDAY.timestamp()) + second
    body = {"event": event, "time": at, "CustomID": id_, "MessageID": 9, "email": "zoe@courriel.example"}
    Deliveries(world.ledger, world.settings.kinds).record(parse_events([body | more]), now=world.clock.now)


def sent(world):
    id_ = world.enqueue(kind=LOW, to="zoe@courriel.example", variables=VALUES, idempotency_key="k-1")
    world.dispatch()
    return id_


def blocked(world):
    with world.ledger.read() as connection:
        return blocked_candidates(connection, MessageFilter(states=(State.FAILED,)), limit=10)


def again(world):
    rows = blocked(world)
    with world.ledger.write() as connection:
        return replay(connection, rows, now=world.clock.now, why="replayed by hand")


def test_a_mail_of_a_bad_template_goes_again_once(world):
    first = sent(world)
    post_event(world, first, "blocked", **TEMPLATE)
    rows = blocked(world)
    assert [row["id"] for row in rows] == [first]
    assert again(world) == 1
    with world.ledger.write() as connection:
        assert replay(connection, rows, now=world.clock.now, why="twice") == 0
    world.dispatch()
    assert len(world.box.mails) == 2
    copy = next(row for row in world.rows() if row["id"] != first)
    assert (copy["state"], copy["idempotency_key"], copy["variables"]) == ("sent", "k-1#again", world.rows()[0]["variables"])  # fmt: skip
    with world.ledger.read() as connection:
        notes = [step["why"] for step in story(connection, first).timeline if step["what"] == "note"]
    assert f"sent anew as {copy['id']}" in notes
    assert blocked(world) == [], "what was sent anew is offered no more"


@pytest.mark.parametrize("times", [1, 2])
def test_an_alert_about_a_balance_goes_again_too(world, times):
    """Its copy is no second alert of the same sort: the first one reached nobody."""
    key = "balance-low:B-1:20260301T080000Z"
    last = world.enqueue(kind=LOW, to="zoe@courriel.example", variables=VALUES, idempotency_key=key)
    world.dispatch()
    for time in range(times):
        post_event(world, last, "blocked", second=time, **TEMPLATE)
        assert again(world) == 1
        world.dispatch()
        (last,) = [row["id"] for row in world.rows() if row["idempotency_key"] == key + "#again" * (time + 1)]
    assert {row["state"] for row in world.rows()} == {"sent"}
    assert len(world.box.mails) == 1 + times


@pytest.mark.parametrize("arrived", ["sent", "open", "click"])
def test_what_arrived_is_never_sent_again(world, arrived):
    first = sent(world)
    post_event(world, first, arrived, second=5)
    post_event(world, first, "blocked", second=9, **TEMPLATE)
    assert blocked(world) == []
    assert again(world) == 0
    with world.ledger.read() as connection:
        facts = facts_of(story(connection, first), [], now=world.clock.now, zone=ZoneInfo("UTC"))
    assert facts.resendable is False


def test_what_arrives_between_the_look_and_the_act_is_left_alone(world):
    first = sent(world)
    post_event(world, first, "blocked", **TEMPLATE)
    rows = blocked(world)
    post_event(world, first, "open", second=60)
    with world.ledger.write() as connection:
        assert replay(connection, rows, now=world.clock.now, why="late") == 0


def test_an_address_that_is_at_fault_is_not_ours(world):
    first = sent(world)
    post_event(world, first, "blocked", error_related_to="recipient", error="preblocked")
    assert blocked(world) == []


def test_a_reminder_that_goes_again_is_still_the_step_that_was_said(world):
    world.scan()
    world.dispatch()
    (first,) = world.rows()
    post_event(world, first["id"], "blocked", **TEMPLATE)
    world.clock.advance(timedelta(hours=1).total_seconds())
    assert again(world) == 1
    copy = next(row for row in world.rows() if row["id"] != first["id"])
    assert copy["state"] == "accepted"
    with world.ledger.read() as connection:
        assert connection.execute(select(notifications.c.message_id)).scalars().all() == [copy["id"]]
    world.prepare()
    world.dispatch()
    assert len(world.box.mails) == 2
    assert dict(world.scan().skipped) == {"already_said": 1}
