"""What the CRM says of contacts, heard in every state of what Mailjet knows: what is counted, and what waits then."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, select

from mailworker.contacts.upsert import ContactUpsert, UpsertResult
from mailworker.ledger.contact_tables import crm_contacts, erased_contacts, mailjet_contacts
from mailworker.ledger.readdress_waiting_mail import former_addresses
from mailworker.ledger.recipient_standings import suppressed
from mailworker.ledger.suppressions import suppress
from mailworker.ledger.tables import suppressions
from mailworker.rules.contact_diff import (
    Company,
    ContactPerson,
    ContactRules,
    Property,
    Stamp,
    TargetContact,
    audience_of,
    target_of,
)
from mailworker.rules.property_values import PropertyType
from mailworker.rules.pseudonym import pseudonym

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
MINUTE, SETTLE = timedelta(minutes=1), timedelta(seconds=30)
RULES = ContactRules(
    (Property("city", "customer.city"), Property("age", "contact.custom_fields.age", PropertyType.INT))
)
A, B = "a@x.example", "b@x.example"


def person(number=1, email=A, at=NOW, version=None, **more):
    return ContactPerson(
        contact_id=str(number), email=email, stamp=Stamp(at, version), **{"contact_type": "billing"} | more
    )


#: What Mailjet was told of `person()`, whatever its address.
IN_STEP = {
    "told": target_of([(person(), None)], RULES).fingerprint,
    "told_lists": ["", "billing"],
    "state": "in_step",
}


def company(number="C", at=NOW, version=None, **more):
    return Company(customer_id=number, stamp=Stamp(at, version), **more)


def hear(connection, people=(), companies=(), now=NOW, **more):
    return ContactUpsert(RULES, SETTLE).upsert(connection, people, companies, now=now, **more)


def rows(connection, *names):
    """Of each entry the address and these columns, by address."""
    columns = [mailjet_contacts.c[name] for name in ("email", *names)]
    return [tuple(row) for row in connection.execute(select(*columns).order_by(mailjet_contacts.c.email))]


def row(connection, email=A):
    found = select(mailjet_contacts).where(mailjet_contacts.c.email == email)
    return dict(connection.execute(found).mappings().one())


def known(connection, who=None, **own):
    """What was heard and told of this contact before."""
    who = who or person()
    hear(connection, [who])
    if own:
        statement = mailjet_contacts.update().where(mailjet_contacts.c.email == who.email)
        connection.execute(statement.values(**own))


def test_a_new_contact_waits_until_it_has_settled(connection):
    with_age = person(custom_fields={"age": "x", "plan": "pro"}, name="Zoé")
    assert hear(connection, [with_age]) == UpsertResult(new=1)
    found = row(connection)
    wanted = target_of([(with_age, None)], RULES)
    assert {name: found[name] for name in ("name", "properties", "lists", "excluded", "barred", "note")} == {
        "name": "Zoé",
        "properties": {"plan": "pro"},
        "lists": ["", "billing"],
        "excluded": None,
        "barred": None,
        "note": "age: the CRM's value is no int, so it is left out",
    }
    assert (found["task"], found["state"], found["due_at"], found["changed_at"]) == (
        "tell",
        "pending",
        NOW + SETTLE,
        NOW,
    )
    assert (found["audience"], found["fingerprint"]) == (audience_of(["", "billing"], ()), wanted.fingerprint)
    assert (found["told"], found["moved_from"], found["waits_for"], found["tries"]) == (None, None, None, 0)


def test_a_contact_of_whom_nothing_is_noted_has_no_note(connection):
    hear(connection, [person()])
    assert row(connection)["note"] is None


@pytest.mark.parametrize(
    ("again", "done"),
    [
        ([person()], UpsertResult(unchanged=1)),
        ([person(), person()], UpsertResult(unchanged=1, stale=1)),
        ([person(at=NOW + MINUTE)], UpsertResult(unchanged=1)),  # newer, and says the same
        ([person(at=NOW - MINUTE, name="Old")], UpsertResult(unchanged=1, stale=1)),
        ([person(name="New")], UpsertResult(changed=1)),
        ([person(2, B)], UpsertResult(new=1)),
        ([person(2, B), person()], UpsertResult(new=1, unchanged=1)),
        ([person(2, A, at=NOW + MINUTE)], UpsertResult(unchanged=1)),  # another contact that says the same
        ([person(2, A, at=NOW + MINUTE, name="Second")], UpsertResult(changed=1)),
        ([person(name="New"), person(name="Newer", at=NOW + MINUTE)], UpsertResult(changed=1, stale=1)),
        ([person(name="Newer", at=NOW + MINUTE), person(name="New")], UpsertResult(changed=1, stale=1)),
        ([person(1, B)], UpsertResult(new=1, removed=1)),
        ([], UpsertResult()),
    ],
)  # fmt: skip
def test_what_is_heard_again_is_counted(connection, again, done):
    known(connection)
    assert hear(connection, again) == done


def test_the_newest_copy_counts_wherever_it_stands_and_the_later_of_two_alike(connection):
    hear(connection, [person(name="Newer", at=NOW + MINUTE), person(name="New")])
    assert row(connection)["name"] == "Newer"
    hear(connection, [person(name="One", at=NOW + 2 * MINUTE), person(name="Two", at=NOW + 2 * MINUTE)])
    assert row(connection)["name"] == "Two"
    hear(connection, [person(name="Three", at=NOW + 2 * MINUTE)])
    assert row(connection)["name"] == "Three"


def test_versions_tell_an_older_copy_where_both_have_one(connection):
    hear(connection, [person(version=7, name="Seven")])
    assert hear(connection, [person(version=6, at=NOW + MINUTE, name="Six")]) == UpsertResult(
        unchanged=1, stale=1
    )
    assert hear(connection, [person(version=8, at=NOW - MINUTE, name="Eight")]) == UpsertResult(changed=1)
    assert row(connection)["name"] == "Eight"


def test_a_changed_customer_reaches_its_contacts_and_no_others(connection):
    hear(connection, [person(customer_id="C"), person(2, B)], [company(city="Lyon")])
    assert hear(connection, (), [company(city="Brest", at=NOW + MINUTE)]) == UpsertResult(changed=1)
    assert [(email, found) for email, found in rows(connection, "properties")] == [
        (A, {"city": "Brest"}),
        (B, {}),
    ]
    assert hear(connection, (), [company(city="Brest", at=NOW + MINUTE)]) == UpsertResult()
    assert hear(connection, (), [company(city="Nice")]) == UpsertResult(stale=1)
    assert hear(connection, (), [company("D"), company("D", at=NOW + MINUTE)]) == UpsertResult(stale=1)
    assert row(connection)["properties"] == {"city": "Brest"}


def test_a_thorough_look_hears_the_unchanged_too(connection):
    known(connection)
    known(connection, person(2, B))
    changed = {"fingerprint": "of other rules", "told": "x"}
    connection.execute(mailjet_contacts.update().values(**changed))
    assert hear(connection, [person()]) == UpsertResult(unchanged=1)
    assert hear(connection, [person()], thorough=True) == UpsertResult(changed=1)
    assert hear(connection, [person()], thorough=True) == UpsertResult(unchanged=1)
    assert [found for _, found in rows(connection, "fingerprint")][1] == "of other rules"


def test_the_crm_still_knows_what_it_says_again(connection):
    hear(connection, [person(), person(2, B)])
    hear(connection, [person(), person(3, "c@x.example")], now=NOW + MINUTE)
    heard = connection.execute(
        select(crm_contacts.c.contact_id, crm_contacts.c.heard_at).order_by("contact_id")
    )
    assert [tuple(one) for one in heard] == [("1", NOW + MINUTE), ("2", NOW), ("3", NOW + MINUTE)]
    done = ContactUpsert(RULES, SETTLE).forget_silent(connection, known_before=NOW + MINUTE, now=NOW + MINUTE)
    assert done == UpsertResult(removed=1)
    assert [email for (email,) in rows(connection)] == [A, "c@x.example"]
    left = connection.execute(select(former_addresses.c.email, former_addresses.c.left_at)).all()
    assert [tuple(one) for one in left] == [(B, NOW + MINUTE)]


OTHER = person(name="Other")
FINGERPRINT = target_of([(OTHER, None)], RULES).fingerprint


@pytest.mark.parametrize(
    ("own", "after"),
    [
        ({}, {"state": "pending", "task": "tell", "due_at": NOW + SETTLE}),
        ({"state": "in_step", "told": "x", "told_lists": ["", "billing"]}, {"state": "pending", "due_at": NOW + MINUTE + SETTLE}),
        ({"state": "flying", "sent": "x"}, {"state": "flying", "due_at": NOW + MINUTE + SETTLE}),
        ({"state": "refused", "tries": 5, "error": "no"}, {"state": "pending", "tries": 0, "error": None}),
        ({"told": FINGERPRINT, "told_lists": ["billing", ""]}, {"state": "in_step"}),
        ({"told": FINGERPRINT, "told_lists": ["billing", ""], "state": "flying"}, {"state": "flying"}),
        ({"told": FINGERPRINT, "told_lists": [""]}, {"state": "pending"}),
        ({"told": FINGERPRINT, "told_lists": ["billing", ""], "task": "move", "moved_from": B}, {"state": "pending", "task": "move", "moved_from": B}),
        ({"told": "x", "task": "erase"}, {"task": "erase", "waits_for": None}),
        ({"told": "x", "task": "erase", "waits_for": B}, {"task": "tell", "waits_for": None}),
        ({"told": "x", "told_lists": ["tech"]}, {"audience": audience_of(["", "billing"], ["tech"])}),
    ],
)  # fmt: skip
def test_a_change_is_told_whatever_was_under_way(connection, own, after):
    known(connection, **own)
    assert hear(connection, [OTHER], now=NOW + MINUTE) == UpsertResult(changed=1)
    found = row(connection)
    assert {name: found[name] for name in after} == after
    assert (found["name"], found["fingerprint"], found["changed_at"]) == ("Other", FINGERPRINT, NOW + MINUTE)


@pytest.mark.parametrize(
    ("own", "done", "after"),
    [
        ({}, UpsertResult(removed=1), None),  # Mailjet never knew of it
        ({"task": "bar"}, UpsertResult(unchanged=1), {"task": "bar", "name": ""}),
        ({"told": "x"}, UpsertResult(removed=1), {"task": "tell", "lists": [], "state": "pending"}),
        ({"sent": "x", "state": "flying"}, UpsertResult(removed=1), {"task": "tell", "lists": [], "state": "flying"}),
        ({"told": "x", "task": "move", "moved_from": B}, UpsertResult(removed=1), {"task": "tell", "lists": []}),
        ({"told": "x", "task": "erase"}, UpsertResult(removed=1), {"task": "erase", "lists": []}),
        ({"told": "x", "fingerprint": TargetContact().fingerprint}, UpsertResult(unchanged=1), {"lists": ["", "billing"]}),
    ],
)  # fmt: skip
def test_who_belongs_to_nobody_any_more_leaves(connection, own, done, after):
    known(connection, **own)
    upserts = ContactUpsert(RULES, SETTLE)
    assert upserts.forget_silent(connection, known_before=NOW + MINUTE, now=NOW + MINUTE) == done
    assert bool(rows(connection)) == (after is not None)
    if after is not None:
        found = row(connection)
        assert {name: found[name] for name in after} == after


@pytest.mark.parametrize(
    ("own", "former", "new"),
    [
        ({}, None, {"task": "tell", "moved_from": None}),
        ({"moved_from": "z@x.example", "task": "move"}, None, {"task": "move", "moved_from": "z@x.example"}),
        (
            {"told": "x", "state": "in_step"},
            {"task": "erase", "state": "waiting", "waits_for": B, "lists": []},
            {"task": "move", "moved_from": A, "state": "pending"},
        ),
        (
            {"sent": "x", "state": "flying"},
            {"task": "erase", "state": "flying", "waits_for": B},
            {"task": "move", "moved_from": A},
        ),
    ],
)
def test_a_move_to_an_address_that_nobody_had(connection, own, former, new):
    known(connection, **own)
    assert hear(connection, [person(email=B)], now=NOW + MINUTE) == UpsertResult(new=1, removed=1)
    found = row(connection, B)
    assert {name: found[name] for name in new} == new
    assert [email for (email,) in rows(connection)] == ([B] if former is None else [A, B])
    if former is not None:
        found = row(connection, A)
        assert {name: found[name] for name in former} == former


@pytest.mark.parametrize(
    ("own", "after"),
    [
        ({"told": "y", "state": "in_step"}, {"task": "move", "moved_from": A, "state": "pending"}),
        # what Mailjet knows of it stays the same, and yet the former one has to be moved
        (IN_STEP, {"task": "move", "moved_from": A, "state": "pending"}),
        ({"told": "y", "state": "flying"}, {"task": "move", "moved_from": A, "state": "flying"}),
        ({"told": "y", "task": "erase"}, {"task": "erase", "moved_from": None}),
    ],
)
def test_a_move_to_an_address_that_somebody_has(connection, own, after):
    known(connection, told="x", state="in_step")
    known(connection, person(2, B), **own)
    assert hear(connection, [person(email=B, at=NOW + MINUTE)], now=NOW + MINUTE) == UpsertResult(
        changed=1, removed=1
    )
    found = row(connection, B)
    assert {name: found[name] for name in after} == after
    assert found["note"] == "2 CRM contacts share this address; contact 1 gives its data"
    assert (row(connection)["task"], row(connection)["waits_for"]) == ("erase", B)


def test_a_shared_address_stays_for_the_other_and_is_no_former_one(connection):
    known(connection, told="x", state="in_step")
    known(connection, person(2, A, at=NOW - MINUTE, contact_type="tech"))
    assert hear(connection, [person(email=B, at=NOW + MINUTE)]) == UpsertResult(new=1, changed=1)
    found = row(connection)
    assert (found["task"], found["waits_for"], found["lists"]) == ("tell", None, ["", "tech"])
    assert row(connection, B)["moved_from"] == A


def test_who_waited_for_an_address_that_goes_waits_for_its_heir(connection):
    known(connection, told="x", state="in_step")
    hear(connection, [person(email=B, at=NOW + MINUTE)])
    hear(connection, [person(email="c@x.example", at=NOW + 2 * MINUTE)])
    assert [(email, found) for email, found in rows(connection, "waits_for")] == [
        (A, "c@x.example"),
        ("c@x.example", None),
    ]
    assert row(connection, "c@x.example")["moved_from"] == A


def test_a_listed_address_is_barred_whatever_the_crm_says(connection):
    suppress(connection, A, reason="spam", source="s", now=NOW)
    assert hear(connection, [person(), person(2, B)]) == UpsertResult(new=1, changed=1)
    assert [(email, found) for email, found in rows(connection, "barred")] == [(A, "spam"), (B, None)]


def test_an_address_that_is_off_the_list_is_barred_no_more(connection):
    suppress(connection, A, reason="spam", source="s", now=NOW)
    hear(connection, [person()])
    connection.execute(delete(suppressions))
    hear(connection, [person(name="New")])
    assert rows(connection, "barred") == [(A, None)]


@pytest.mark.parametrize(
    ("own", "listed"),
    [({}, []), ({"left_out": True}, ["unsubscribed"]), ({"unsubscribed_at": NOW}, ["unsubscribed"])],
)
@pytest.mark.parametrize(
    ("state", "then"), [("in_step", "pending"), ("flying", "flying"), ("waiting", "pending")]
)
def test_an_erased_contact_is_empty_and_who_said_no_stays_out(connection, own, listed, state, then):
    known(connection, person(name="Zoé"), told="x", note="n", error="e", moved_from=B, state=state, **own)
    ContactUpsert(RULES, SETTLE).erase(connection, A, now=NOW + MINUTE)
    found = row(connection)
    empty = {
        "name": "",
        "properties": {},
        "lists": [],
        "excluded": None,
        "barred": None,
        "note": None,
        "error": None,
    }
    empty |= {"task": "erase", "state": then, "waits_for": None, "moved_from": None}
    empty |= {"due_at": NOW + MINUTE, "changed_at": NOW + MINUTE, "fingerprint": TargetContact().fingerprint}
    assert {name: found[name] for name in empty} == empty
    assert connection.execute(select(crm_contacts)).all() == []
    gone = connection.execute(select(erased_contacts.c.stand_in, erased_contacts.c.erased_at)).all()
    assert [tuple(one) for one in gone] == [(pseudonym(A), NOW + MINUTE)]
    assert list(suppressed(connection, [pseudonym(A)]).values()) == listed


def test_an_address_that_nobody_knew_is_erased_at_mailjet_at_once(connection):
    ContactUpsert(RULES, SETTLE).erase(connection, A, now=NOW)
    found = row(connection)
    assert (found["task"], found["due_at"], found["state"], found["lists"]) == ("erase", NOW, "pending", [])
    assert suppressed(connection, [pseudonym(A)]) == {}


@pytest.mark.parametrize(("said", "back"), [(timedelta(0), False), (timedelta(microseconds=1), True)])
def test_only_news_from_after_an_erasure_bring_anybody_back(connection, said, back):
    known(connection)
    ContactUpsert(RULES, SETTLE).erase(connection, A, now=NOW + MINUTE)
    done = hear(connection, [person(at=NOW + MINUTE + said)], now=NOW + MINUTE)
    assert done == (UpsertResult(changed=1) if back else UpsertResult(unchanged=1, stale=1))
    assert len(connection.execute(select(crm_contacts)).all()) == back
