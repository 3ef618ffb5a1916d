"""Contacts in the ledger from waiting to told: who travels together, and what each field says afterwards."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from mailworker.ledger.contact_push_queue import (
    anything_due,
    claim,
    erased,
    finish,
    flying_emails,
    give_back,
    next_poll,
    poll_later,
    push_all_again,
    refuse,
    running,
    started,
)
from mailworker.ledger.contact_tables import contact_calls, mailjet_contacts
from mailworker.ledger.mailjet_contact_rows import add_entries, new_entry
from mailworker.ledger.tables import suppressions
from mailworker.rules.contact_diff import audience_of
from tests.rows import NOW, after

UNTIL = after(600)


def contact(email, **own):
    empty = {"name": "", "properties": {}, "lists": [], "excluded": None, "barred": None}
    more = {"fingerprint": "f", "task": "tell", "audience": "a", "due_at": NOW, "changed_at": NOW}
    return new_entry(email=email, **(empty | more | own))


def put(connection, *rows):
    for one in rows:
        add_entries(connection, [one])


def look(connection, email):
    query = select(mailjet_contacts).where(mailjet_contacts.c.email == email)
    row = connection.execute(query).mappings().one_or_none()
    return dict(row) if row else None


def call_of(connection, id_="c"):
    return dict(connection.execute(select(contact_calls).where(contact_calls.c.id == id_)).mappings().one())


def taken(connection, *, now=NOW, limit=99, id_="c"):
    return {one["email"] for one in claim(connection, id_, now=now, until=UNTIL, limit=limit)}


def put_call(connection, id_="c", **own):
    values = {"state": "running", "contacts": 1, "refused": 0, "started_at": NOW, "poll_at": NOW, "polls": 0}
    connection.execute(insert(contact_calls), [{"id": id_} | values | own])


# --- who travels together ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "together"),
    [
        ({}, True),
        ({"due_at": after(5)}, True),
        ({"due_at": after(6)}, False),
        ({"audience": "b"}, False),
        ({"task": "bar"}, False),
        ({"batch_limit": 10}, False),
        ({"state": "waiting"}, False),
        ({"state": "in_step"}, False),
        ({"state": "refused"}, False),
        ({"state": "flying"}, False),
    ],
)
def test_what_is_due_and_alike_travels_in_one_call(connection, own, together):
    put(connection, contact("first", due_at=after(-1)), contact("other", **own))
    assert taken(connection, now=after(5)) == ({"first", "other"} if together else {"first"})
    assert look(connection, "other")["call_id"] == ("c" if together else None)


def test_nothing_due_is_no_call(connection):
    put(connection, contact("later", due_at=after(1)))
    assert taken(connection) == set()
    assert connection.execute(select(contact_calls)).all() == []


@pytest.mark.parametrize(
    ("task", "batch_limit", "limit", "number"),
    [
        ("tell", 1000, 99, 4),
        ("tell", 1000, 3, 3),
        ("tell", 2, 99, 2),
        ("tell", 2, 1, 1),
        ("move", 1000, 99, 1),
        ("erase", 1000, 99, 1),
        ("bar", 1000, 99, 1),
    ],
)
def test_how_many_travel_at_most_and_the_longest_waiting_first(connection, task, batch_limit, limit, number):
    rows = [contact(f"m{n}", task=task, batch_limit=batch_limit, due_at=after(-n)) for n in range(4)]
    put(connection, *rows)
    assert taken(connection, limit=limit) == {f"m{n}" for n in range(4 - number, 4)}


def test_a_call_is_written_down_with_its_contacts(connection):
    put(connection, contact("a", fingerprint="new"), contact("b"))
    assert taken(connection) == {"a", "b"}
    assert call_of(connection) == {
        "id": "c",
        "job_id": None,
        "state": "calling",
        "contacts": 2,
        "refused": 0,
        "started_at": NOW,
        "poll_at": UNTIL,
        "polls": 0,
        "note": None,
    }
    row = look(connection, "a")
    assert (row["state"], row["call_id"], row["sent"]) == ("flying", "c", "new")
    assert sorted(flying_emails(connection, "c")) == ["a", "b"]
    assert flying_emails(connection, "d") == []


@pytest.mark.parametrize(
    ("own", "lists", "names", "excluded"),
    [
        ({}, [], [], False),
        ({"lists": ["b", "a"], "told_lists": ["c"]}, ["a", "b", "c"], [], False),
        ({"lists": ["a"], "told_lists": ["a"]}, ["a"], [], False),
        ({"properties": {"y": 1, "x": 2}, "told_names": ["z"]}, [], ["x", "y", "z"], False),
        ({"excluded": True}, [], [], True),
        ({"excluded": False}, [], [], False),
        ({"barred": "spam"}, [], [], True),
        ({"told_excluded": True}, [], [], True),
    ],
)
def test_from_the_claim_on_mailjet_may_know_all_of_it(connection, own, lists, names, excluded):
    put(connection, contact("a", **own), contact("b"))
    taken(connection)
    row = look(connection, "a")
    assert (row["told_lists"], row["told_names"], row["told_excluded"]) == (lists, names, excluded)
    other = look(connection, "b")
    assert (other["told_lists"], other["told_names"], other["told_excluded"]) == ([], [], False)


# --- following a call -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("contact_due", "poll_at", "state", "due"),
    [
        (NOW, after(1), "calling", True),
        (after(1), NOW, "calling", True),
        (after(1), NOW, "running", True),
        (after(1), after(1), "running", False),
        (after(1), NOW, "done", False),
        (after(1), NOW, "lost", False),
    ],
)
def test_whether_anything_is_due(connection, contact_due, poll_at, state, due):
    put(connection, contact("a", due_at=contact_due), contact("b", state="waiting", due_at=after(-9)))
    put_call(connection, state=state, poll_at=poll_at)
    assert anything_due(connection, NOW) is due


def test_a_jobs_number_is_kept_and_only_what_runs_is_counted(connection):
    put(connection, contact("a"))
    taken(connection)
    put_call(connection, "other", state="calling")
    assert running(connection) == 0
    started(connection, "c", 17, poll_at=after(5))
    found = call_of(connection)
    assert (found["state"], found["job_id"], found["poll_at"]) == ("running", 17, after(5))
    assert call_of(connection, "other")["job_id"] is None
    put_call(connection, "done", state="done")
    assert running(connection) == 1


def test_the_call_that_waited_longest_is_looked_at_and_by_one_only(connection):
    put_call(connection, "late", poll_at=after(-1))
    put_call(connection, "later", poll_at=NOW, state="calling")
    put_call(connection, "soon", poll_at=after(1))
    put_call(connection, "done", poll_at=after(-9), state="done")
    looks = [next_poll(connection, now=NOW, until=UNTIL) for _ in range(3)]
    assert [one and one["id"] for one in looks] == ["late", "later", None]
    found = call_of(connection, "late")
    assert (looks[0]["polls"], found["polls"], found["poll_at"]) == (0, 1, UNTIL)
    poll_later(connection, "late", after(7))
    assert call_of(connection, "late")["poll_at"] == after(7)
    assert call_of(connection, "soon")["poll_at"] == after(1)


# --- what became of it ------------------------------------------------------------------------------------


def flying(connection, email="a", **own):
    put(connection, contact(email, state="flying", call_id="c", **({"sent": "f"} | own)))


@pytest.fixture
def call(connection):
    put_call(connection)
    return connection


def parts(row, *names):
    return tuple(row[name] for name in names)


STAYS = {"lists": ["a"], "told_lists": ["a"]}
CHANGED = STAYS | {"sent": "older"}


@pytest.mark.parametrize(
    ("own", "state", "task"),
    [
        (STAYS, "in_step", "tell"),
        (CHANGED, "pending", "tell"),
        (STAYS | {"task": "move"}, "in_step", "tell"),
        (STAYS | {"task": "bar"}, "in_step", "tell"),
        (STAYS | {"task": "erase"}, "pending", "erase"),
        (STAYS | {"waits_for": "x"}, "waiting", "tell"),
        (CHANGED | {"waits_for": "x"}, "waiting", "tell"),
        ({"sent": "older"}, "pending", "tell"),
        ({"task": "move"}, "in_step", "tell"),
        ({"task": "bar", "sent": "older"}, "pending", "tell"),
    ],
)
def test_what_was_told_is_in_step_where_nothing_changed_meanwhile(call, own, state, task):
    flying(call, tries=3, error="e", batch_limit=2, **own)
    assert finish(call, "c", {}, now=after(9)) == 1
    row = look(call, "a")
    assert parts(row, "state", "task") == (state, task)
    assert parts(row, "call_id", "batch_limit", "tries", "error", "due_at") == (None, 1000, 0, None, after(9))
    assert row["told"] == own.get("sent", "f")


@pytest.mark.parametrize("task", ["tell", "bar"])
@pytest.mark.parametrize(("left_out", "listed"), [(True, True), (False, False)])
def test_who_was_taken_off_all_lists_is_forgotten_but_not_mailjets_own_word(call, task, left_out, listed):
    flying(call, "gone@x.example", task=task, left_out=left_out)
    flying(call, "stays@x.example", left_out=True, **STAYS)
    assert finish(call, "c", {}, now=NOW) == 2
    assert look(call, "gone@x.example") is None
    assert look(call, "stays@x.example")["state"] == "in_step"
    found = call.execute(select(suppressions)).mappings().all()
    assert [(one["email"], one["reason"], one["since"], one["source"]) for one in found] == (
        [("gone@x.example", "unsubscribed", NOW, "mailjet")] if listed else []
    )


@pytest.mark.parametrize(
    ("sent", "lists", "names", "excluded"),
    [("f", ["a", "b"], ["x", "y"], True), ("older", ["c"], ["z"], False)],
)
def test_what_mailjet_knows_is_noted_as_it_is_only_where_it_was_told(call, sent, lists, names, excluded):
    told = {"told_lists": ["c"], "told_names": ["z"], "told_excluded": False}
    flying(call, sent=sent, lists=["b", "a"], properties={"y": 1, "x": 2}, excluded=True, **told)
    finish(call, "c", {}, now=NOW)
    row = look(call, "a")
    assert parts(row, "told_lists", "told_names", "told_excluded") == (lists, names, excluded)
    assert row["audience"] == audience_of(["b", "a"], lists)


@pytest.mark.parametrize(("task", "moved_from"), [("move", None), ("tell", None), ("erase", "old@x.example")])
def test_where_a_contact_came_from_is_forgotten_once_it_was_moved(call, task, moved_from):
    flying(call, task=task, moved_from="old@x.example", **STAYS)
    finish(call, "c", {}, now=NOW)
    assert look(call, "a")["moved_from"] == moved_from


@pytest.mark.parametrize(
    ("own", "state", "due"),
    [
        ({}, "refused", 9),
        ({"sent": "older"}, "pending", 9),
        ({"task": "erase"}, "pending", 9 + 3600),
        ({"task": "erase", "sent": "older"}, "pending", 9 + 3600),
        ({"task": "move"}, "refused", 9),
    ],
)
def test_who_was_refused_waits_for_a_change(call, own, state, due):
    flying(call, lists=["b"], told_lists=["a"], tries=2, **own)
    flying(call, "b", **STAYS)
    assert finish(call, "c", {"a": "no address", "stranger": "x"}, now=after(9)) == 1
    row = look(call, "a")
    assert parts(row, "state", "call_id", "due_at", "error", "tries") == (
        state,
        None,
        after(due),
        "no address",
        2,
    )
    assert row["audience"] == audience_of(["b"], ["a"])
    assert row["told"] is None
    found = call_of(call)
    assert parts(found, "state", "refused", "note") == ("done", 1, None)
    assert look(call, "b")["state"] == "in_step"


@pytest.mark.parametrize(
    ("own", "refused", "released"),
    [({}, {}, True), ({"sent": "older"}, {}, False), ({}, {"a": "no"}, False)],
)
def test_a_former_address_goes_once_the_new_one_is_told(call, own, refused, released):
    flying(call, **(STAYS | own))
    put(call, contact("old", state="waiting", waits_for="a", due_at=after(-9)))
    put(call, contact("other", state="waiting", waits_for="b", due_at=after(-9)))
    put(call, contact("still", state="in_step", waits_for="a", due_at=after(-9)))
    finish(call, "c", refused, now=NOW)
    waiting = ("waiting", "a", after(-9))
    assert parts(look(call, "old"), "state", "waits_for", "due_at") == (
        ("pending", None, NOW) if released else waiting
    )
    assert parts(look(call, "other"), "state", "waits_for") == ("waiting", "b")
    assert parts(look(call, "still"), "state", "waits_for") == ("in_step", "a")


def test_another_calls_contacts_are_its_own(call):
    flying(call, **STAYS)
    put(call, contact("other", state="flying", call_id="d", sent="f", **STAYS))
    put(call, contact("back", state="pending", call_id="c", sent="f", **STAYS))
    assert finish(call, "c", {}, now=NOW) == 1
    assert look(call, "other")["state"] == "flying"
    assert look(call, "back")["state"] == "pending"


@pytest.mark.parametrize(("limit", "kept"), [(None, 40), (20, 20)])
def test_a_call_that_did_not_work_gives_its_contacts_back(call, limit, kept):
    flying(call, lists=["b"], told_lists=["a"], batch_limit=40, tries=2)
    flying(call, "b", batch_limit=40)
    assert give_back(call, "c", due_at=after(30), why="HTTP 500", batch_limit=limit) == 2
    row = look(call, "a")
    assert parts(row, "state", "call_id", "due_at", "tries", "batch_limit", "error") == (
        "pending",
        None,
        after(30),
        2,
        kept,
        "HTTP 500",
    )
    assert row["audience"] == audience_of(["b"], ["a"])
    assert look(call, "b")["tries"] == 0
    assert parts(call_of(call), "state", "note") == ("lost", "HTTP 500")


def test_a_call_that_is_refused_refuses_all_its_contacts(call):
    flying(call)
    flying(call, "b")
    refuse(call, "c", "no such list", now=after(9))
    assert [parts(look(call, one), "state", "error", "due_at") for one in "ab"] == [
        ("refused", "no such list", after(9))
    ] * 2
    assert parts(call_of(call), "state", "refused") == ("done", 2)


def test_who_was_erased_at_mailjet_is_forgotten(call):
    flying(call, task="erase")
    put(call, contact("other", task="erase"))
    assert erased(call, "c") == ["a"]
    assert look(call, "a") is None
    assert look(call, "other")["state"] == "pending"
    assert call_of(call)["state"] == "done"


def test_contacts_go_out_again_after_a_worker_died(connection):
    put(connection, contact("a"))
    taken(connection)
    assert not anything_due(connection, UNTIL - timedelta(seconds=1))
    assert anything_due(connection, UNTIL)
    give_back(connection, "c", due_at=UNTIL, why="its worker died")
    assert taken(connection, now=UNTIL, id_="d") == {"a"}


def test_a_mailjet_that_forgot_everybody_is_told_of_all_again(connection):
    known = {
        "told": "f",
        "told_lists": ["", "vip"],
        "told_names": ["city"],
        "told_excluded": True,
        "due_at": after(-99),
    }
    put(
        connection,
        contact("in@x.fr", state="in_step", lists=["", "vip"], **known),
        contact("gone@x.fr", state="in_step", task="bar", **known),
        contact("refused@x.fr", state="refused", **known),
    )
    assert push_all_again(connection, now=NOW) == 1
    row = look(connection, "in@x.fr")
    assert (row["state"], row["due_at"], row["told"], row["told_excluded"]) == ("pending", NOW, None, False)
    assert (row["told_lists"], row["told_names"]) == ([], [])
    assert row["audience"] == audience_of(["", "vip"], [])
    assert [look(connection, name)["told"] for name in ("gone@x.fr", "refused@x.fr")] == ["f", "f"]
    assert taken(connection) == {"in@x.fr"}
