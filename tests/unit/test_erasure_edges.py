"""Where an address may stand in the ledger, row by row: what is found, what is blanked, and what is left alone."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from mailworker.deliveries.erased_addresses import under_stand_ins
from mailworker.deliveries.kept_event_fields import EventRecord
from mailworker.ledger import rows_naming_address
from mailworker.ledger.contact_tables import campaigns, crm_contacts, erased_contacts
from mailworker.ledger.mailjet_contact_rows import add_entries, new_entry
from mailworker.ledger.readdress_waiting_mail import former_addresses
from mailworker.ledger.rows_naming_address import (
    blank,
    blank_elsewhere,
    elsewhere,
    hanging_on,
    is_about,
    is_recipient,
    messages_with,
)
from mailworker.ledger.tables import (
    attempts,
    events,
    messages,
    opt_outs,
    rejected_jobs,
    suppression_changes,
    suppressions,
    timeline,
)
from mailworker.rules.pseudonym import pseudonym
from tests.rows import NOW, after, put, row

CLAIRE, PAUL = "claire@example.com", "paul@example.com"
GONE = pseudonym(CLAIRE)


def named(connection, email=CLAIRE):
    return [one["id"] for one in messages_with(connection, email)]


def look(connection, id_):
    return dict(connection.execute(select(messages).where(messages.c.id == id_)).mappings().one())


PLACES = {
    "to_email": "Claire@Example.com",
    "cc": [{"email": "Claire@Example.com", "name": "C"}],
    "bcc": [{"email": PAUL, "name": "P"}, {"email": CLAIRE, "name": "C"}],
    "variables": {"a": {"b": [f"write to {CLAIRE}!"]}},
    "invoice": {"client": {"email": CLAIRE}},
    "idempotency_key": f"welcome:{CLAIRE}:1",
}
OTHERS = {
    "to_email": "claires@example.com",
    "cc": [{"email": "eclaire@example.com", "name": "E"}],
    "bcc": [{"email": "claire@example.com.mu", "name": "E"}],
    "variables": {"a": "claire@sub.example.com"},
    "invoice": {"client": {"email": "x-claire@example.com"}},
    "idempotency_key": "welcome:claire-2@example.com:1",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("spelling", [CLAIRE, "CLAIRE@Example.Com", " claire@example.com "])
def test_an_address_is_found_wherever_a_message_has_it(connection, place, spelling):
    put(connection, row("found", **{place: PLACES[place]}), row("other", **{place: OTHERS[place]}))
    assert named(connection, spelling) == ["found"]


@pytest.mark.parametrize(
    ("email", "other"),
    [
        ("zoe_m@example.com", "zoexm@example.com"),
        ("50%off@example.com", "50xxoff@example.com"),
        ("a/b@example.com", "axb@example.com"),
        ("___@example.com", "abc@example.com"),
        ("%@example.com", "percent@example.com"),
    ],
)
@pytest.mark.parametrize("place", ["variables", "cc", "idempotency_key"])
def test_signs_that_a_database_takes_for_any_letter_stand_for_themselves(connection, email, other, place):
    def at(text):
        return {
            "variables": {"a": text},
            "cc": [{"email": text, "name": ""}],
            "idempotency_key": f"k:{text}",
        }[place]

    put(connection, row("mine", **{place: at(email)}), row("other", **{place: at(other)}))
    assert named(connection, email) == ["mine"]
    assert named(connection, other) == ["other"]


def test_only_what_may_be_meant_is_read_out_of_the_database(connection, monkeypatch):
    looked_at = []
    is_named = rows_naming_address.is_named

    def counted(row_, name):
        looked_at.append(row_["id"])
        return is_named(row_, name)

    monkeypatch.setattr(rows_naming_address, "is_named", counted)
    put(connection, row("mine", variables={"a": CLAIRE}), row("near", variables={"a": OTHERS["variables"]}))
    put(connection, *[row(f"other{n}", variables={"a": PAUL}) for n in range(3)])
    assert named(connection) == ["mine"]
    assert looked_at == ["mine", "near"]


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_all_messages_are_found_page_by_page(connection, monkeypatch, number):
    monkeypatch.setattr(rows_naming_address, "_AT_ONCE", 2)
    put(connection, *[row(f"m{n}", to_email=CLAIRE) for n in range(number)])
    assert named(connection) == [f"m{n}" for n in range(number)]


def test_a_page_of_others_ends_no_search(connection, monkeypatch):
    monkeypatch.setattr(rows_naming_address, "_AT_ONCE", 2)
    near = [row(f"a{n}", variables={"a": "claire@sub.example.com"}) for n in range(4)]
    put(connection, *near, row("m", variables={"a": CLAIRE}))
    assert named(connection) == ["m"]


def test_whom_a_message_is_to_and_whom_it_is_about():
    to, about = row("m", to_email="Claire@Example.com"), row("m", variables={"a": CLAIRE})
    assert (is_recipient(to, CLAIRE), is_about(to, CLAIRE)) == (True, False)
    assert (is_recipient(about, CLAIRE), is_about(about, CLAIRE)) == (False, True)
    assert is_about(row("m", invoice={"a": CLAIRE}, variables=None), CLAIRE)
    assert not is_recipient(row("m", to_email=None), CLAIRE)


def test_what_hangs_on_messages(connection):
    for id_ in ("a", "b"):
        connection.execute(insert(timeline), [{"message_id": id_, "at": NOW, "what": "sent"}])
        call = {"call_id": "c", "started_at": NOW, "finished_at": NOW, "outcome": "sent"}
        connection.execute(insert(attempts), [{"message_id": id_} | call])
        event = {"id": f"e{id_}", "message_id": id_, "event": "open", "at": NOW, "received_at": NOW}
        connection.execute(insert(events), [event])
    found = hanging_on(connection, ["a"])
    assert {name: [one["message_id"] for one in rows] for name, rows in found.items()} == {
        "timeline": ["a"],
        "attempts": ["a"],
        "events": ["a"],
    }


# --- blanking a message -----------------------------------------------------------------------------------

WHOLE = {
    "to_email": CLAIRE,
    "to_canonical": CLAIRE,
    "to_name": "Claire",
    "cc": [{"email": PAUL, "name": "Paul"}],
    "bcc": [{"email": CLAIRE, "name": "Claire"}],
    "variables": {"a": "b"},
    "invoice": {"c": "d"},
    "attachments": [{"key": "k"}],
    "idempotency_key": f"key:{CLAIRE}",
}


def blanked(connection, **changes):
    put(connection, row("m", **(WHOLE | changes)), row("n", **(WHOLE | {"idempotency_key": "n"})))
    blank(connection, look(connection, "m"), "CLAIRE@example.com", after(9))
    assert look(connection, "n") == look(connection, "n") | WHOLE | {"idempotency_key": "n"}, (
        "one message alone"
    )
    found = look(connection, "m")
    return {name: found[name] for name in WHOLE}


NOTHING = {"variables": None, "invoice": None, "attachments": None}


def test_of_a_message_to_the_person_nothing_is_left(connection):
    assert blanked(connection) == NOTHING | {
        "to_email": GONE,
        "to_canonical": GONE,
        "to_name": None,
        "cc": None,
        "bcc": None,
        "idempotency_key": f"key:{GONE}",
    }


def test_of_a_message_about_the_person_its_content_goes(connection):
    found = blanked(connection, to_email=PAUL, to_canonical=PAUL, to_name="Paul", variables={"a": CLAIRE})
    assert found == NOTHING | {
        "to_email": PAUL,
        "to_canonical": PAUL,
        "to_name": "Paul",
        "cc": WHOLE["cc"],
        "bcc": [{"email": GONE, "name": ""}],
        "idempotency_key": f"key:{GONE}",
    }


def test_of_a_message_with_a_copy_to_the_person_only_the_copy_goes(connection):
    changes = {
        "to_email": PAUL,
        "to_canonical": PAUL,
        "to_name": "Paul",
        "cc": None,
        "idempotency_key": "key",
    }
    assert blanked(connection, **changes) == WHOLE | changes | {"bcc": [{"email": GONE, "name": ""}]}


def test_the_timeline_says_that_it_was_erased_and_states_stay(connection):
    put(connection, row("m", to_email=CLAIRE, state="sent", mailjet_id=7, delivery="opened", reason="r"))
    blank(connection, look(connection, "m"), CLAIRE, after(9))
    (entry,) = connection.execute(select(timeline)).mappings()
    assert (entry["message_id"], entry["at"], entry["what"]) == ("m", after(9), "erased")
    assert entry["why"] == "personal data, on request"
    found = look(connection, "m")
    assert (found["state"], found["mailjet_id"], found["delivery"], found["reason"]) == (
        "sent",
        7,
        "opened",
        "r",
    )


def event(id_, message=None, detail=None):
    return {
        "id": id_,
        "message_id": message,
        "event": "open",
        "at": NOW,
        "received_at": NOW,
        "detail": detail,
    }


def details(connection):
    return {one.id: one.detail for one in connection.execute(select(events.c.id, events.c.detail))}


def test_of_a_messages_events_those_that_name_the_person_lose_what_they_say(connection):
    put(connection, row("m", to_email=PAUL, cc=[{"email": CLAIRE, "name": ""}]), row("n"))
    rows = [
        event("hers", "m", {"email": CLAIRE}),
        event("his", "m", {"email": PAUL}),
        event("bare", "m"),
        event("other", "n", {"email": CLAIRE}),
    ]
    for one in rows:
        connection.execute(insert(events), [one])
    blank(connection, look(connection, "m"), CLAIRE, NOW)
    assert details(connection) == {
        "hers": None,
        "his": {"email": PAUL},
        "bare": None,
        "other": {"email": CLAIRE},
    }


# --- what hangs on no message -----------------------------------------------------------------------------


def contact(email, **own):
    empty = {"name": "", "properties": {}, "lists": [], "excluded": None, "barred": None}
    more = {"fingerprint": "f", "task": "tell", "audience": "a", "due_at": NOW, "changed_at": NOW}
    return new_entry(email=email, **empty, **more | own)


def person(id_, email):
    names = ("customer_id", "name", "contact_type", "language")
    more = {"custom_fields": {}, "updated_at": NOW, "heard_at": NOW}
    return {"contact_id": id_, "email": email, **dict.fromkeys(names, ""), **more}


def campaign(id_, state, checkpoint):
    texts = {"way": "own", "segment": "", "contact_type": "billing", "content": {}}
    counts = {"written": 0, "left_out": 0, "created_at": NOW, "changed_at": NOW}
    return {"id": id_, "name": id_, "state": state, "checkpoint": checkpoint, **texts, **counts}


def fill(connection, email, mark):
    """This address on every table that hangs on no message; `mark` tells the rows of two addresses apart."""
    listed = {"email": email, "reason": "spam", "since": NOW, "source": "s"}
    connection.execute(insert(suppressions), [listed])
    change = {"email": email, "at": NOW, "what": "added", "reason": "spam", "why": mark, "changed_by": "x"}
    connection.execute(insert(suppression_changes), [change])
    connection.execute(insert(opt_outs), [{"person": pseudonym(email), "kind": mark, "since": NOW}])
    connection.execute(insert(crm_contacts), [person(mark, email)])
    left = {"email": email, "contact_id": mark, "customer_id": "c", "left_at": NOW}
    connection.execute(insert(former_addresses), [left])
    add_entries(connection, [contact(email)])
    connection.execute(insert(events), [event(mark, None, {"email": email})])
    refused = {"entry_id": mark, "at": NOW, "source": "stream", "faults": [], "payload": {"to": email}}
    connection.execute(insert(rejected_jobs), [refused])
    for state in ("sent", "cancelled", "sending", "paused"):
        connection.execute(insert(campaigns), [campaign(f"{mark}{state}", state, email)])


ELSEWHERE = {
    "unmatched_events",
    "rejected_jobs",
    "suppressions",
    "suppression_changes",
    "opt_outs",
    "crm_contacts",
    "mailjet_contacts",
    "former_addresses",
}


def test_all_that_names_the_address_is_shown_and_nobody_elses(connection):
    fill(connection, CLAIRE, "hers")
    fill(connection, PAUL, "his")
    connection.execute(insert(events), [event("known", "m", {"email": CLAIRE})])
    found = elsewhere(connection, "Claire@Example.com")
    assert {name: len(rows) for name, rows in found.items()} == dict.fromkeys(ELSEWHERE, 1)
    assert found["unmatched_events"][0]["id"] == "hers"
    assert found["opt_outs"][0]["kind"] == "hers"
    assert found["mailjet_contacts"][0]["email"] == CLAIRE


@pytest.mark.parametrize("place", ["moved_from", "waits_for"])
def test_another_contact_that_names_the_address_is_shown(connection, place):
    add_entries(connection, [contact(PAUL, **{place: CLAIRE}), contact("x@example.com", **{place: PAUL})])
    assert [one["email"] for one in elsewhere(connection, CLAIRE)["mailjet_contacts"]] == [PAUL]


def test_what_stands_under_the_stand_in_is_shown_too(connection):
    connection.execute(insert(suppressions), [{"email": GONE, "reason": "spam", "since": NOW}])
    change = {"email": GONE, "at": NOW, "what": "added", "reason": "spam", "why": "", "changed_by": "x"}
    connection.execute(insert(suppression_changes), [change])
    found = elsewhere(connection, CLAIRE)
    assert (len(found["suppressions"]), len(found["suppression_changes"])) == (1, 1)


def test_what_hangs_on_no_message_is_blanked_and_a_suppression_stays_under_the_stand_in(connection):
    fill(connection, CLAIRE, "hers")
    fill(connection, PAUL, "his")
    connection.execute(insert(events), [event("known", "m", {"email": CLAIRE})])
    blank_elsewhere(connection, "Claire@Example.com", after(9))
    assert details(connection) == {"hers": None, "his": {"email": PAUL}, "known": {"email": CLAIRE}}
    jobs = connection.execute(select(rejected_jobs.c.entry_id, rejected_jobs.c.payload)).all()
    assert dict(map(tuple, jobs)) == {"hers": None, "his": {"to": PAUL}}
    listed = {
        one.email: (one.reason, one.since, one.source) for one in connection.execute(select(suppressions))
    }
    assert listed == {GONE: ("spam", NOW, "s"), PAUL: ("spam", NOW, "s")}
    changes = connection.execute(select(suppression_changes.c.why, suppression_changes.c.email)).all()
    assert dict(map(tuple, changes)) == {"hers": GONE, "his": PAUL}
    assert list(connection.execute(select(former_addresses.c.email)).scalars()) == [PAUL]
    kept = dict(map(tuple, connection.execute(select(campaigns.c.id, campaigns.c.checkpoint)).all()))
    assert {id_: at for id_, at in kept.items() if id_.startswith("hers")} == {
        "herssent": None,
        "herscancelled": None,
        "herssending": CLAIRE,
        "herspaused": CLAIRE,
    }, "a campaign that goes on keeps its place"
    assert {at for id_, at in kept.items() if id_.startswith("his")} == {PAUL}


def test_who_is_not_listed_is_not_listed_by_the_erasure(connection):
    blank_elsewhere(connection, CLAIRE, NOW)
    assert connection.execute(select(suppressions)).all() == []


# --- events that come afterwards --------------------------------------------------------------------------


def posted(email, id_="e"):
    return EventRecord(id_, "open", NOW, 1, "", "", email)


def erase(connection, how, email=CLAIRE):
    if how == "contacts":
        connection.execute(insert(erased_contacts), [{"stand_in": pseudonym(email), "erased_at": NOW}])
    if how == "suppressions":
        connection.execute(
            insert(suppressions), [{"email": pseudonym(email), "reason": "spam", "since": NOW}]
        )


def stand_ins(connection, *pairs):
    return [one.email for one, _ in under_stand_ins(connection, pairs)]


COPY = row("m", to_email=PAUL, cc=[{"email": CLAIRE, "name": ""}])


@pytest.mark.parametrize("message", [None, COPY], ids=["stray", "copy"])
@pytest.mark.parametrize(("how", "kept"), [("contacts", GONE), ("suppressions", GONE), ("nobody", CLAIRE)])
def test_an_event_brings_no_erased_address_back(connection, message, how, kept):
    erase(connection, how)
    erase(connection, how, "someone@example.com")
    assert stand_ins(connection, (posted(CLAIRE), message)) == [kept]


@pytest.mark.parametrize("name", ["cc", "bcc"])
def test_a_message_that_has_a_stand_in_for_its_copy_says_so(connection, name):
    message = row("m", to_email=PAUL, **{name: [{"email": GONE, "name": ""}]})
    assert stand_ins(connection, (posted(CLAIRE), message)) == [GONE]
    assert stand_ins(connection, (posted("x@example.com"), message)) == ["x@example.com"]


def test_an_address_that_stands_in_no_list_as_erased_is_no_stand_in(connection):
    connection.execute(insert(suppressions), [{"email": CLAIRE, "reason": "spam", "since": NOW}])
    message = row("m", to_email=PAUL, cc=[{"email": CLAIRE, "name": ""}, {"email": "", "name": ""}])
    assert stand_ins(connection, (posted(CLAIRE), message)) == [CLAIRE]


def test_of_a_messages_own_recipient_the_event_is_left_as_it_is(connection):
    erase(connection, "contacts")
    own = row("m", to_email=GONE)
    assert stand_ins(connection, (posted(CLAIRE), own)) == [CLAIRE]
    assert stand_ins(
        connection, (posted(CLAIRE), own), (posted(CLAIRE, "f"), COPY), (posted(PAUL), COPY)
    ) == [
        CLAIRE,
        GONE,
        PAUL,
    ]


def test_events_without_an_address_are_left_as_they_are(connection):
    erase(connection, "contacts")
    pairs = [(posted(""), None), (posted("", "f"), COPY), (posted(CLAIRE, "g"), None)]
    found = under_stand_ins(connection, pairs)
    assert [(one.id, one.email, message) for one, message in found] == [
        ("e", "", None),
        ("f", "", COPY),
        ("g", GONE, None),
    ]
    assert under_stand_ins(connection, pairs[:2]) == pairs[:2]


def test_a_stand_in_of_an_earlier_version_counts(connection):
    email = "zoé@exämple.com"
    earlier = pseudonym(email)
    connection.execute(insert(erased_contacts), [{"stand_in": earlier, "erased_at": NOW - timedelta(days=1)}])
    assert stand_ins(connection, (posted(email), None)) == [pseudonym(email)]
