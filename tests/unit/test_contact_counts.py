"""What is counted of Mailjet's contacts, and what a look at Mailjet changes of them: a handful of rows of every make."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from mailworker.ledger import contact_counts, contacts_seen_at_mailjet
from mailworker.ledger.contact_tables import contact_calls, mailjet_contacts
from mailworker.ledger.mailjet_contact_rows import add_entries, new_entry
from mailworker.ledger.recipient_standings import listings
from mailworker.ledger.suppressions import add_by_hand, lift
from mailworker.rules.contact_sync_cost_and_pauses import Plan

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


def put(connection, *entries):
    for number, own in enumerate(entries):
        known = {"email": f"p{number}@x.example", "name": "", "properties": {}, "lists": [], "excluded": None}
        known |= {"fingerprint": "f", "task": "tell", "audience": "a", "due_at": NOW, "changed_at": NOW}
        add_entries(connection, [new_entry(**known | own)])


def values(connection, *names):
    columns = [mailjet_contacts.c[name] for name in names]
    return [tuple(row) for row in connection.execute(select(*columns).order_by(mailjet_contacts.c.email))]


def test_nothing_is_counted_of_nothing(connection):
    assert contact_counts.by_state(connection) == {}
    assert contact_counts.plan(connection, read_back=3) == Plan({}, 0, 0, 3)
    assert contact_counts.count_pushed(connection) == contact_counts.count_noted(connection) == 0
    assert (contact_counts.refused(connection, limit=9), contact_counts.noted(connection, limit=9)) == (
        [],
        [],
    )
    assert contact_counts.stuck(connection) is contact_counts.next_move(connection) is None


def test_what_waits_is_counted_by_what_it_waits_for(connection):
    put(
        connection,
        {"audience": "a"}, {"audience": "a", "state": "waiting"}, {"audience": "b"},
        {"audience": "a", "state": "in_step"}, {"audience": "b", "state": "refused"}, {"state": "flying"},
        {"task": "move"}, {"task": "move", "audience": "b"}, {"task": "erase", "state": "waiting"},
        {"task": "erase", "state": "in_step"},
    )  # fmt: skip
    assert contact_counts.plan(connection) == Plan({"a": 2, "b": 1}, 2, 1, 0)
    assert contact_counts.by_state(connection) == {
        "pending": 4,
        "waiting": 2,
        "in_step": 2,
        "refused": 1,
        "flying": 1,
    }


def test_those_that_need_a_person_are_shown_in_order_and_no_more_than_asked_for(connection):
    put(
        connection,
        {"state": "refused", "error": "no", "email": "p9@x.example"}, {"state": "refused", "error": "never", "task": "move"},
        {"state": "pending", "error": "later"}, {"note": "shared", "email": "p8@x.example"}, {"note": "left out", "told": "f"},
    )  # fmt: skip
    found = contact_counts.refused(connection, limit=9)
    assert [(row["email"][:2], row["error"], row["changed_at"]) for row in found] == [
        ("p1", "never", NOW),
        ("p9", "no", NOW),
    ]
    assert len(contact_counts.refused(connection, limit=1)) == 1
    assert [(row["email"][:2], row["note"]) for row in contact_counts.noted(connection, limit=9)] == [
        ("p4", "left out"),
        ("p8", "shared"),
    ]
    assert len(contact_counts.noted(connection, limit=1)) == 1
    assert (contact_counts.count_noted(connection), contact_counts.count_pushed(connection)) == (2, 1)
    assert contact_counts.stuck(connection) == "later"


def test_only_the_refused_are_tried_again_at_once_and_afresh(connection):
    own = {"tries": 5, "batch_limit": 1, "due_at": NOW - HOUR}
    put(connection, {"state": "refused"} | own, {"state": "pending"} | own, {"state": "in_step"} | own)
    assert contact_counts.try_again(connection, NOW) == 1
    assert values(connection, "state", "tries", "batch_limit", "due_at") == [
        ("pending", 0, 1000, NOW),
        ("pending", 5, 1, NOW - HOUR),
        ("in_step", 5, 1, NOW - HOUR),
    ]


@pytest.mark.parametrize(
    ("told_excluded", "left_out", "at_mailjet", "after"),
    [
        (False, False, False, False),
        (False, True, False, False),
        (True, True, False, False),
        (False, False, True, True),
        (True, False, True, False),  # our own word
        (True, True, True, True),  # its own word, before ours
    ],
)
def test_an_exclusion_is_mailjets_word_where_it_is_not_ours(
    connection, told_excluded, left_out, at_mailjet, after
):
    put(connection, {"told_excluded": told_excluded, "left_out": left_out}, {"left_out": False})
    given = {"p0@x.example": at_mailjet, "stranger@x.example": True}
    assert contacts_seen_at_mailjet.seen(connection, given, now=NOW) == 1
    assert values(connection, "left_out", "looked_at") == [(after, NOW), (False, None)]


@pytest.mark.parametrize(
    ("own", "put_back"),
    [
        ({}, True),
        ({"looked_at": NOW - HOUR - timedelta(seconds=1)}, True),
        ({"looked_at": NOW - HOUR}, False),
        ({"looked_at": NOW}, False),
        ({"due_at": NOW - 2 * HOUR}, False),  # told so short ago that Mailjet may not show it
        ({"state": "pending"}, False),
        ({"task": "erase"}, False),
    ],
)
def test_who_is_not_at_mailjet_any_more_is_told_again(connection, own, put_back):
    put(connection, {"state": "in_step", "told": "f", "due_at": NOW - 3 * HOUR} | own)
    before = values(connection, "state", "told", "due_at")
    found = contacts_seen_at_mailjet.put_back_unseen(
        connection, pulled_since=NOW - HOUR, pushed_before=NOW - 2 * HOUR
    )
    assert found == int(put_back)
    assert values(connection, "state", "told", "due_at") == (
        [("pending", None, NOW - HOUR)] if put_back else before
    )


@pytest.mark.parametrize(
    ("left_at", "lifted_at", "counts"),
    [
        (NOW - HOUR, None, True),
        (None, None, True),
        (NOW - HOUR, NOW - 2 * HOUR, True),
        (NOW - HOUR, NOW - HOUR, False),
        (NOW - 2 * HOUR, NOW - HOUR, False),
        (None, NOW - HOUR, False),
    ],
)
def test_who_left_at_mailjet_is_listed_but_not_against_an_operators_later_word(
    connection, left_at, lifted_at, counts
):
    put(connection, {})
    if lifted_at:
        for email in ("p0@x.example", "stranger@x.example"):
            add_by_hand(connection, email, reason="unsubscribed", why="w", by="b", now=lifted_at - HOUR)
            lift(connection, email, why="w", by="b", now=lifted_at)
    given = {"p0@x.example": left_at, "stranger@x.example": left_at}
    news = [contacts_seen_at_mailjet.unsubscribed(connection, given, now=NOW) for _ in range(2)]
    assert ["p0@x.example" in one for one in news] == [counts, False], "no news twice"
    since = {email: one.since for email, one in listings(connection, given).items()}
    assert since == (dict.fromkeys(given, left_at or NOW) if counts else {})
    assert (values(connection, "unsubscribed_at")[0] == (NOW,)) is counts


def test_who_wants_no_campaigns_is_counted_once_by_whosever_word(connection):
    put(connection, {"unsubscribed_at": NOW}, {"unsubscribed_at": NOW}, {}, {}, {})
    for number, reason in ((1, "unsubscribed"), (2, "unsubscribed"), (3, "blocked")):
        add_by_hand(connection, f"p{number}@x.example", reason=reason, why="w", by="b", now=NOW)
    assert (contact_counts.count_opted_out(connection), contact_counts.count_unsubscribed(connection)) == (
        2,
        3,
    )


@pytest.mark.parametrize(
    ("entries", "calls", "soonest"),
    [
        ([{"due_at": NOW + HOUR}, {"due_at": NOW + 2 * HOUR}], [], NOW + HOUR),
        ([{"due_at": NOW, "state": "in_step"}, {"due_at": NOW + HOUR}], [], NOW + HOUR),
        ([{"due_at": NOW + 2 * HOUR}], [("running", NOW + HOUR)], NOW + HOUR),
        ([{"due_at": NOW + HOUR}], [("calling", NOW + 2 * HOUR)], NOW + HOUR),
        ([], [("done", NOW)], None),
        ([{"due_at": NOW, "state": "refused"}], [], None),
    ],
)
def test_when_something_is_to_be_done_next(connection, entries, calls, soonest):
    put(connection, *entries)
    for state, at in calls:
        row = {"id": state, "state": state, "contacts": 1, "refused": 0, "started_at": NOW, "poll_at": at}
        connection.execute(insert(contact_calls), [row | {"polls": 0}])
    assert contact_counts.next_move(connection) == soonest
