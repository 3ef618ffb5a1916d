"""The CRM read into the ledger, page by page; jobs about contacts taken; Mailjet looked at: what each step counts."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from mailworker.config.contacts import ContactSettings
from mailworker.contacts import full_sync as module
from mailworker.contacts import full_sync_in_background as background
from mailworker.contacts.dependencies import ContactDependencies
from mailworker.contacts.full_sync import CrmReader, FullSyncResult, person_of, records_of
from mailworker.contacts.full_sync_in_background import BackgroundSync
from mailworker.contacts.intake import ContactIntake, rejection
from mailworker.contacts.pull_opt_outs import PullResult
from mailworker.contacts.upsert import ContactUpsert, UpsertResult, rules_of
from mailworker.crm import RecordPage
from mailworker.crm.records import CrmContact, Customer
from mailworker.errors import BadInput, Throttled
from mailworker.ledger import contact_sync_runs
from mailworker.ledger.contact_tables import crm_contacts, crm_customers
from mailworker.ledger.crm_contact_rows import count_people
from mailworker.limits import CallLane, NoCallFree
from mailworker.rules.contact_diff import Company, ContactPerson, ContactRules, Property, Stamp
from mailworker.rules.property_values import PropertyType

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
RULES = ContactRules(())


def contact(number, email="", **more):
    plain = {
        "contact_id": str(number),
        "customer_id": "C",
        "name": "N",
        "email": email or f"p{number}@x.example",
    }
    return CrmContact(**plain | more)


def customer(id_="C", *contacts, **more):
    return Customer(customer_id=id_, name="X", contacts=contacts, **more)


class Crm:
    """Customers in pages of one; `changes` are those it says changed, None where it cannot say."""

    def __init__(self, *customers, changes=None, faults=()):
        self.list, self.changes, self.faults, self.asked = customers, changes, faults, []

    def offers(self, question):
        assert question == "changed_customers"
        return self.changes is not None

    def count(self, question):
        return len(self.list) if question == "customers" else None

    def customers(self, *, after=None):
        self.asked.append(("customers", after))
        for number, one in enumerate(self.list):
            if after is None or number > after[0]:
                yield RecordPage((one,), self.faults if number == 0 else (), (), (number,))

    def changed_customers(self, since):
        self.asked.append(("changed", since))
        yield RecordPage(tuple(self.changes))

    def customer(self, id_):
        self.asked.append(("customer", id_))
        return next((one for one in self.list if one.customer_id == id_), None)


def reader_of(ledger, crm, percent=10):
    return CrmReader(ledger, crm, ContactUpsert(RULES, MINUTE), largest_removal=percent)


def figures(found):
    return found.upserted.new, found.customers, found.contacts, found.known, found.silent, found.faults


def test_a_whole_reading_counts_customers_contacts_and_the_silent(ledger):
    crm = Crm(customer("C", contact(1), contact(2)), customer("D"))
    assert figures(reader_of(ledger, crm).read(clock=lambda: NOW)) == (2, 2, 2, 0, 0, 0)
    less = Crm(customer("C", contact(1)))
    told = []
    found = reader_of(ledger, less).read(clock=lambda: NOW + MINUTE, progress=told.append)
    assert (figures(found), told) == ((0, 1, 1, 0, 1, 0), [1])
    assert found.upserted == UpsertResult(unchanged=2), "its customer is read anew, and so are its contacts"


def test_a_dry_run_counts_the_same_and_writes_nothing(ledger):
    crm = Crm(customer("C", contact(1), contact(2)), customer("D", contact(3)))
    assert figures(reader_of(ledger, crm).read(clock=lambda: NOW, dry_run=True)) == (3, 2, 3, 0, 0, 0)
    with ledger.read() as connection:
        assert count_people(connection) == 0
    reader_of(ledger, crm).read(clock=lambda: NOW)
    found = reader_of(ledger, Crm(customer("C", contact(1), contact(9)))).read(
        clock=lambda: NOW + MINUTE, dry_run=True
    )
    assert figures(found) == (1, 1, 2, 1, 2, 0)


def test_where_a_record_cannot_be_read_nobody_is_silent(ledger):
    reader_of(ledger, Crm(customer("C", contact(1), contact(2)))).read(clock=lambda: NOW)
    crm = Crm(customer("C", contact(1), contact(2, "none")), faults=("bad row",))
    found = reader_of(ledger, crm).read(clock=lambda: NOW + MINUTE)
    assert figures(found) == (0, 1, 1, 0, 0, 2)
    assert found.sentences[0] == "bad row"
    assert found.sentences[1].startswith("Contact 2: email is not an e-mail address: ")


SINCE = NOW - DAY


@pytest.mark.parametrize(
    ("own", "theirs", "read"),
    [
        (SINCE, [], True),
        (SINCE - MINUTE, [], False),
        (SINCE - MINUTE, [SINCE], True),
        (SINCE - MINUTE, [SINCE - MINUTE], False),
        (None, [], True),
        (SINCE - MINUTE, [None], True),
    ],
)
def test_what_changed_since_a_moment(ledger, own, theirs, read):
    contacts = [contact(number, updated_at=at) for number, at in enumerate(theirs)]
    crm = Crm(customer("C", *contacts, updated_at=own))
    found = reader_of(ledger, crm).read(clock=lambda: NOW, since=SINCE)
    assert (found.customers, found.contacts, found.silent) == (1, len(contacts) if read else 0, 0)
    with ledger.read() as connection:
        assert len(connection.execute(select(crm_customers)).all()) == read


def test_a_crm_that_can_say_what_changed_is_asked_for_that_alone(ledger):
    crm = Crm(customer("C"), customer("D"), changes=[customer("D", updated_at=SINCE - DAY)])
    reader = reader_of(ledger, crm)
    assert reader.read(clock=lambda: NOW, since=SINCE).customers == 1
    assert crm.asked == [("changed", SINCE)]
    assert (reader.total(), reader.total(SINCE)) == (2, None)
    assert reader.read(clock=lambda: NOW).customers == 2
    plain = reader_of(ledger, Crm(customer("C")))
    assert (plain.total(SINCE), plain.can_list_changes) == (1, False)


def test_pages_are_taken_from_a_place_on(ledger):
    crm = Crm(customer("C", contact(1)), customer("D", contact(2, customer_id="D")))
    steps = list(reader_of(ledger, crm).steps((0,), lambda: NOW))
    assert [(found.contacts, end) for found, end in steps] == [(1, (1,))]
    with ledger.read() as connection:
        assert connection.execute(select(crm_contacts.c.contact_id, crm_contacts.c.heard_at)).all() == [
            ("2", NOW)
        ]


@pytest.mark.parametrize(
    ("gone", "percent", "force", "removed"),
    [
        (20, 10, False, [20]),
        (21, 10, False, None),
        (21, 60, False, [21]),
        (21, 10, True, [21]),
        (0, 10, False, []),
    ],
)
def test_who_is_gone_from_the_crm_is_removed_unless_that_is_too_many(ledger, gone, percent, force, removed):
    reader_of(ledger, Crm(customer("C", *map(contact, range(40))))).read(clock=lambda: NOW)
    reader = reader_of(ledger, Crm(customer("C", *map(contact, range(gone, 40)))), percent)
    reader.read(clock=lambda: NOW + MINUTE)
    steps = reader.forget_silent(known_before=NOW + MINUTE, clock=lambda: NOW + MINUTE, force=force)
    if removed is None:
        with pytest.raises(BadInput, match=rf"silent about {gone} of 40 contacts, more than {percent} %"):
            list(steps)
    else:
        assert list(steps) == removed
    with ledger.read() as connection:
        assert count_people(connection) == 40 - sum(removed or [])


def test_an_erased_person_comes_back_only_with_a_date(ledger):
    upserts = ContactUpsert(RULES, MINUTE)
    with ledger.write() as connection:
        upserts.erase(connection, "p1@x.example", now=NOW)
    undated, dated = contact(1), contact(1, updated_at=NOW + MINUTE)
    reader = reader_of(ledger, Crm(customer("C", undated, contact(2))))
    assert reader.read(clock=lambda: NOW + DAY).upserted.new == 1
    found = reader_of(ledger, Crm(customer("C", dated))).read(clock=lambda: NOW + DAY)
    assert found.upserted == UpsertResult(changed=1)


def test_results_add_up_and_keep_twenty_sentences():
    first, second = (
        FullSyncResult(UpsertResult(new=1), *range(n, n + 5), sentences=[str(n)] * 15) for n in (1, 10)
    )
    both = first + second
    assert (both.upserted, both.customers, both.contacts, both.known, both.silent, both.faults) == (
        UpsertResult(new=2),
        11,
        13,
        15,
        17,
        19,
    )
    assert both.sentences == ["1"] * 15 + ["10"] * 5
    found = FullSyncResult()
    for _ in range(3):
        found.note(["x"] * 9)
    assert (found.faults, len(found.sentences)) == (27, module._SENTENCES)


def test_a_record_as_the_rules_ask_for_it():
    full = contact(
        1, "Z@X.example", contact_type="billing", language="fr", custom_fields={"a": "b"}, updated_at=NOW
    )
    assert person_of(full, NOW + DAY) == ContactPerson(
        contact_id="1", email="z@x.example", stamp=Stamp(NOW), customer_id="C", name="N", contact_type="billing", language="fr", custom_fields={"a": "b"}
    )  # fmt: skip
    assert person_of(contact(1), NOW + DAY).stamp == Stamp(NOW + DAY)
    fields = {
        "city": "L",
        "postal_code": "6",
        "country": "FR",
        "language": "fr",
        "timezone": "UTC",
        "custom_fields": {"a": "b"},
    }
    company, people = records_of(
        customer("C", contact(1), contact(2, "none"), version=3, updated_at=NOW, **fields), NOW + DAY
    )
    assert company == Company(customer_id="C", stamp=Stamp(NOW, 3), name="X", **fields)
    assert [one.contact_id for one in people] == ["1"]
    assert records_of(customer(), NOW)[0].stamp == Stamp(NOW)


def test_what_is_synchronised_is_what_the_configuration_says():
    settings = ContactSettings.model_validate(
        {
            "properties": {"age": {"from": "contact.custom_fields.age", "type": "int"}},
            "custom_fields": False,
            "consent": "customer.custom_fields.ok",
        }
    )
    assert rules_of(settings) == ContactRules(
        (Property("age", "contact.custom_fields.age", PropertyType.INT),), False, "customer.custom_fields.ok"
    )


def test_contacts_take_their_calls_last_and_wait_so_long():
    asked = []

    def take(lane, *, patience):
        asked.append((lane, patience))
        return None if len(asked) > 1 else 0.0

    gateway = SimpleNamespace(rest=lambda call: f"{call} answered")
    deps = ContactDependencies(None, SimpleNamespace(take=take), gateway, ContactSettings(), None, patience=7)
    assert deps.api.rest("c") == "c answered"
    with pytest.raises(NoCallFree) as caught:
        deps.api.raw("GET", "no such method is looked for without a token")
    assert asked == [(CallLane.CONTACTS, 7)] * 2
    assert (caught.value.retry_after, isinstance(caught.value, Throttled), deps.forget("x")) == (1.0, True, 0)


def intake_of(ledger, *customers):
    crm = Crm(*customers)
    return ContactIntake(ledger, ContactUpsert(RULES, MINUTE), crm), crm


def job(do, **more):
    return {"do": do, **more}


PERSON = {"contact_id": "1", "email": "p1@x.example", "name": "N", "customer_id": "C"}


def companies(ledger):
    with ledger.read() as connection:
        return dict(connection.execute(select(crm_customers.c.customer_id, crm_customers.c.city)).all())


def test_a_contact_of_an_unknown_customer_brings_its_customer_along(ledger):
    intake, crm = intake_of(ledger, customer("C", city="Lyon"))
    assert intake.take(job("sync_contact", contact=PERSON), now=NOW, asked_at=NOW).new == 1
    assert (companies(ledger), crm.asked) == ({"C": "Lyon"}, [("customer", "C")])
    intake.take(job("sync_contact", contact=PERSON | {"name": "M"}), now=NOW, asked_at=NOW)
    assert len(crm.asked) == 1, "now it is known"
    intake.take(
        job(
            "sync_contact",
            contact={**{k: v for k, v in PERSON.items() if k != "customer_id"}, "contact_id": "2"},
        ),
        now=NOW,
        asked_at=NOW,
    )
    assert len(crm.asked) == 1
    intake.take(
        job("sync_contact", contact=PERSON | {"contact_id": "3", "customer_id": "D"}), now=NOW, asked_at=NOW
    )
    assert (companies(ledger), crm.asked[1:]) == ({"C": "Lyon"}, [("customer", "D")])


@pytest.mark.parametrize(
    ("raw", "asked", "city"),
    [
        ({"customer_id": "C"}, True, "Lyon"),
        ({"customer_id": "C", "version": 3, "updated_at": "2026-11-01T00:00:00Z"}, True, "Lyon"),
        ({"customer_id": "C", "city": "Nice", "name": "X"}, False, "Nice"),
    ],
)
def test_a_customer_that_a_job_only_names_is_read_from_the_crm(ledger, raw, asked, city):
    intake, crm = intake_of(ledger, customer("C", contact(1), city="Lyon"))
    found = intake.take(job("sync_customer", customer=raw), now=NOW, asked_at=NOW)
    assert (bool(crm.asked), companies(ledger), found.new) == (asked, {"C": city}, int(asked))


def test_a_customer_that_nobody_knows_and_a_job_that_nobody_knows(ledger):
    intake, _ = intake_of(ledger)
    with pytest.raises(BadInput, match="only its customer_id was given"):
        intake.take(job("sync_customer", customer={"customer_id": "C"}), now=NOW, asked_at=NOW)
    for odd in (job("dance"), {}, None, []):
        with pytest.raises(BadInput, match="update the worker"):
            intake.take(odd, now=NOW, asked_at=NOW)


def test_what_came_before_an_erasure_in_a_batch_brings_nobody_back(ledger):
    intake, _ = intake_of(ledger)
    batch = SimpleNamespace(people=[], companies=[], erased=[])
    for number in "12":
        person = {"contact_id": number, "email": f"p{number}@x.example", "name": "N"}
        intake._read(job("sync_contact", contact=person), batch, NOW)
    intake._read(job("delete_contact", email="P1@x.example"), batch, NOW)
    assert ([one.email for one in batch.people], batch.erased) == (["p2@x.example"], ["p1@x.example"])


def test_the_row_for_people_has_no_person_in_it():
    assert rejection("7-0", ("a", "b"), NOW) == {
        "at": NOW, "source": "contacts", "entry_id": "contacts:7-0", "kind": "contact", "message_id": None, "faults": ["a", "b"], "payload": None,
    }  # fmt: skip


class Steps:
    """The parts of a contact service, that give what a test wants."""

    def __init__(self, pages=(), removed=(), looks=(), fault=None):
        self.pages, self.removed, self.looks, self.fault = list(pages), list(removed), list(looks), fault
        self.asked = []
        self.reader = self.puller = self

    def steps(self, *given):
        if isinstance(given[0], PullResult):
            self.asked.append(("look", given[0].offset))
            for one in self.looks:
                given[0].offset += 1
                given[0].unsubscribed, given[0].put_back = one
                given[0].members, given[0].ours = 5, 3
                yield 0
            return
        self.asked.append(("read", given[0]))
        for number, page in enumerate(self.pages):
            if self.fault is not None:
                raise self.fault
            yield page, (number,)

    def begin(self):
        return PullResult(NOW)

    def forget_silent(self, *, known_before, clock, force):
        self.asked.append(("forget", known_before, force))
        yield from self.removed


def sync_of(ledger, steps, clock=None):
    with ledger.write() as connection:
        assert contact_sync_runs.open_sync(connection, "sync", NOW)
    return BackgroundSync(ledger, steps, clock or (lambda: NOW), lease=MINUTE)


PAGE = FullSyncResult(UpsertResult(new=2, changed=1), customers=1, contacts=4)
BAD = FullSyncResult(UpsertResult(new=1), customers=1, contacts=1, faults=1, untraced=1)


def test_a_background_sync_reads_removes_and_looks(ledger):
    steps = Steps([PAGE, PAGE], [3, 2], [(7, 1)])
    found = sync_of(ledger, steps).run(seconds=60)
    assert found.finished
    assert found.report == {
        "contacts": 8, "new": 4, "changed": 2, "unreadable": 0, "removed": 5, "unsubscribed": 7, "put_back": 1, "strangers": 2,
    }  # fmt: skip
    assert steps.asked == [("read", None), ("forget", NOW, False), ("look", 0)]
    assert BackgroundSync(ledger, steps, lambda: NOW, lease=MINUTE).run(seconds=60) is None


def test_who_cannot_be_read_is_no_reason_to_remove_anybody(ledger):
    steps = Steps([PAGE, BAD], [3])
    assert sync_of(ledger, steps).run(seconds=60).report["unreadable"] == 1
    assert [one[0] for one in steps.asked] == ["read", "look"]


def test_a_slice_ends_in_time_and_another_goes_on_from_its_place(ledger):
    times = iter([NOW, NOW, NOW + 5 * MINUTE, *[NOW + 5 * MINUTE] * 20])
    first = sync_of(ledger, Steps([PAGE, PAGE]), lambda: next(times)).run(seconds=60)
    assert (first.finished, first.report["place"]["stage"]) == (False, "reading")
    steps = Steps([PAGE], [1], [(0, 0)])
    second = BackgroundSync(ledger, steps, lambda: NOW + 6 * MINUTE, lease=MINUTE).run(seconds=60)
    assert second.finished
    assert second.report["removed"] == 1
    assert steps.asked[0] == ("read", [1])
    assert steps.asked[1] == ("forget", NOW, False)


def test_mail_goes_first_and_the_sync_waits_a_second(ledger):
    sync = sync_of(ledger, Steps([PAGE], fault=NoCallFree(retry_after=1.0)))
    assert sync.run(seconds=60).finished is False
    assert (
        BackgroundSync(ledger, Steps([PAGE]), lambda: NOW + background._AFTER_MAIL / 2, lease=MINUTE).run(
            seconds=60
        )
        is None
    )
    assert (
        BackgroundSync(ledger, Steps([PAGE]), lambda: NOW + 2 * background._AFTER_MAIL, lease=MINUTE)
        .run(seconds=60)
        .finished
    )


def test_a_sync_that_must_not_go_on_says_why(ledger):
    found = sync_of(ledger, Steps([PAGE], fault=BadInput("too many are gone"))).run(seconds=60)
    assert (found.finished, found.report) == (True, {"stopped": "too many are gone"})


def test_a_look_counts_what_it_saw_and_is_kept_as_json():
    look = PullResult(NOW, "members", 1000, 1, 2, 9, 7, 3, 4)
    assert (look.strangers, look.is_done, PullResult(NOW, "done").is_done) == (2, False, True)
    assert PullResult.of_json(look.as_json()) == look
    assert look.as_json()["began"] == NOW.isoformat()
