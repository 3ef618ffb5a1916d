"""Contacts from the CRM to the local Mailjet: what Mailjet has afterwards, and what it cost."""

from datetime import timedelta

import pytest

from mailworker.errors import BadInput
from mailworker.ledger import contact_report as report
from mailworker.ledger.holding import suppressed
from mailworker.simulator import running
from tests.integration.contact_house import START, contact, contact_house

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def mailjet():
    with running(calls_per_minute=0, job_seconds=0) as simulator:
        yield simulator


@pytest.fixture
def house(tmp_path, mailjet, ledger_url):
    with contact_house(tmp_path, mailjet=mailjet, ledger_url=ledger_url) as one:
        yield one


def person(number=1, email="", **more):
    values = {"contact_id": str(number), "email": email or f"person.{number}@example.com", "name": "Ada"}
    return values | {"contact_type": "billing"} | more


def test_a_contact_arrives_with_its_properties_on_its_lists(house):
    house.do("sync_customer", customer={"customer_id": "C1", "name": "Ondine", "city": "Lyon"})
    house.do("sync_contact", contact=person(customer_id="C1", custom_fields={"Since year": "2019"}))
    assert house.work() == []
    found = house.mailjet.world.book.find("person.1@example.com")
    assert found.name == "Ada"
    assert house.properties("person.1@example.com") == {
        "customer_name": "Ondine",
        "contact_type": "billing",
        "city": "Lyon",
        "Since_year": "2019",
    }
    assert house.lists("person.1@example.com") == {"OmniCRM": False, "OmniCRM billing": False}


def test_several_changes_within_seconds_are_one_telling(house):
    for name in ("A", "B", "C"):
        house.do("sync_contact", contact=person(name=name))
    house.clock.forward(1)
    assert house.book.step() is None, "it is not told before it has settled"
    house.work()
    assert house.mailjet.world.book.find("person.1@example.com").name == "C"
    assert house.calls().count("POST /v3/REST/contactslist/{id}/managecontact") == 2, (
        "once for each of its two lists"
    )


def test_an_unchanged_contact_costs_no_call(house):
    house.do("sync_contact", contact=person())
    house.work()
    before = len(house.calls())
    house.do("sync_contact", contact=person())
    assert house.work() == []
    assert len(house.calls()) == before


def test_an_older_version_never_overwrites_a_newer_one(house):
    house.do("sync_contact", contact=person(name="New", version=8))
    house.do("sync_contact", contact=person(name="Old", version=7))
    house.do("sync_contact", contact=person(2, name="New", updated_at="2026-11-02T07:00:00Z"))
    heard = house.do("sync_contact", contact=person(2, name="Old", updated_at="2026-11-02T06:59:00Z"))
    house.work()
    assert heard.stale == 1
    assert {one.name for one in house.mailjet.world.book.contacts.values()} == {"New"}


def test_a_late_job_counts_as_old_as_it_was_enqueued(house):
    house.do("sync_contact", contact=person(name="New"))
    house.do("sync_contact", contact=person(name="Old"), asked_at=START - timedelta(minutes=5))
    house.work()
    assert house.mailjet.world.book.find("person.1@example.com").name == "New"


def test_a_customers_details_reach_all_of_its_contacts(house):
    people = [contact(number, customer_id="C1") for number in range(5)]
    house.crm.put("C1", *people)
    house.do("sync_customer", customer={"customer_id": "C1"})
    house.work()
    house.do("sync_customer", customer={"customer_id": "C1", "name": "Ondine", "city": "Brest"})
    house.work()
    assert {house.properties(one.email)["city"] for one in people} == {"Brest"}


def test_a_contact_of_an_unknown_customer_gets_its_location_from_the_crm(house):
    house.crm.put("C9", city="Ajaccio")
    house.do("sync_contact", contact=person(customer_id="C9"))
    house.work()
    assert house.properties("person.1@example.com")["city"] == "Ajaccio"


def test_many_contacts_travel_in_one_import(house):
    house.do("sync_customer", customer={"customer_id": "C1", "contacts": [person(n) for n in range(200)]})
    assert house.work() == []
    assert house.calls().count("POST /v3/REST/contact/managemanycontacts") == 1
    assert len(house.mailjet.world.book.contacts) == 200
    assert house.rows["person.7@example.com"]["state"] == "in_step"


def test_another_contact_type_is_another_list(house):
    house.do("sync_contact", contact=person())
    house.work()
    house.do("sync_contact", contact=person(contact_type="technical"))
    house.work()
    assert house.lists("person.1@example.com") == {"OmniCRM": False, "OmniCRM technical": False}


def test_a_field_that_is_gone_is_cleared(house):
    house.do("sync_contact", contact=person(custom_fields={"plan": "Pro", "age": "3"}))
    house.work()
    house.do("sync_contact", contact=person(custom_fields={"age": "3"}))
    house.work()
    assert house.properties("person.1@example.com") == {"contact_type": "billing", "age": "3"}


def test_two_contacts_with_one_address_are_one_at_mailjet(house):
    house.do("sync_contact", contact=person(1, "shared@example.com", name="First"))
    house.clock.forward(60)
    house.do("sync_contact", contact=person(2, "shared@example.com", name="Second", contact_type="technical"))
    house.work()
    assert len(house.mailjet.world.book.contacts) == 1
    assert house.mailjet.world.book.find("shared@example.com").name == "Second"
    assert set(house.lists("shared@example.com")) == {"OmniCRM", "OmniCRM billing", "OmniCRM technical"}
    assert house.properties("shared@example.com")["contact_type"] == "billing, technical"
    assert "share this address" in house.rows["shared@example.com"]["note"]


# ---- moving


def moved(house, new="new@example.com"):
    house.do("sync_contact", contact=person(email="old@example.com"))
    house.work()
    book = house.mailjet.world.book
    return book, book.find("old@example.com")


def test_a_changed_address_moves_the_contact_and_erases_the_former(house):
    book, old = moved(house)
    house.do("sync_contact", contact=person(email="new@example.com"))
    assert house.work() == []
    assert book.find("old@example.com") is None
    assert old.name == "Anonymized"
    assert set(house.lists("new@example.com")) == {"OmniCRM", "OmniCRM billing"}
    assert set(house.rows) == {"new@example.com"}


def test_a_move_keeps_what_the_owner_and_others_decided_at_mailjet(house):
    book, old = moved(house)
    newsletter = book.lists.create({"Name": "Newsletter"})["ID"]
    book.definitions.create({"Name": "score", "Datatype": "int"})
    book.set_properties(old, {"score": 7}, house.clock())
    book.act(old, newsletter, "addnoforce", house.clock())
    everybody = next(number for number, row in book.lists.rows.items() if row["Name"] == "OmniCRM")
    book.act(old, everybody, "unsub", house.clock())
    old.excluded = True
    house.clock.forward(3600)
    house.do("sync_contact", contact=person(email="new@example.com"))
    house.work()
    assert house.lists("new@example.com") == {"OmniCRM": True, "OmniCRM billing": False, "Newsletter": False}
    assert house.properties("new@example.com")["score"] == 7
    assert book.find("new@example.com").excluded
    with house.ledger.read() as connection:
        assert suppressed(connection, ["new@example.com"]) == {"new@example.com": "unsubscribed"}


def test_a_move_to_an_address_that_exists_keeps_both_ones_wishes(house):
    book, old = moved(house)
    everybody = next(number for number, row in book.lists.rows.items() if row["Name"] == "OmniCRM")
    house.do("sync_contact", contact=person(2, "there@example.com", name="There", contact_type="technical"))
    house.work()
    book.act(old, everybody, "unsub", house.clock())
    house.do("sync_contact", contact=person(email="there@example.com"))
    house.work()
    assert book.find("old@example.com") is None
    assert house.lists("there@example.com") == {
        "OmniCRM": True,
        "OmniCRM billing": False,
        "OmniCRM technical": False,
    }


def test_an_address_that_changes_twice_before_it_is_told_moves_once(house):
    book, _ = moved(house)
    house.do("sync_contact", contact=person(email="typo@example.com"))
    house.do("sync_contact", contact=person(email="right@example.com"))
    house.work()
    assert [one.email for one in book.contacts.values() if "@domain.invalid" not in one.email] == [
        "right@example.com"
    ]
    assert set(house.rows) == {"right@example.com"}


def test_an_address_that_comes_back_before_it_is_told_stays(house):
    book, old = moved(house)
    house.do("sync_contact", contact=person(email="typo@example.com"))
    house.do("sync_contact", contact=person(email="old@example.com"))
    house.work()
    assert book.find("old@example.com") is old
    assert set(house.rows) == {"old@example.com"}


def test_a_shared_address_stays_for_the_others_when_one_moves(house):
    for number in (1, 2):
        house.do("sync_contact", contact=person(number, "shared@example.com"))
    house.work()
    house.do("sync_contact", contact=person(1, "own@example.com"))
    house.work()
    assert set(house.lists("shared@example.com")) == set(house.lists("own@example.com"))


# ---- consent


def test_who_unsubscribed_stays_so_whatever_is_synchronised(house):
    house.do("sync_contact", contact=person())
    house.work()
    book = house.mailjet.world.book
    for number in book.lists.rows:
        book.act(book.find("person.1@example.com"), number, "unsub", house.clock())
    house.do("sync_contact", contact=person(name="Changed"))
    house.do("sync_customer", customer={"customer_id": "C2", "contacts": [person(n) for n in range(9)]})
    house.work()
    assert house.lists("person.1@example.com") == {"OmniCRM": True, "OmniCRM billing": True}
    seen = house.look()
    assert (seen.unsubscribed, seen.newly_unsubscribed) == (1, 1)
    with house.ledger.read() as connection:
        assert suppressed(connection, ["person.1@example.com"]) == {"person.1@example.com": "unsubscribed"}
        assert report.count_unsubscribed(connection) == 1
    assert house.look().newly_unsubscribed == 0


def test_the_crms_no_excludes_from_campaigns_and_only_our_own_no_is_taken_back(tmp_path):
    with contact_house(tmp_path, {"consent": "contact.custom_fields.news"}) as house:
        house.do("sync_contact", contact=person(1, custom_fields={"news": "no"}))
        house.do("sync_contact", contact=person(2, custom_fields={"news": "yes"}))
        house.work()
        book = house.mailjet.world.book
        assert book.find("person.1@example.com").excluded
        assert not book.find("person.2@example.com").excluded
        book.find("person.2@example.com").excluded = True  # somebody did this at Mailjet
        house.do("sync_contact", contact=person(1, custom_fields={"news": "yes"}))
        house.do("sync_contact", contact=person(2, name="Eva", custom_fields={"news": "yes"}))
        house.work()
        assert not book.find("person.1@example.com").excluded
        assert book.find("person.2@example.com").excluded
        assert "news" not in house.properties("person.1@example.com")


# ---- erasure


def test_an_erased_contact_is_gone_here_and_there_and_old_news_do_not_bring_it_back(house):
    house.do("sync_contact", contact=person())
    house.work()
    gone = house.mailjet.world.book.find("person.1@example.com")
    house.do("delete_contact", email="Person.1@Example.com")
    late = house.do("sync_contact", contact=person(name="Late"), asked_at=START - timedelta(hours=1))
    house.work()
    assert gone.name == "Anonymized"
    assert house.rows == {}
    assert late.stale == 1
    house.clock.forward(60)
    house.do("sync_contact", contact=person(name="Again"))
    house.work()
    assert house.mailjet.world.book.find("person.1@example.com").name == "Again"


def test_an_address_that_we_never_told_is_erased_too(house):
    house.mailjet.world.book.ensure("stranger@example.com", "Stranger", START)
    house.do("delete_contact", email="stranger@example.com")
    house.work()
    assert house.mailjet.world.book.find("stranger@example.com") is None
    assert house.rows == {}


# ---- what goes wrong


def test_a_property_whose_type_changed_is_told_and_nothing_is_lost(house):
    house.do("sync_contact", contact=person())
    house.work()
    house.book = house.make({"properties": {"contact_type": {"from": "contact.contact_type", "type": "int"}}})
    house.do("sync_contact", contact=person(2, contact_type="3"))
    house.clock.forward(10)
    told = house.book.step()
    assert told.alarm == (
        "contacts.properties.contact_type is int in the configuration and str at Mailjet; use Mailjet's type, or "
        "another name."
    )
    house.book = house.make()
    house.do("sync_contact", contact=person(2, contact_type="x"))
    house.work()
    assert house.properties("person.2@example.com") == {"contact_type": "x"}


def test_an_import_that_ends_with_errors_is_read_back_contact_by_contact(house):
    house.do("sync_contact", contact=person(0, custom_fields={"age": "3"}))
    house.work()
    definitions = house.mailjet.world.book.definitions.rows
    next(row for row in definitions.values() if row["Name"] == "age")["Datatype"] = "int"
    people = [person(n, custom_fields={"age": "x"} if n == 3 else {}) for n in range(1, 9)]
    house.do("sync_customer", customer={"customer_id": "C1", "contacts": people})
    alarms = house.work()
    assert alarms == ["Mailjet did not take 1 of 8 contacts."]
    states = {email: row["state"] for email, row in house.rows.items()}
    assert [email for email, state in states.items() if state == "refused"] == ["person.3@example.com"]
    assert house.rows["person.3@example.com"]["error"] == "age: Property type does not match definition"
    house.do("sync_contact", contact=person(3, name="Mended"))
    house.work()
    assert house.rows["person.3@example.com"]["state"] == "in_step"


def test_an_error_file_that_names_nobody_is_narrowed_down(house, monkeypatch):
    monkeypatch.setattr("mailworker.contacts.following.import_errors", lambda *_, **__: [{"line": 4}])
    people = [person(n, "x@example.com" if n == 3 else "") for n in range(1, 9)]
    house.mailjet.world.book.property_faults = lambda properties: (
        [{"x": "bad"}] if properties.get("bad") else []
    )
    people[2]["custom_fields"] = {"bad": "yes"}
    house.do("sync_customer", customer={"customer_id": "C1", "contacts": people})
    house.work()
    states = {email: row["state"] for email, row in house.rows.items() if row["state"] != "in_step"}
    assert states == {"x@example.com": "refused"}


@pytest.mark.parametrize("fault", ["error_500_after", "reset_after", "error_502_html", "throttle_429"])
def test_a_call_without_a_good_answer_is_made_again(house, monkeypatch, fault):
    paused = []
    monkeypatch.setattr("mailworker.limits.Bucket.pause", lambda _self, seconds: paused.append(seconds))
    house.do("sync_contact", contact=person(0))
    house.work()
    house.mailjet.misbehave(fault, times=1)
    house.do("sync_customer", customer={"customer_id": "C1", "contacts": [person(n) for n in range(1, 9)]})
    house.work()
    assert {row["state"] for row in house.rows.values()} == {"in_step"}
    assert len(house.mailjet.world.book.contacts) == 9
    assert bool(paused) is (fault == "throttle_429"), "after a 429 everybody pauses"


def test_a_worker_killed_while_it_told_is_replaced(house, monkeypatch):
    house.do("sync_customer", customer={"customer_id": "C1", "contacts": [person(n) for n in range(9)]})
    house.clock.forward(10)

    def dies(*_args, **_kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("mailworker.ledger.contact_calls.started", dies)
        with pytest.raises(KeyboardInterrupt):
            house.book.step()
    assert {row["state"] for row in house.rows.values()} == {"flying"}
    house.work()
    assert {row["state"] for row in house.rows.values()} == {"in_step"}
    assert len(house.mailjet.world.book.contacts) == 9


def test_a_change_during_the_call_is_told_afterwards(tmp_path):
    with contact_house(tmp_path, job_seconds=1) as house:
        people = [person(n) for n in range(9)]
        house.do("sync_customer", customer={"customer_id": "C1", "contacts": people})
        house.clock.forward(10)
        house.book.step()
        house.do("sync_contact", contact=person(4, name="Meanwhile", contact_type="technical"))
        house.do("delete_contact", email="person.5@example.com")
        house.mailjet.world.jobs.settle(house.clock() + timedelta(days=9999))
        house.work()
        assert house.mailjet.world.book.find("person.4@example.com").name == "Meanwhile"
        assert set(house.lists("person.4@example.com")) == {"OmniCRM", "OmniCRM technical"}
        assert house.mailjet.world.book.find("person.5@example.com") is None
        assert "person.5@example.com" not in house.rows


def test_wrong_jobs_are_told_with_every_fault_and_no_personal_value(house):
    with pytest.raises(BadInput) as told:
        house.do("sync_contact", contact={"email": "ada at example.com", "nam": "Ada", "version": "7"})
    assert len(told.value.faults) == 3
    assert "did you mean 'name'?" in str(told.value)
    assert "ada" not in str(told.value).lower().replace("did you mean", "")
