"""Which changes are noted to be sent, when each is due, and how long it is remembered."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from mailworker.ledger import callback_rows
from mailworker.ledger.callback_rows import (
    KEPT,
    SETTLED,
    collect,
    end,
    forget,
    put_off,
    take_due,
    waiting,
)
from mailworker.ledger.callback_tables import callback_cursor, callbacks
from mailworker.ledger.tables import messages, timeline
from tests.rows import NOW, STRICT, URGENT, after, row

SECOND = timedelta(seconds=1)
LEASE = timedelta(seconds=60)


@pytest.fixture
def followed(connection):
    """A ledger of two messages, whose timeline is read from here on."""
    for one in (row("a", invoice_id="7", customer_id="C1"), row("b", kind=URGENT)):
        connection.execute(insert(messages), [one])
    assert collect(connection, ["sent"], {}, NOW) == 0
    return connection


def note(connection, id_, what, message="a", why=None):
    entry = {"id": id_, "message_id": message, "at": after(id_), "what": what, "why": why}
    connection.execute(insert(timeline), [entry])


def noted(connection):
    return list(connection.execute(select(callbacks.c.id).order_by(callbacks.c.id)).scalars())


def cursor(connection):
    return connection.execute(select(callback_cursor)).mappings().one()


ALL = ["sent", "failed", "suppressed", "expired", "cancelled", "held", "delivered", "opened"]


def test_what_happened_before_the_first_look_is_no_news(connection):
    connection.execute(insert(messages), [row("a")])
    note(connection, 4, "sent")
    assert collect(connection, ALL, {}, NOW) == 0
    assert dict(cursor(connection)) == {"id": 1, "confirmed": 4, "seen": 4, "seen_at": NOW}
    note(connection, 5, "sent")
    assert collect(connection, ALL, {}, NOW) == 1
    assert noted(connection) == [5]


def test_a_change_is_noted_once_and_is_due_at_once(followed):
    note(followed, 1, "sent", why="it left")
    assert [collect(followed, ALL, {}, after(n)) for n in (3, 4)] == [1, 0]
    (kept,) = followed.execute(select(callbacks)).mappings()
    assert (kept["message_id"], kept["state"], kept["why"], kept["at"]) == ("a", "sent", "it left", after(1))
    assert (kept["attempts"], kept["not_before"], kept["ended_at"]) == (0, after(3), None)


@pytest.mark.parametrize("what", ["sent", "failed", "suppressed", "expired", "cancelled", "held"])
def test_a_state_counts_each_time_it_is_reached(followed, what):
    note(followed, 1, what)
    note(followed, 2, what)
    assert collect(followed, ALL, {}, NOW) == 2


def test_a_word_of_mailjets_counts_once_for_each_message(followed):
    for id_, what, message in [
        (1, "opened", "a"),
        (2, "opened", "a"),
        (3, "opened", "b"),
        (4, "delivered", "a"),
    ]:
        note(followed, id_, what, message)
    collect(followed, ALL, {}, NOW)
    assert noted(followed) == [1, 3, 4]


def test_what_became_of_a_copy_is_no_change(followed):
    note(followed, 1, "delivered", why="a copy (cc or bcc) to somebody")
    note(followed, 2, "delivered", why="no copy (cc or bcc)")
    collect(followed, ["delivered"], {}, NOW)
    assert noted(followed) == [], "the copy's word came first, and the same word is sent once"
    note(followed, 3, "delivered", "b", why="no copy (cc or bcc)")
    collect(followed, ["delivered"], {}, NOW)
    assert noted(followed) == [3]


def test_a_kind_with_states_of_its_own_has_only_these(followed):
    for id_, (what, message) in enumerate(
        [("sent", "a"), ("sent", "b"), ("held", "a"), ("held", "b"), ("failed", "b")], 1
    ):
        note(followed, id_, what, message)
    assert collect(followed, ["sent"], {URGENT: ("held", "failed")}, NOW) == 3
    assert noted(followed) == [1, 4, 5]
    assert collect(followed, [], {STRICT: ("held",)}, NOW) == 1
    assert noted(followed) == [1, 3, 4, 5]


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_many_changes_come_in_their_order_a_part_at_a_time(followed, limit):
    for id_ in range(1, 4):
        note(followed, id_, "sent")
    counts = []
    while count := collect(followed, ALL, {}, NOW, limit=limit):
        counts.append(count)
        assert noted(followed) == list(range(1, sum(counts) + 1))
    assert sum(counts) == 3
    assert max(counts) == min(limit, 3)


@pytest.mark.parametrize(("late", "moved"), [(SETTLED, False), (SETTLED + SECOND, True)])
def test_the_cursor_moves_only_when_nothing_earlier_can_appear(followed, late, moved):
    note(followed, 7, "sent")
    collect(followed, ALL, {}, NOW + late)
    found = cursor(followed)
    assert (found["confirmed"], found["seen"], found["seen_at"]) == (
        (0, 7, NOW + late) if moved else (0, 0, NOW)
    )
    collect(followed, ALL, {}, NOW + 2 * late + SECOND)
    assert cursor(followed)["confirmed"] == (7 if moved else 0)


def test_the_cursor_waits_while_a_part_is_left_over(followed):
    note(followed, 1, "sent")
    note(followed, 2, "sent")
    collect(followed, ALL, {}, NOW + 2 * SETTLED, limit=2)
    assert cursor(followed)["seen"] == 0
    collect(followed, ALL, {}, NOW + 2 * SETTLED, limit=2)
    assert cursor(followed)["seen"] == 2


def test_what_was_read_for_good_is_not_read_again(followed):
    collect(followed, ["sent"], {}, NOW + 2 * SETTLED)
    note(followed, 1, "held")
    collect(followed, ["sent"], {}, NOW + 4 * SETTLED)
    collect(followed, ["sent"], {}, NOW + 6 * SETTLED)
    assert collect(followed, ["held"], {}, NOW + 6 * SETTLED) == 0


# --- telling them -----------------------------------------------------------------------------------------


@pytest.fixture
def due(followed):
    """Three changes that are due."""
    for id_, message in [(1, "a"), (2, "b"), (3, "a")]:
        note(followed, id_, "sent", message)
    collect(followed, ALL, {}, NOW)
    return followed


def taken(connection, now=NOW, limit=9):
    return [one["id"] for one in take_due(connection, now, lease=LEASE, limit=limit)]


def test_what_is_due_is_taken_by_one_until_its_lease_is_over(due):
    assert taken(due, after(-1)) == []
    assert taken(due) == [1, 2, 3]
    assert taken(due, after(59)) == []
    assert taken(due, after(60)) == [1, 2, 3]


def test_what_another_worker_took_after_we_looked_is_not_ours(due, monkeypatch):
    def another_comes_first(table):
        due.execute(update(table).where(table.c.id == 2).values(not_before=after(60)))
        return update(table)

    monkeypatch.setattr(callback_rows, "update", another_comes_first)
    assert taken(due) == [1, 3]


def test_what_waited_longest_goes_first(due):
    put_off(due, 1, after(5), "away", tried=True)
    assert taken(due, after(5), limit=2) == [2, 3]
    assert taken(due, after(5)) == [1]


def test_a_change_comes_with_what_its_mail_is_about(due):
    first, second, _ = take_due(due, NOW, lease=LEASE, limit=9)
    assert (first["kind"], first["idempotency_key"], first["customer_id"], first["invoice_id"]) == (
        STRICT,
        "key-a",
        "C1",
        "7",
    )
    assert (first["variables"], first["state"], first["message_id"]) == (
        {"customer_name": "Zoé"},
        "sent",
        "a",
    )
    assert (first["not_before"], second["kind"], second["customer_id"]) == (NOW + LEASE, URGENT, None)


def test_a_change_of_a_message_that_is_forgotten_comes_all_the_same(due):
    due.execute(messages.delete().where(messages.c.id == "a"))
    found = take_due(due, NOW, lease=LEASE, limit=9)
    assert [(one["id"], one["kind"]) for one in found] == [(1, None), (2, URGENT), (3, None)]


def look(connection, id_):
    row_ = connection.execute(select(callbacks).where(callbacks.c.id == id_)).mappings().one()
    return tuple(row_[name] for name in ("ended_at", "told", "trouble", "attempts", "not_before"))


@pytest.mark.parametrize(
    ("given", "sent", "trouble"), [({"sent": True}, 1, None), ({"sent": False, "error": "410"}, 0, "410")]
)
def test_what_ended_is_never_taken_again(due, given, sent, trouble):
    assert waiting(due) == 3
    end(due, 2, after(1), **given)
    assert look(due, 2) == (after(1), sent, trouble, 1, NOW)
    assert waiting(due) == 2
    put_off(due, 2, after(9), "late word", tried=True)
    assert look(due, 2) == (after(1), sent, trouble, 1, NOW)
    assert taken(due) == [1, 3]


@pytest.mark.parametrize(("tried", "attempts"), [(True, 1), (False, 0)])
def test_what_is_put_off_counts_where_it_was_tried(due, tried, attempts):
    put_off(due, 1, after(30), "HTTP 503", tried=tried)
    assert look(due, 1) == (None, None, "HTTP 503", attempts, after(30))
    assert look(due, 2) == (None, None, None, 0, NOW)


def test_what_ended_is_remembered_for_thirty_days(due):
    end(due, 1, NOW, sent=True)
    end(due, 2, NOW + SECOND, sent=True)
    assert forget(due, NOW + KEPT) == 0
    assert forget(due, NOW + KEPT + SECOND) == 1
    assert noted(due) == [2, 3]
