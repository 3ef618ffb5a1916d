"""Reading all of the CRM's contacts: what is heard, what is only counted, who is gone and who stays erased."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from mailworker.contacts.full_sync import CrmReader, FullSyncResult, person_of, records_of
from mailworker.contacts.upsert import ContactUpsert
from mailworker.crm.crm_interface import RecordPage
from mailworker.crm.records import CrmContact, Customer
from mailworker.errors import BadInput
from mailworker.ledger.contact_tables import crm_contacts, crm_customers
from mailworker.rules.contact_diff import ContactRules
from tests.rows import NOW, after


def contact(number, **more):
    plain = {
        "contact_id": str(number),
        "customer_id": "C",
        "name": f"P{number}",
        "email": f"p{number}@x.example",
    }
    return CrmContact(**plain | more)


def customer(id_, *contacts, **more):
    return Customer(**{"customer_id": id_, "contacts": contacts, "name": id_} | more)


class Crm:
    """Customers in pages of two, the faults with each; `changed` where it can say what changed."""

    def __init__(self, *customers, faults=(), changed=None):
        self.all, self.faults, self.changed = list(customers), faults, changed

    def customers(self, *, after=None):
        for start in range(after[0] if after else 0, len(self.all), 2):
            yield RecordPage(tuple(self.all[start : start + 2]), self.faults, end=[start + 2])

    def changed_customers(self, since):
        yield RecordPage(
            tuple(one for one in self.all if one.customer_id in self.changed[since]), (), end=[0]
        )

    def offers(self, question):
        return question == "customers" or (question == "changed_customers" and self.changed is not None)

    def count(self, question):
        return len(self.all) if question == "customers" else None


@pytest.fixture
def reader(ledger):
    def made(crm, largest_removal=50):
        upserts = ContactUpsert(ContactRules(()), timedelta(seconds=30))
        return CrmReader(ledger, crm, upserts, largest_removal=largest_removal)

    made.ledger = ledger
    return made


def known(ledger):
    with ledger.read() as connection:
        return sorted(connection.execute(select(crm_contacts.c.contact_id)).scalars())


ALL = [customer(f"C{n}", contact(2 * n), contact(2 * n + 1)) for n in range(3)]


def test_every_customer_and_contact_is_heard_page_by_page(reader):
    seen = []
    found = reader(Crm(*ALL, faults=("one cannot be read",))).read(clock=lambda: NOW, progress=seen.append)
    assert (found.customers, found.contacts, found.upserted.new, found.silent, found.known) == (3, 6, 6, 0, 0)
    assert (found.faults, found.sentences, seen) == (2, ["one cannot be read"] * 2, [2, 1])
    assert known(reader.ledger) == ["0", "1", "2", "3", "4", "5"]
    again = reader(Crm(*ALL)).read(clock=lambda: NOW)
    assert (again.upserted.unchanged, again.upserted.new, again.silent) == (6, 0, 0)


def test_who_the_crm_is_silent_about_is_counted_only_where_all_could_be_read(reader):
    reader(Crm(*ALL)).read(clock=lambda: NOW)
    assert reader(Crm(*ALL[:2])).read(clock=lambda: after(60)).silent == 2
    assert reader(Crm(*ALL[:2], faults=("odd",))).read(clock=lambda: after(90)).silent == 0
    assert reader(Crm(*ALL[:2])).read(clock=lambda: after(90), since=NOW).silent == 0


@pytest.mark.parametrize("address", ["p0@@x.example", "", "nobody", "a@x.example; b@x.example"])
def test_an_address_that_is_none_keeps_its_own_contact_and_no_other(reader, address):
    reader(Crm(*ALL)).read(clock=lambda: NOW)
    crm = Crm(customer("C0", contact(0, email=address), contact(1)), ALL[1])
    assert reader(crm).read(clock=lambda: after(50), dry_run=True).silent == 2
    made = reader(crm)
    found = made.read(clock=lambda: after(60))
    assert (found.faults, found.untraced, found.silent) == (1, 0, 2)
    assert sum(made.forget_silent(known_before=after(60), clock=lambda: after(61), force=True)) == 2
    assert known(reader.ledger) == ["0", "1", "2", "3"]


def test_a_contact_that_its_source_could_not_read_stays_what_it_was(reader):
    reader(Crm(*ALL)).read(clock=lambda: NOW)
    crm = Crm(*ALL[:2])
    crm.customers = lambda after=None: iter(
        [RecordPage(tuple(ALL[:2]), ("Contact 4: email is missing.",), unread=("4",), traced=1)]
    )
    found = reader(crm).read(clock=lambda: after(60))
    assert (found.faults, found.untraced, found.silent) == (1, 0, 1), "5 alone is gone"


def test_a_rehearsal_counts_the_same_and_writes_nothing(reader):
    reader(Crm(*ALL)).read(clock=lambda: NOW)
    changed = customer("C0", contact(0, name="New"), contact(9))
    found = reader(Crm(changed, ALL[1])).read(clock=lambda: after(60), dry_run=True)
    assert (found.upserted.new, found.upserted.changed, found.upserted.unchanged) == (1, 1, 2)
    assert (found.known, found.silent) == (3, 3)
    assert known(reader.ledger) == ["0", "1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("moments", "heard"),
    [
        ((None, None), True),  # nobody knows when: it may have changed
        ((after(-1), after(-1)), False),
        ((after(-1), after(0)), True),
        ((after(5), after(-1)), True),
    ],
)
def test_of_a_crm_that_tells_no_changes_all_is_read_for_what_changed(reader, moments, heard):
    at, contact_at = moments
    crm = Crm(customer("C0", contact(0, updated_at=contact_at), updated_at=at))
    made = reader(crm)
    assert (made.can_list_changes, made.total(NOW), made.total()) == (False, 1, 1)
    found = made.read(clock=lambda: NOW, since=NOW)
    assert (found.customers, found.contacts) == (1, int(heard))


def test_a_crm_that_tells_changes_is_asked_for_them_alone(reader):
    made = reader(Crm(*ALL, changed={NOW: ["C1"]}))
    assert (made.can_list_changes, made.total(NOW), made.total()) == (True, None, 3)
    assert made.read(clock=lambda: after(5), since=NOW).customers == 1
    assert known(reader.ledger) == ["2", "3"]


def test_reading_goes_on_after_a_place(reader):
    steps = list(reader(Crm(*ALL)).steps([2], lambda: NOW))
    assert [(page.customers, end) for page, end in steps] == [(1, [4])]
    assert known(reader.ledger) == ["4", "5"]


@pytest.mark.parametrize(
    ("percent", "force", "removed"), [(50, False, 22), (40, True, 22), (40, False, None)]
)
def test_who_is_gone_is_removed_unless_it_would_be_too_many(reader, percent, force, removed):
    many = [customer(f"C{n}", contact(2 * n), contact(2 * n + 1)) for n in range(24)]
    reader(Crm(*many)).read(clock=lambda: NOW)
    reader(Crm(*many[:13])).read(clock=lambda: after(60))
    made = reader(Crm(), largest_removal=percent)
    ask = made.forget_silent(known_before=after(60), clock=lambda: after(61), force=force)
    if removed is None:
        with pytest.raises(BadInput, match="The CRM is silent about 22 of 48 contacts, more than 40 %"):
            list(ask)
        assert len(known(reader.ledger)) == 48
    else:
        assert sum(ask) == removed
        assert {"26", "47"}.isdisjoint(known(reader.ledger))
        assert list(made.forget_silent(known_before=after(60), clock=lambda: after(62), force=False)) == []


def test_who_was_erased_comes_back_only_with_a_newer_date(reader):
    with reader.ledger.write() as connection:
        ContactUpsert(ContactRules(()), timedelta(0)).erase(connection, "p0@x.example", now=NOW)
    for at, back in ((None, []), (after(-5), []), (after(5), ["0"])):
        found = reader(Crm(customer("C0", contact(0, updated_at=at)))).read(clock=lambda: after(60))
        assert (found.contacts, known(reader.ledger)) == (1, back)


def test_one_contact_that_cannot_be_read_harms_itself_alone(reader):
    odd = customer("C0", contact(0, email="nobody"), contact(1))
    found = reader(Crm(odd)).read(clock=lambda: NOW)
    assert (found.contacts, found.faults) == (1, 1)
    assert found.sentences[0].startswith("Contact 0: email is not an e-mail address: ")
    assert "nobody" not in found.sentences[0]
    company, people = records_of(odd, NOW)
    assert (company.customer_id, [one.contact_id for one in people]) == ("C0", ["1"])
    with pytest.raises(BadInput, match="Contact 0: email"):
        person_of(odd.contacts[0], NOW)


def test_a_record_carries_all_that_the_crm_says_of_it(reader):
    whole = customer(
        "C0",
        contact(0, contact_type="billing", language="fr", custom_fields={"a": "1"}, updated_at=after(1)),
        city="Lyon", postal_code="69001", country="FR", language="fr", timezone="Europe/Paris", custom_fields={"b": "2"}, version=4,
    )  # fmt: skip
    company, (person,) = records_of(whole, NOW)
    assert (company.name, company.city, company.postal_code, company.country) == ("C0", "Lyon", "69001", "FR")
    assert (company.language, company.timezone, company.custom_fields) == ("fr", "Europe/Paris", {"b": "2"})
    assert (company.stamp.at, company.stamp.version) == (NOW, 4)
    assert (person.contact_type, person.language, person.custom_fields) == ("billing", "fr", {"a": "1"})
    assert (person.stamp.at, person.customer_id, person.name, person.email) == (
        after(1),
        "C",
        "P0",
        "p0@x.example",
    )
    reader(Crm(whole)).read(clock=lambda: NOW)
    with reader.ledger.read() as connection:
        assert list(connection.execute(select(crm_customers.c.city)).scalars()) == ["Lyon"]


def test_of_very_many_sentences_the_first_are_kept():
    found = FullSyncResult()
    found.note([str(number) for number in range(500)])
    assert found.faults == 500
    kept = len(found.sentences)
    assert found.sentences == [str(number) for number in range(kept)]
    both = found + found
    assert (both.faults, len(both.sentences)) == (1000, kept)
