"""A link that does what it says: who switches balance alerts off gets no more of them, and all the rest."""

import json
from datetime import timedelta

import pytest

from mailworker.deliveries import Deliveries
from mailworker.ledger.recipient_standings import suppressed
from mailworker.ledger.suppressions import opt_in
from mailworker.ledger.switched_off_kinds import switched_off
from mailworker.mailjet.parse_webhook import parse_events
from tests.scan_world import EXPIRED, LOW, MONDAY, RESET, World, balance, wipe

ZOE = "zoe@courriel.example"


@pytest.fixture
def world(scan_ledger):
    wipe(scan_ledger)
    return World(scan_ledger, balance(7))


def unsubscribe(world, id_, email=ZOE, later=0):
    event = {
        "event": "unsub",
        "time": int(MONDAY.timestamp()) + later,
        "email": email,
        "CustomID": id_,
        "MessageID": 5,
    }
    (told,) = parse_events(json.dumps(event).encode())
    Deliveries(world.ledger, world.settings.kinds).record([told], now=world.clock.now)


def alert(world, number, kind=LOW, to=ZOE):
    values = {"customer_name": "Zoé", "service_name": "Mobile", "balance_type": "Données"}
    if kind == LOW:
        values |= {"current_balance": "1 Go", "threshold": "2 Go", "topup_url": ""}
    else:
        values |= {"expiry_date": "30 novembre", "renewal_url": ""}
    return world.enqueue(kind=kind, to=to, variables=values, idempotency_key=f"mine-{number}")


def test_the_switched_off_kind_stops_and_no_other(world):
    first = alert(world, 1)
    world.dispatch()
    unsubscribe(world, first)
    world.clock.advance(timedelta(days=1).total_seconds())
    alert(world, 2, to="Zoe@courriel.EXAMPLE")
    alert(world, 3, kind=EXPIRED)
    alert(world, 4, to="paul@courriel.example")
    world.dispatch()
    assert sorted(world.states) == ["sent", "sent", "sent", "suppressed"]
    (stopped,) = [row for row in world.rows() if row["state"] == "suppressed"]
    assert stopped["reason"] == "its reader switched this kind of mail off"
    with world.ledger.read() as connection:
        assert suppressed(connection, [ZOE]) == {}, "other mail is not concerned"


def test_a_choice_can_be_taken_back(world):
    unsubscribe(world, alert(world, 1))
    with world.ledger.write() as connection:
        assert switched_off(connection, [ZOE]) == {ZOE: frozenset({LOW})}
        assert opt_in(connection, ZOE, why="asks for it", by="jo", now=world.clock.now) == 1
        assert opt_in(connection, ZOE, why="asks for it", by="jo", now=world.clock.now) == 0
    alert(world, 2)
    world.dispatch()
    assert set(world.states) == {"sent"}


@pytest.mark.parametrize(("later", "kinds"), [(0, frozenset()), (60, frozenset({LOW}))])
def test_a_click_from_before_does_not_undo_what_was_taken_back(world, later, kinds):
    first = alert(world, 1)
    unsubscribe(world, first)
    with world.ledger.write() as connection:
        opt_in(connection, ZOE, why="asks for it", by="jo", now=MONDAY + timedelta(seconds=1))
    unsubscribe(world, first, later=later)
    with world.ledger.read() as connection:
        assert switched_off(connection, [ZOE]).get(ZOE, frozenset()) == kinds


def test_leaving_other_mail_is_what_it_was(world):
    values = {"user_name": "Z", "reset_url": "https://crm.example/r", "expiry_time": "1 heure"}
    unsubscribe(world, world.enqueue(kind=RESET, to=ZOE, variables=values))
    with world.ledger.read() as connection:
        assert suppressed(connection, [ZOE]) == {ZOE: "unsubscribed"}
        assert switched_off(connection, [ZOE]) == {}
