"""An address passes to another contact: which waiting mail follows its contact, which stays, and which is cancelled."""

from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select

from mailworker.ledger.contact_tables import campaigns, crm_contacts
from mailworker.ledger.readdress_waiting_mail import (
    follow_contact,
    forget_left,
    former_addresses,
    note_left,
    pass_on,
)
from mailworker.ledger.tables import messages, timeline
from mailworker.rules.campaign_rules import key_of
from mailworker.rules.contact_diff import ContactPerson, Stamp
from tests.rows import NOW, row

SHARED, NEW = "info@x.example", "zoe.new@x.example"
LEFT = NOW - timedelta(hours=1)
SECOND = timedelta(seconds=1)


def person(id_, email, customer):
    return ContactPerson(contact_id=id_, email=email, stamp=Stamp(NOW, None), customer_id=customer)


FORMER, NEWCOMER = person("zoe", SHARED, "C1"), person("max", SHARED, "C2")


def put(connection, *rows):
    connection.execute(insert(messages), list(rows))


def mail(**changes):
    return row("m", to_email="Info@X.example", to_canonical=SHARED, accepted_at=LEFT, **changes)


def lives_at(connection, contact_id, email):
    names = ("name", "contact_type", "language")
    known = {
        "contact_id": contact_id,
        "email": email,
        "customer_id": "C1",
        "custom_fields": {},
        "version": None,
    }
    connection.execute(
        insert(crm_contacts), [known | dict.fromkeys(names, "") | {"updated_at": NOW, "heard_at": NOW}]
    )


def message(connection):
    return connection.execute(select(messages)).mappings().one()


@pytest.mark.parametrize(
    ("customer", "accepted_at", "follows"),
    [
        (None, LEFT - SECOND, True),
        (None, LEFT, True),
        (None, LEFT + SECOND, False),  # for whoever has the address now
        ("C1", LEFT - SECOND, True),
        ("C1", LEFT + SECOND, True),  # names the former contact's customer
        ("C2", LEFT - SECOND, False),  # names the new one's
        ("C3", LEFT - SECOND, True),
        ("C3", LEFT + SECOND, True),  # nobody's whom we know: rather not the newcomer's
    ],
)
@pytest.mark.parametrize("has_address", [True, False])
def test_who_a_waiting_mail_was_for(connection, customer, accepted_at, follows, has_address):
    put(connection, mail(customer_id=customer) | {"accepted_at": accepted_at})
    note_left(connection, [FORMER], LEFT)
    if has_address:
        lives_at(connection, "zoe", NEW)
    pass_on(connection, [NEWCOMER], now=NOW)
    found = message(connection)
    if not follows:
        assert (found["state"], found["to_email"]) == ("ready", "Info@X.example")
    elif has_address:
        assert (found["state"], found["to_email"], found["to_canonical"]) == ("ready", NEW, NEW)
    else:
        assert (found["state"], found["reason"]) == (
            "cancelled",
            "its address belongs to another contact now",
        )


@pytest.mark.parametrize(
    ("state", "moves"),
    [("accepted", 1), ("ready", 1), ("held", 1), ("failed", 1), ("sending", 0), ("sent", 0), ("unknown", 0)],
)
def test_only_what_nobody_holds_and_can_still_leave_is_touched(connection, state, moves):
    put(connection, mail(state=state))
    note_left(connection, [FORMER], LEFT)
    lives_at(connection, "zoe", NEW)
    pass_on(connection, [NEWCOMER], now=NOW)
    assert [one.what for one in connection.execute(select(timeline.c.what))] == ["readdressed"] * moves


@pytest.mark.parametrize("state", ["accepted", "ready", "held", "failed"])
def test_an_orphan_is_cancelled_in_whatever_state_it_waits(connection, state):
    put(connection, mail(state=state))
    note_left(connection, [FORMER], LEFT)
    pass_on(connection, [NEWCOMER], now=NOW)
    assert message(connection)["state"] == "cancelled"


def test_its_owner_who_comes_back_gets_its_mail(connection):
    put(connection, mail())
    note_left(connection, [FORMER], LEFT)
    pass_on(connection, [person("zoe", SHARED, "C1")], now=NOW)
    assert (message(connection)["state"], message(connection)["to_email"]) == ("ready", "Info@X.example")


def test_of_two_former_owners_the_last_one_counts(connection):
    put(connection, mail())
    note_left(connection, [FORMER], LEFT + SECOND)
    note_left(connection, [person("old", SHARED, "C1")], LEFT)
    lives_at(connection, "old", "old@x.example")
    lives_at(connection, "zoe", NEW)
    pass_on(connection, [NEWCOMER], now=NOW)
    assert message(connection)["to_email"] == NEW


def test_what_follows_comes_after_what_stays(connection):
    put(connection, mail(customer_id="C2"), mail() | {"id": "n", "idempotency_key": "n"})
    note_left(connection, [FORMER], LEFT)
    lives_at(connection, "zoe", NEW)
    pass_on(connection, [NEWCOMER], now=NOW)
    found = connection.execute(select(messages.c.to_email).order_by(messages.c.id))
    assert list(found.scalars()) == ["Info@X.example", NEW]


def test_other_addresses_mail_stays(connection):
    put(connection, mail() | {"to_email": "other@x.example", "to_canonical": "other@x.example"})
    note_left(connection, [FORMER], LEFT)
    pass_on(connection, [NEWCOMER], now=NOW)
    assert message(connection)["state"] == "ready"


@pytest.mark.parametrize(
    ("variables", "after"),
    [
        (None, None),
        ({"email": "INFO@x.example", "name": "Z", "n": 3}, {"email": NEW, "name": "Z", "n": 3}),
        ({"email": "other@x.example"}, {"email": "other@x.example"}),
    ],
)
def test_the_address_that_a_mail_prints_is_the_new_one(connection, variables, after):
    put(connection, mail(variables=variables))
    note_left(connection, [FORMER], LEFT)
    lives_at(connection, "zoe", NEW)
    pass_on(connection, [NEWCOMER], now=NOW)
    assert message(connection)["variables"] == after
    entry = connection.execute(select(timeline)).mappings().one()
    assert (entry["what"], entry["why"], entry["at"]) == (
        "readdressed",
        "its contact has another address now",
        NOW,
    )


@pytest.mark.parametrize(
    ("campaign", "contact", "state", "follows"),
    [
        ("sending", "zoe", "ready", True),
        ("paused", "zoe", "held", True),
        ("sent", "zoe", "ready", False),
        ("sending", "max", "ready", False),
        ("sending", "zoe", "sending", False),
    ],
)
def test_a_campaigns_mail_follows_its_contact(connection, campaign, contact, state, follows):
    text = dict.fromkeys(("segment", "contact_type"), "")
    moments = {"created_at": NOW, "changed_at": NOW}
    known = {"id": "c", "name": "n", "way": "workers", "state": campaign, "content": {}}
    connection.execute(insert(campaigns), [known | text | moments | {"written": 0, "left_out": 0}])
    put(connection, mail(state=state) | {"idempotency_key": key_of("c", contact)})
    follow_contact(connection, "zoe", NEW, now=NOW)
    assert (message(connection)["to_email"] == NEW) is follows
    assert connection.execute(select(func.count()).select_from(timeline)).scalar() == int(follows)


def test_who_had_an_address_is_forgotten_in_time(connection):
    for seconds in (-1, 0, 1):
        note_left(connection, [FORMER], NOW + timedelta(seconds=seconds))
    forget_left(connection, before=NOW)
    left = connection.execute(select(former_addresses.c.left_at)).scalars().all()
    assert sorted(left) == [NOW, NOW + SECOND]
