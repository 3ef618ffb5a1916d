"""Contacts from the CRM to the local Mailjet: what Mailjet has afterwards, and what it cost."""

from datetime import timedelta

import pytest

from mailworker.errors import BadInput
from mailworker.ledger import contact_counts
from mailworker.ledger.recipient_standings import suppressed
from mailworker.simulator import running
from mailworker.simulator.rest_tables import page
from tests.integration.contact_container import START, contact, contact_container

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def mailjet():
    with running(calls_per_minute=0, job_seconds=0) as simulator:
        yield simulator


@pytest.fixture
def container(tmp_path, mailjet, ledger_url):
    with contact_container(tmp_path, mailjet=mailjet, ledger_url=ledger_url) as one:
        yield one


def person(number=1, email="", **more):
    values = {"contact_id": str(number), "email": email or f"person.{number}@example.com", "name": "Ada"}
    return values | {"contact_type": "billing"} | more


def test_a_contact_arrives_with_its_properties_on_its_lists(container):
    container.do("sync_customer", customer={"customer_id": "C1", "name": "Ondine", "city": "Lyon"})
    container.do("sync_contact", contact=person(customer_id="C1", custom_fields={"Since year": "2019"}))
    assert container.work() == []
    found = container.mailjet.world.contacts.find("person.1@example.com")
    assert found.name == "Ada"
    assert container.properties("person.1@example.com") == {
        "customer_name": "Ondine",
        "contact_type": "billing",
        "city": "Lyon",
        "since_year": "2019",
    }
    assert container.lists("person.1@example.com") == {"OmniCRM": False, "OmniCRM billing": False}


def test_several_changes_within_seconds_are_one_telling(container):
    for name in ("A", "B", "C"):
        container.do("sync_contact", contact=person(name=name))
    container.clock.forward(1)
    assert container.book.step() is None, "it is not told before it has settled"
    container.work()
    assert container.mailjet.world.contacts.find("person.1@example.com").name == "C"
    assert container.calls().count("POST /v3/REST/contactslist/{id}/managecontact") == 2, (
        "once for each of its two lists"
    )


def test_an_unchanged_contact_costs_no_call(container):
    container.do("sync_contact", contact=person())
    container.work()
    before = len(container.calls())
    container.do("sync_contact", contact=person())
    assert container.work() == []
    assert len(container.calls()) == before


def test_an_older_version_never_overwrites_a_newer_one(container):
    container.do("sync_contact", contact=person(name="New", version=8))
    container.do("sync_contact", contact=person(name="Old", version=7))
    container.do("sync_contact", contact=person(2, name="New", updated_at="2026-11-02T07:00:00Z"))
    upserted = container.do("sync_contact", contact=person(2, name="Old", updated_at="2026-11-02T06:59:00Z"))
    container.work()
    assert upserted.stale == 1
    assert {one.name for one in container.mailjet.world.contacts.contacts.values()} == {"New"}


def test_a_late_job_counts_as_old_as_it_was_enqueued(container):
    container.do("sync_contact", contact=person(name="New"))
    container.do("sync_contact", contact=person(name="Old"), asked_at=START - timedelta(minutes=5))
    container.work()
    assert container.mailjet.world.contacts.find("person.1@example.com").name == "New"


def test_a_customers_details_reach_all_of_its_contacts(container):
    people = [contact(number, customer_id="C1") for number in range(5)]
    container.crm.put("C1", *people)
    container.do("sync_customer", customer={"customer_id": "C1"})
    container.work()
    container.do("sync_customer", customer={"customer_id": "C1", "name": "Ondine", "city": "Brest"})
    container.work()
    assert {container.properties(one.email)["city"] for one in people} == {"Brest"}


def test_a_contact_of_an_unknown_customer_gets_its_location_from_the_crm(container):
    container.crm.put("C9", city="Ajaccio")
    container.do("sync_contact", contact=person(customer_id="C9"))
    container.work()
    assert container.properties("person.1@example.com")["city"] == "Ajaccio"


def test_many_contacts_travel_in_one_import(container):
    container.do("sync_customer", customer={"customer_id": "C1", "contacts": [person(n) for n in range(200)]})
    assert container.work() == []
    assert container.calls().count("POST /v3/REST/contact/managemanycontacts") == 1
    assert len(container.mailjet.world.contacts.contacts) == 200
    assert container.rows["person.7@example.com"]["state"] == "in_step"


def test_another_contact_type_is_another_list(container):
    container.do("sync_contact", contact=person())
    container.work()
    container.do("sync_contact", contact=person(contact_type="technical"))
    container.work()
    assert container.lists("person.1@example.com") == {"OmniCRM": False, "OmniCRM technical": False}


def test_a_field_that_is_gone_is_cleared(container):
    container.do("sync_contact", contact=person(custom_fields={"plan": "Pro", "age": "3"}))
    container.work()
    container.do("sync_contact", contact=person(custom_fields={"age": "3"}))
    container.work()
    assert container.properties("person.1@example.com") == {"contact_type": "billing", "age": "3"}


def test_two_contacts_with_one_address_are_one_at_mailjet(container):
    container.do("sync_contact", contact=person(1, "shared@example.com", name="First"))
    container.clock.forward(60)
    container.do(
        "sync_contact", contact=person(2, "shared@example.com", name="Second", contact_type="technical")
    )
    container.work()
    assert len(container.mailjet.world.contacts.contacts) == 1
    assert container.mailjet.world.contacts.find("shared@example.com").name == "Second"
    assert set(container.lists("shared@example.com")) == {"OmniCRM", "OmniCRM billing", "OmniCRM technical"}
    assert container.properties("shared@example.com")["contact_type"] == "billing, technical"
    assert "share this address" in container.rows["shared@example.com"]["note"]


# ---- moving


def moved(container, new="new@example.com"):
    container.do("sync_contact", contact=person(email="old@example.com"))
    container.work()
    book = container.mailjet.world.contacts
    return book, book.find("old@example.com")


def test_a_changed_address_moves_the_contact_and_erases_the_former(container):
    book, old = moved(container)
    container.do("sync_contact", contact=person(email="new@example.com"))
    assert container.work() == []
    assert book.find("old@example.com") is None
    assert old.name == "Anonymized"
    assert set(container.lists("new@example.com")) == {"OmniCRM", "OmniCRM billing"}
    assert set(container.rows) == {"new@example.com"}


def test_a_move_keeps_what_the_owner_and_others_decided_at_mailjet(container):
    book, old = moved(container)
    newsletter = book.lists.put(77, {"Name": "Newsletter"})["ID"]
    book.definitions.create({"Name": "score", "Datatype": "int"})
    book.set_properties(old, {"score": 7}, container.clock())
    book.act(old, newsletter, "addnoforce", container.clock())
    everybody = next(number for number, row in book.lists.rows.items() if row["Name"] == "OmniCRM")
    book.act(old, everybody, "unsub", container.clock())
    old.excluded = True
    container.clock.forward(3600)
    container.do("sync_contact", contact=person(email="new@example.com"))
    container.work()
    assert container.lists("new@example.com") == {
        "OmniCRM": True,
        "OmniCRM billing": False,
        "Newsletter": False,
    }
    assert container.properties("new@example.com")["score"] == 7
    assert book.find("new@example.com").excluded
    with container.ledger.read() as connection:
        assert suppressed(connection, ["new@example.com"]) == {"new@example.com": "unsubscribed"}


def test_a_move_to_an_address_that_exists_keeps_both_ones_wishes(container):
    book, old = moved(container)
    everybody = next(number for number, row in book.lists.rows.items() if row["Name"] == "OmniCRM")
    container.do(
        "sync_contact", contact=person(2, "there@example.com", name="There", contact_type="technical")
    )
    container.work()
    book.act(old, everybody, "unsub", container.clock())
    container.do("sync_contact", contact=person(email="there@example.com"))
    container.work()
    assert book.find("old@example.com") is None
    assert container.lists("there@example.com") == {
        "OmniCRM": True,
        "OmniCRM billing": False,
        "OmniCRM technical": False,
    }


def test_an_address_that_changes_twice_before_it_is_told_moves_once(container):
    book, _ = moved(container)
    container.do("sync_contact", contact=person(email="typo@example.com"))
    container.do("sync_contact", contact=person(email="right@example.com"))
    container.work()
    assert [one.email for one in book.contacts.values() if "@domain.invalid" not in one.email] == [
        "right@example.com"
    ]
    assert set(container.rows) == {"right@example.com"}


def test_an_address_that_comes_back_before_it_is_told_stays(container):
    book, old = moved(container)
    container.do("sync_contact", contact=person(email="typo@example.com"))
    container.do("sync_contact", contact=person(email="old@example.com"))
    container.work()
    assert book.find("old@example.com") is old
    assert set(container.rows) == {"old@example.com"}


def test_a_shared_address_stays_for_the_others_when_one_moves(container):
    for number in (1, 2):
        container.do("sync_contact", contact=person(number, "shared@example.com"))
    container.work()
    container.do("sync_contact", contact=person(1, "own@example.com"))
    container.work()
    assert set(container.lists("shared@example.com")) == set(container.lists("own@example.com"))


# ---- consent


def test_who_unsubscribed_stays_so_whatever_is_synchronised(container):
    container.do("sync_contact", contact=person())
    container.work()
    book = container.mailjet.world.contacts
    for number in book.lists.rows:
        book.act(book.find("person.1@example.com"), number, "unsub", container.clock())
    container.do("sync_contact", contact=person(name="Changed"))
    container.do("sync_customer", customer={"customer_id": "C2", "contacts": [person(n) for n in range(9)]})
    container.work()
    assert container.lists("person.1@example.com") == {"OmniCRM": True, "OmniCRM billing": True}
    seen = container.look()
    assert (seen.unsubscribed, seen.newly_unsubscribed) == (1, 1)
    with container.ledger.read() as connection:
        assert suppressed(connection, ["person.1@example.com"]) == {"person.1@example.com": "unsubscribed"}
        assert contact_counts.count_unsubscribed(connection) == 1
    assert container.look().newly_unsubscribed == 0


def test_the_crms_no_excludes_from_campaigns_and_only_our_own_no_is_taken_back(tmp_path):
    with contact_container(tmp_path, {"consent": "contact.custom_fields.news"}) as container:
        container.do("sync_contact", contact=person(1, custom_fields={"news": "no"}))
        container.do("sync_contact", contact=person(2, custom_fields={"news": "yes"}))
        container.work()
        book = container.mailjet.world.contacts
        assert book.find("person.1@example.com").excluded
        assert not book.find("person.2@example.com").excluded
        book.find("person.2@example.com").excluded = True  # somebody did this at Mailjet
        container.do("sync_contact", contact=person(1, custom_fields={"news": "yes"}))
        container.do("sync_contact", contact=person(2, name="Eva", custom_fields={"news": "yes"}))
        container.work()
        assert not book.find("person.1@example.com").excluded
        assert book.find("person.2@example.com").excluded
        assert "news" not in container.properties("person.1@example.com")


# ---- erasure


def test_an_erased_contact_is_gone_here_and_there_and_old_news_do_not_bring_it_back(container):
    container.do("sync_contact", contact=person())
    container.work()
    gone = container.mailjet.world.contacts.find("person.1@example.com")
    container.do("delete_contact", email="Person.1@Example.com")
    late = container.do("sync_contact", contact=person(name="Late"), asked_at=START - timedelta(hours=1))
    container.work()
    assert gone.name == "Anonymized"
    assert container.rows == {}
    assert late.stale == 1
    container.clock.forward(60)
    container.do("sync_contact", contact=person(name="Again"))
    container.work()
    assert container.mailjet.world.contacts.find("person.1@example.com").name == "Again"


def test_an_address_that_we_never_told_is_erased_too(container):
    container.mailjet.world.contacts.ensure("stranger@example.com", "Stranger", START)
    container.do("delete_contact", email="stranger@example.com")
    container.work()
    assert container.mailjet.world.contacts.find("stranger@example.com") is None
    assert container.rows == {}


# ---- what goes wrong


def test_a_property_whose_type_changed_is_told_and_nothing_is_lost(container):
    container.do("sync_contact", contact=person())
    container.work()
    container.book = container.make(
        {"properties": {"contact_type": {"from": "contact.contact_type", "type": "int"}}}
    )
    container.do("sync_contact", contact=person(2, contact_type="3"))
    container.clock.forward(10)
    told = container.book.step()
    assert told.alarm == (
        "contacts.properties.contact_type is int in the configuration and str at Mailjet; use Mailjet's type, or "
        "another name."
    )
    container.book = container.make()
    container.do("sync_contact", contact=person(2, contact_type="x"))
    container.work()
    assert container.properties("person.2@example.com") == {"contact_type": "x"}


def test_an_import_that_ends_with_errors_is_read_back_contact_by_contact(container):
    container.do("sync_contact", contact=person(0, custom_fields={"age": "3"}))
    container.work()
    definitions = container.mailjet.world.contacts.definitions.rows
    next(row for row in definitions.values() if row["Name"] == "age")["Datatype"] = "int"
    people = [person(n, custom_fields={"age": "x"} if n == 3 else {}) for n in range(1, 9)]
    container.do("sync_customer", customer={"customer_id": "C1", "contacts": people})
    alarms = container.work()
    assert alarms == ["Mailjet did not take 1 of 8 contacts."]
    states = {email: row["state"] for email, row in container.rows.items()}
    assert [email for email, state in states.items() if state == "refused"] == ["person.3@example.com"]
    assert container.rows["person.3@example.com"]["error"] == "age: Property type does not match definition"
    container.do("sync_contact", contact=person(3, name="Mended"))
    container.work()
    assert container.rows["person.3@example.com"]["state"] == "in_step"


def test_an_error_file_that_names_nobody_is_narrowed_down(container, monkeypatch):
    monkeypatch.setattr(
        "mailworker.contacts.follow_import_jobs.import_errors", lambda *_, **__: [{"line": 4}]
    )
    people = [person(n, "x@example.com" if n == 3 else "") for n in range(1, 9)]
    container.mailjet.world.contacts.property_faults = lambda properties: (
        [{"x": "bad"}] if properties.get("bad") else []
    )
    people[2]["custom_fields"] = {"bad": "yes"}
    container.do("sync_customer", customer={"customer_id": "C1", "contacts": people})
    container.work()
    states = {email: row["state"] for email, row in container.rows.items() if row["state"] != "in_step"}
    assert states == {"x@example.com": "refused"}


@pytest.mark.parametrize("fault", ["error_500_after", "reset_after", "error_502_html", "throttle_429"])
def test_a_call_without_a_good_answer_is_made_again(container, monkeypatch, fault):
    paused = []
    monkeypatch.setattr("mailworker.limits.Bucket.pause", lambda _self, seconds: paused.append(seconds))
    container.do("sync_contact", contact=person(0))
    container.work()
    container.mailjet.misbehave(fault, times=1)
    container.do(
        "sync_customer", customer={"customer_id": "C1", "contacts": [person(n) for n in range(1, 9)]}
    )
    container.work()
    assert {row["state"] for row in container.rows.values()} == {"in_step"}
    assert len(container.mailjet.world.contacts.contacts) == 9
    assert bool(paused) is (fault == "throttle_429"), "after a 429 everybody pauses"


def test_a_worker_killed_while_it_told_is_replaced(container, monkeypatch):
    container.do("sync_customer", customer={"customer_id": "C1", "contacts": [person(n) for n in range(9)]})
    container.clock.forward(10)

    def dies(*_args, **_kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("mailworker.ledger.contact_push_queue.started", dies)
        with pytest.raises(KeyboardInterrupt):
            container.book.step()
    assert {row["state"] for row in container.rows.values()} == {"flying"}
    container.work()
    assert {row["state"] for row in container.rows.values()} == {"in_step"}
    assert len(container.mailjet.world.contacts.contacts) == 9


def test_a_change_during_the_call_is_told_afterwards(tmp_path):
    with contact_container(tmp_path, job_seconds=1) as container:
        people = [person(n) for n in range(9)]
        container.do("sync_customer", customer={"customer_id": "C1", "contacts": people})
        container.clock.forward(10)
        container.book.step()
        container.do("sync_contact", contact=person(4, name="Meanwhile", contact_type="technical"))
        container.do("delete_contact", email="person.5@example.com")
        container.mailjet.world.jobs.finish_due(container.clock() + timedelta(days=9999))
        container.work()
        assert container.mailjet.world.contacts.find("person.4@example.com").name == "Meanwhile"
        assert set(container.lists("person.4@example.com")) == {"OmniCRM", "OmniCRM technical"}
        assert container.mailjet.world.contacts.find("person.5@example.com") is None
        assert "person.5@example.com" not in container.rows


def test_wrong_jobs_are_told_with_every_fault_and_no_personal_value(container):
    with pytest.raises(BadInput) as told:
        container.do("sync_contact", contact={"email": "ada at example.com", "nam": "Ada", "version": "7"})
    assert len(told.value.faults) == 3
    assert "did you mean 'name'?" in str(told.value)
    assert "ada" not in str(told.value).lower().replace("did you mean", "")


@pytest.mark.parametrize("assume", [frozenset(), {"keeps-property-case"}], ids=["lower case", "keeps case"])
def test_fields_with_capitals_arrive_however_mailjet_spells_them(tmp_path, assume):
    """Names that somebody else made, in other capitals, met by a process that knows nothing yet."""
    with contact_container(tmp_path, assume=assume) as container:
        book = container.mailjet.world.contacts
        for name in ("Offre_Fibre", "Etage"):
            book.definitions.create({"Name": book.property_name(name), "Datatype": "str"})
        fields = {"Offre Fibre": "ancienne", "Etage": "2"}
        container.do("sync_contact", contact=person(custom_fields=fields))
        assert container.work() == []
        assert container.properties("person.1@example.com") == {
            "contact_type": "billing",
            "offre_fibre": "ancienne",
            "etage": "2",
        }
        container.clock.forward(60)
        moved = person(email="b@example.com", custom_fields={"Offre Fibre": "nouvelle"})
        container.do("sync_contact", contact=moved)
        assert container.work() == []
        assert container.properties("b@example.com") == {
            "contact_type": "billing",
            "offre_fibre": "nouvelle",
        }


def test_a_name_that_is_taken_in_other_letters_is_the_same_property(container, monkeypatch):
    """A Mailjet that compares names without case, but shows them as somebody else wrote them."""
    definitions = container.mailjet.world.contacts.definitions
    definitions.create({"Name": "etage", "Datatype": "str"})
    shown = [{**row, "Name": row["Name"].capitalize()} for row in definitions.rows.values()]
    monkeypatch.setattr(definitions, "page", lambda call: page(shown, call))
    container.do("sync_contact", contact=person(custom_fields={"Etage": "2", "Autre": "x"}))
    assert container.work() == []
    assert container.properties("person.1@example.com")["etage"] == "2"
