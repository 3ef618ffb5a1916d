"""Campaigns in the ledger and the messages that were made of them: which are found, moved and counted."""

import shlex

import pytest
from sqlalchemy import insert, select

from mailworker.cli.doctor_checks.contacts_and_campaigns import campaign_faults
from mailworker.core.states import FINAL, State
from mailworker.ledger.campaign_audience import contact_at, contacts_after, languages, owners
from mailworker.ledger.campaign_rows import (
    add,
    anything_open,
    figures,
    find,
    in_progress,
    latest,
    lock,
    move,
    names,
    note,
    shift,
    stopped,
    waiting,
    waiting_in_bulk,
    written_to,
)
from mailworker.ledger.contact_tables import crm_contacts, crm_customers
from mailworker.ledger.mailjet_contact_rows import add_entries, new_entry
from mailworker.ledger.tables import messages, timeline
from mailworker.rules.campaign_rules import UNFINISHED, key_of
from tests.rows import NOW, after, put, row

OURS, THEIRS = "c00000000001", "c00000000002"


def campaign(id_, **own):
    texts = {
        "name": f"name of {id_}",
        "way": "workers",
        "segment": "",
        "contact_type": "billing",
        "content": {},
    }
    more = {"state": "sending", "written": 0, "left_out": 0, "created_at": NOW, "changed_at": NOW}
    return {"id": id_} | texts | more | own


def mail(number, id_=OURS, **changes):
    return row(f"m{number}", idempotency_key=key_of(id_, f"p{number}"), **changes)


# --- campaigns --------------------------------------------------------------------------------------------


def test_a_campaign_is_found_by_its_name_or_its_id(connection):
    add(connection, campaign("a", name="spring"))
    add(connection, campaign("spring", name="autumn"))
    assert find(connection, "a")["name"] == "spring"
    assert find(connection, "autumn")["id"] == "spring"
    assert find(connection, "spring")["name"] in {"spring", "autumn"}
    assert find(connection, "winter") is None
    assert sorted(names(connection)) == ["autumn", "spring"]


def test_an_id_goes_before_anothers_name(connection):
    add(connection, campaign("a", name="spring"))
    add(connection, campaign("spring", name="autumn"))
    assert find(connection, "spring")["id"] == "spring"


def test_the_youngest_campaigns_come_first(connection):
    for number in (2, 1, 3):
        add(connection, campaign(f"c{number}", created_at=after(number)))
    assert [one["id"] for one in latest(connection, limit=2)] == ["c3", "c2"]


@pytest.mark.parametrize(("state", "moved"), [("sending", True), ("paused", False)])
def test_a_campaign_moves_only_out_of_the_state_that_was_seen(connection, state, moved):
    add(connection, campaign("a", state=state))
    add(connection, campaign("b"))
    assert move(connection, "a", "sending", "sent", now=after(5), finished_at=after(4)) is moved
    found = find(connection, "a")
    assert (found["state"], found["changed_at"], found["finished_at"]) == (
        ("sent", after(5), after(4)) if moved else (state, NOW, None)
    )
    assert find(connection, "b")["state"] == "sending"


def test_what_is_noted_of_one_campaign_is_not_noted_of_another(connection):
    add(connection, campaign("a"))
    add(connection, campaign("b"))
    note(connection, "a", now=after(5), written=3, checkpoint="z@x.example")
    found = find(connection, "a")
    assert (found["written"], found["checkpoint"], found["changed_at"]) == (3, "z@x.example", after(5))
    assert (find(connection, "b")["written"], find(connection, "b")["changed_at"]) == (0, NOW)


@pytest.mark.parametrize(
    ("own", "found"),
    [
        ({"state": "sending"}, True),
        ({"state": "sending", "send_at": after(9)}, True),
        ({"state": "scheduled", "send_at": NOW}, True),
        ({"state": "scheduled", "send_at": after(1)}, False),
        ({"state": "scheduled", "send_at": None}, False),
        ({"state": "paused", "send_at": NOW}, False),
        ({"state": "sending", "way": "mailjet"}, False),
        ({"state": "scheduled", "send_at": NOW, "way": "mailjet"}, False),
    ],
)
def test_which_campaigns_are_to_be_worked_on(connection, own, found):
    add(connection, campaign("a", **own))
    assert [one["id"] for one in in_progress(connection, "workers", NOW)] == ["a"] * found


@pytest.mark.parametrize(
    ("state", "note", "told"),
    [
        ("paused", "no way out", True),
        ("draft", "somebody left", True),
        ("paused", None, False),
        ("draft", UNFINISHED, False),
        ("sending", "no way out", False),
        ("cancelled", "no way out", False),
    ],
)
def test_which_campaigns_stopped_by_themselves(connection, state, note, told):
    add(connection, campaign("a", state=state, note=note))
    found = [(row["name"], row["state"], row["note"]) for row in stopped(connection)]
    assert found == ([("name of a", state, note)] if told else [])
    verb = "resume" if state == "paused" else "send"
    cure = f"Once that is mended: `mailworker campaign {verb} 'name of a'`."
    said = [f"The campaign name of a stopped: {note}. {cure}"] if told else []
    assert list(campaign_faults(connection)) == said


def test_the_cure_of_a_stopped_campaign_can_be_typed_whatever_its_name(connection):
    name = "Fibre d’hiver: l'offre `$(id)`"
    add(connection, campaign("a", name=name, state="paused", note="no way out"))
    (sentence,) = campaign_faults(connection)
    command = sentence.partition("mended: `")[2].removesuffix("`.")
    assert shlex.split(command) == ["mailworker", "campaign", "resume", name]


def test_the_campaign_that_was_made_first_goes_first(connection):
    for number in (2, 1, 3):
        add(connection, campaign(f"c{number}", created_at=after(number)))
    assert [one["id"] for one in in_progress(connection, "workers", NOW)] == ["c1", "c2", "c3"]


@pytest.mark.parametrize("state", ["draft", "scheduled", "sending", "paused", "sent", "cancelled"])
def test_only_a_campaign_that_is_being_sent_is_locked(connection, state):
    add(connection, campaign("a", state=state))
    add(connection, campaign("b"))
    found = lock(connection, "a")
    assert (found and found["id"]) == ("a" if state == "sending" else None)


# --- contacts ---------------------------------------------------------------------------------------------


def person(id_, email, *, at=NOW, language="", customer="C1"):
    texts = {"name": "", "contact_type": "billing", "language": language, "customer_id": customer}
    return {"contact_id": id_, "email": email, "custom_fields": {}, "updated_at": at, "heard_at": NOW} | texts


def company(id_, language):
    texts = dict.fromkeys(("name", "city", "postal_code", "country", "timezone"), "")
    return {"customer_id": id_, "language": language, "custom_fields": {}, "updated_at": NOW} | texts


def people(connection, *rows):
    for one in rows:
        connection.execute(insert(crm_contacts), [one])


def test_of_several_contacts_at_an_address_the_owner_is_always_the_same(connection):
    people(connection, person("9", "a"), person("10", "a"), person("3", "b"), person("1", "other"))
    assert owners(connection, ["a", "b", "stranger"]) == {"a": "10", "b": "3", "stranger": "stranger"}


def test_the_language_is_that_of_the_contact_that_changed_last(connection):
    connection.execute(insert(crm_customers), [company("C1", "fr"), company("C2", "")])
    people(
        connection,
        person("1", "a", at=after(1), language="en"),
        person("2", "a", at=after(2), language="de"),
        person("3", "a", at=after(0), language="it"),
        person("1b", "tie", at=NOW, language="en"),
        person("2b", "tie", at=NOW, language="de"),
        person("4", "company"),
        person("5", "nobody", customer="C2"),
    )
    found = languages(connection, ["a", "tie", "company", "nobody", "stranger"])
    assert found == {"a": "de", "tie": "de", "company": "fr"}


def contact(email, **own):
    empty = {"name": "", "properties": {}, "lists": [], "excluded": None, "barred": None}
    more = {"fingerprint": "f", "task": "tell", "audience": "a", "due_at": NOW, "changed_at": NOW}
    return new_entry(email=email, **(empty | more | own))


def after_(connection, email, **given):
    return [one["email"] for one in contacts_after(connection, email, **({"limit": 9} | given))]


def test_contacts_come_by_address_one_part_after_the_other(connection):
    for email in "cabd":
        add_entries(connection, [contact(email, changed_at=after(ord(email)))])
    assert after_(connection, "") == ["a", "b", "c", "d"]
    assert after_(connection, "b") == ["c", "d"]
    assert after_(connection, "", limit=2) == ["a", "b"]
    assert after_(connection, "", changed_since=after(ord("c"))) == ["c", "d"]


def test_a_contact_comes_with_what_decides_whether_it_is_written_to(connection):
    flags = {"excluded": True, "barred": "spam", "left_out": True, "unsubscribed_at": NOW, "state": "in_step"}
    what = {"name": "N", "properties": {"a": 1}, "lists": ["x"], "task": "tell"}
    add_entries(connection, [contact("zoe@x.example", **flags, **what)])
    add_entries(connection, [contact("zoe@x.exampl")])
    assert contact_at(connection, "zoe@x.example") == {"email": "zoe@x.example"} | flags | what
    assert contact_at(connection, "zoe@x.exam") is None


# --- messages ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", list(State))
def test_whether_a_message_of_a_campaign_has_something_before_it(connection, state):
    put(connection, mail(1, state=str(state)), mail(2, THEIRS, state="ready"))
    assert anything_open(connection, OURS) is (state not in FINAL)
    assert waiting({str(state): 3, "delivered": 9}) == (0 if state in FINAL else 3)


def test_keys_beside_a_campaigns_are_not_its_own(connection):
    beside = [f"campaign:{OURS[:-1]}0:p", f"campaign:{OURS}", f"campaign:{OURS};p", f"campaign-test:{OURS}:p"]
    put(connection, *[row(f"n{n}", idempotency_key=key, state="ready") for n, key in enumerate(beside)])
    assert not anything_open(connection, OURS)
    put(connection, row("first", idempotency_key=key_of(OURS, ""), state="ready"))
    assert anything_open(connection, OURS)


def test_to_whom_a_campaign_has_written(connection):
    put(connection, mail(1, to_canonical="a"), mail(2, to_canonical="b"), mail(3, THEIRS, to_canonical="c"))
    assert written_to(connection, OURS, ["a", "c", "d"]) == {"a"}


@pytest.mark.parametrize(("most", "counted"), [(1, 1), (3, 3), (9, 3)])
def test_how_many_wait_in_the_bulk_lane(connection, most, counted):
    put(connection, *[mail(number, lane=2) for number in range(3)])
    put(connection, mail(7, lane=1), mail(8, lane=2, state="held"))
    assert waiting_in_bulk(connection, at_most=most) == counted


@pytest.mark.parametrize("number", [0, 1, 1000, 1001])
def test_all_of_a_campaigns_messages_move_together(connection, number):
    connection.execute(insert(messages), [mail(n) for n in range(number)] or [mail("other", THEIRS)])
    if number:
        put(connection, mail("other", THEIRS))
    put(connection, mail("sent", state="sent"))
    assert shift(connection, OURS, State.READY, State.HELD, why="paused", now=after(9)) == number
    states = dict(map(tuple, connection.execute(select(messages.c.id, messages.c.state)).all()))
    assert {id_ for id_, state in states.items() if state == "held"} == {f"m{n}" for n in range(number)}
    assert (states["msent"], states["mother"]) == ("sent", "ready")
    entries = connection.execute(select(timeline.c.what, timeline.c.why, timeline.c.at)).all()
    assert {tuple(one) for one in entries} == ({("held", "paused", after(9))} if number else set())


def test_a_campaigns_figures_add_up_states_and_how_far_the_mails_got(connection):
    put(
        connection,
        mail(1, state="sent", delivery="opened"),
        mail(2, state="sent", delivery="opened"),
        mail(3, state="sent", delivery="bounced"),
        mail(4, state="sent"),
        mail(5, state="failed"),
        mail(6, state="failed", delivery="bounced"),
        mail(7, THEIRS, state="sent", delivery="clicked"),
    )
    assert figures(connection, OURS) == {"sent": 4, "failed": 2, "delivered": 2, "opened": 2, "bounced": 1}
    assert figures(connection, "c00000000003") == {}
