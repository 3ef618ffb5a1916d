"""The CRM's contacts and customers as the ledger keeps them, and what was told of addresses at Mailjet."""

import pytest
from sqlalchemy import select

from mailworker.ledger.contact_sync_runs import (
    any_sync_free,
    end_sync,
    keep_sync,
    latest_sync,
    open_sync,
    take_sync,
)
from mailworker.ledger.contact_tables import crm_contacts, mailjet_contacts
from mailworker.ledger.crm_contact_rows import (
    addresses_of,
    count_known,
    count_people,
    erase_people,
    erased_at,
    forget_silent,
    known_companies,
    known_people,
    people_at,
    still_there,
    write_companies,
    write_people,
)
from mailworker.ledger.mailjet_contact_rows import (
    add_entries,
    change_entries,
    drop_entries,
    entries,
    fingerprints,
    new_entry,
    pushed_lists,
    pushed_properties,
    wait_for_another,
)
from mailworker.rules.contact_diff import Company, ContactPerson, Stamp
from tests.rows import NOW, after


def person(id_, email="a@x.example", *, version=3, **more):
    texts = {
        "customer_id": "C1",
        "name": "N",
        "contact_type": "billing",
        "language": "fr",
        "custom_fields": {"k": "v"},
    }
    return ContactPerson(contact_id=id_, email=email, stamp=Stamp(NOW, version), **(texts | more))


def company(id_, **more):
    texts = {
        name: f"{name} {id_}" for name in ("name", "city", "postal_code", "country", "language", "timezone")
    }
    return Company(customer_id=id_, stamp=Stamp(NOW, 7), **({"custom_fields": {"k": "v"}} | texts | more))


def heard(connection):
    return dict(
        map(tuple, connection.execute(select(crm_contacts.c.contact_id, crm_contacts.c.heard_at)).all())
    )


def test_a_contact_comes_back_as_it_was_kept(connection):
    write_people(connection, [], NOW)
    write_people(connection, [person("1"), person("2", "b@x.example", version=None)], NOW)
    assert known_people(connection, ["1", "2", "3"]) == {
        "1": person("1"),
        "2": person("2", "b@x.example", version=None),
    }
    assert known_people(connection, ["2"]).keys() == {"2"}
    assert (count_known(connection, ["1", "3"]), count_known(connection, [])) == (1, 0)


def test_a_later_copy_takes_the_earlier_ones_place_whole(connection):
    write_people(connection, [person("1"), person("2")], NOW)
    changed = person(
        "1", "new@x.example", version=4, customer_id="C2", name="M", language="en", custom_fields={}
    )
    write_people(connection, [changed], after(5))
    assert known_people(connection, ["1", "2"]) == {"1": changed, "2": person("2")}
    assert heard(connection) == {"1": after(5), "2": NOW}


def test_a_customer_comes_back_as_it_was_kept(connection):
    write_companies(connection, [company("C1"), company("C2")])
    write_companies(connection, [company("C2", name="Other", custom_fields={})])
    assert known_companies(connection, ["C1", "C2", "C3"]) == {
        "C1": company("C1"),
        "C2": company("C2", name="Other", custom_fields={}),
    }


def test_who_has_an_address_and_whose_contacts_have_which(connection):
    write_companies(connection, [company("C1")])
    people = [
        person("1"),
        person("2", customer_id="C2"),
        person("3", "b@x.example"),
        person("4", "c@x.example"),
    ]
    write_people(connection, people, NOW)
    found = people_at(connection, ["a@x.example", "b@x.example", "nobody@x.example"])
    assert {email: sorted(one.contact_id for one, _ in pairs) for email, pairs in found.items()} == {
        "a@x.example": ["1", "2"],
        "b@x.example": ["3"],
        "nobody@x.example": [],
    }
    firms = {one.contact_id: firm for pairs in found.values() for one, firm in pairs}
    assert firms == {"1": company("C1"), "2": None, "3": company("C1")}
    assert addresses_of(connection, ["C2"]) == {"a@x.example"}
    assert addresses_of(connection, ["C1", "C9"]) == {"a@x.example", "b@x.example", "c@x.example"}


# --- whom the CRM was silent about ------------------------------------------------------------------------


def test_who_was_not_spoken_of_since_then_is_forgotten_the_longest_silent_first(connection):
    for number in (3, 1, 2):
        write_people(connection, [person(str(number))], after(number))
    assert count_people(connection) == 3
    assert [count_people(connection, known_before=after(n)) for n in (1, 2, 4)] == [0, 1, 3]
    assert [one.contact_id for one in forget_silent(connection, known_before=after(3), limit=1)] == ["1"]
    assert forget_silent(connection, known_before=after(3)) == [person("2")]
    assert set(heard(connection)) == {"3"}
    assert forget_silent(connection, known_before=after(3)) == []


def test_who_was_spoken_of_is_still_there(connection):
    write_people(connection, [person("1"), person("2")], NOW)
    still_there(connection, ["1"], after(5))
    assert heard(connection) == {"1": after(5), "2": NOW}


def test_an_erased_address_leaves_its_stand_in_with_the_latest_moment(connection):
    write_people(connection, [person("1"), person("2"), person("3", "b@x.example")], NOW)
    erase_people(connection, "a@x.example", "s1", NOW)
    erase_people(connection, "z@x.example", "s2", NOW)
    erase_people(connection, "a@x.example", "s1", after(5))
    assert set(heard(connection)) == {"3"}
    assert erased_at(connection, ["s1", "s3"]) == {"s1": after(5)}


# --- what Mailjet should know -----------------------------------------------------------------------------


def contact(email, **own):
    empty = {"name": "", "properties": {}, "lists": [], "excluded": None, "barred": None}
    more = {"fingerprint": f"f-{email}", "task": "tell", "audience": "a", "due_at": NOW, "changed_at": NOW}
    return new_entry(email=email, **(empty | more | own))


def states(connection):
    query = select(mailjet_contacts.c.email, mailjet_contacts.c.state, mailjet_contacts.c.waits_for)
    return {email: (state, waits) for email, state, waits in connection.execute(query)}


def test_a_new_entry_says_that_mailjet_was_told_nothing(connection):
    add_entries(connection, [])
    add_entries(connection, [contact("a"), contact("b")])
    (found,) = entries(connection, ["a", "c"]).values()
    expected = {
        "told": None, "told_lists": [], "told_names": [], "told_excluded": False, "unsubscribed_at": None,
        "left_out": False, "state": "pending", "batch_limit": 1000, "tries": 0, "moved_from": None, "waits_for": None,
        "note": None, "error": None, "call_id": None, "sent": None, "looked_at": None,
    }  # fmt: skip
    assert found == found | expected
    assert fingerprints(connection, ["a", "b", "c"]) == {"a": "f-a", "b": "f-b"}
    assert fingerprints(connection, ["b"]) == {"b": "f-b"}
    assert (pushed_properties(connection, "z"), pushed_lists(connection, "z")) == ([], [])


def test_each_row_is_changed_by_its_address(connection):
    add_entries(connection, [contact("a"), contact("b"), contact("c")])
    change_entries(connection, [])
    change_entries(
        connection,
        [
            {"email": "a", "told_lists": ["x"], "told_names": ["n"], "note": None},
            {"email": "b", "told_lists": ["y"], "told_names": ["m"], "note": "shared"},
        ],
    )
    found = entries(connection, ["a", "b", "c"])
    assert list(found) == ["a", "b", "c"]
    assert [(one["told_lists"], one["told_names"], one["note"]) for one in found.values()] == [
        (["x"], ["n"], None),
        (["y"], ["m"], "shared"),
        ([], [], None),
    ]
    assert [(pushed_properties(connection, name), pushed_lists(connection, name)) for name in "ab"] == [
        (["n"], ["x"]),
        (["m"], ["y"]),
    ]
    drop_entries(connection, ["a", "c"])
    assert set(states(connection)) == {"b"}


@pytest.mark.parametrize("heir", ["new", None])
def test_former_addresses_wait_for_the_heir_of_what_they_waited_for(connection, heir):
    add_entries(
        connection,
        [
            contact("old", state="waiting", waits_for="gone"),
            contact("busy", state="flying", waits_for="gone"),
            contact("new", state="waiting", waits_for="gone"),
            contact("other", state="waiting", waits_for="x"),
        ],
    )
    wait_for_another(connection, "gone", heir)
    found = states(connection)
    assert found["other"] == ("waiting", "x")
    if heir:
        assert found["old"] == ("waiting", "new")
        assert found["busy"] == ("flying", "new")
        assert found["new"] == ("waiting", "gone"), "it does not wait for itself"
    else:
        assert (found["old"], found["busy"]) == (("pending", None), ("flying", None))


# --- full syncs -------------------------------------------------------------------------------------------


def test_one_full_sync_is_asked_for_at_a_time(connection):
    assert latest_sync(connection) is None
    assert open_sync(connection, "a", NOW)
    assert not open_sync(connection, "b", NOW)
    end_sync(connection, "a", now=after(5), report={"n": 1})
    found = latest_sync(connection)
    assert (found["state"], found["finished_at"], found["report"], found["error"]) == (
        "done",
        after(5),
        {"n": 1},
        None,
    )
    assert open_sync(connection, "b", after(9))
    assert latest_sync(connection)["id"] == "b"
    end_sync(connection, "b", now=after(10), report=None, error="no")
    assert (latest_sync(connection)["state"], latest_sync(connection)["error"]) == ("failed", "no")


@pytest.mark.parametrize(
    ("lease_until", "free"), [(None, True), (after(-1), True), (NOW, False), (after(1), False)]
)
def test_a_full_sync_is_taken_by_one_until_its_lease_is_over(connection, lease_until, free):
    open_sync(connection, "a", NOW)
    if lease_until:
        take_sync(connection, "first", now=after(-99), until=lease_until)
    assert any_sync_free(connection, NOW) is free
    found = take_sync(connection, "mine", now=NOW, until=after(60))
    assert (found is not None) is free
    assert keep_sync(connection, "a", "mine", until=after(90), report={"n": 2}) is free
    assert not keep_sync(connection, "b", "mine", until=after(90), report={})
    kept = latest_sync(connection)
    if free:
        assert (found["id"], kept["lease"], kept["lease_until"], kept["report"]) == (
            "a",
            "mine",
            after(90),
            {"n": 2},
        )
        assert not any_sync_free(connection, NOW)


def test_a_full_sync_that_ended_is_nobodys(connection):
    open_sync(connection, "a", NOW)
    end_sync(connection, "a", now=NOW, report={})
    assert not any_sync_free(connection, NOW)
    assert take_sync(connection, "mine", now=NOW, until=after(1)) is None
