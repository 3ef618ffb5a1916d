"""The full sync: the CRM read whole, Mailjet looked at, and jobs that travel by Redis."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from fakeredis import FakeRedis
from requests import HTTPError

from mailworker.client import MailClient
from mailworker.contacts import ContactStream
from mailworker.contacts.full_sync_in_background import BackgroundSync
from mailworker.crm.crm_interface import RecordPage
from mailworker.errors import BadInput
from mailworker.ledger import contact_sync_runs
from mailworker.limits import Bucket
from mailworker.queue.celery_queues import CONTACTS
from mailworker.simulator import ControlClient, running
from tests.integration.contact_container import contact, contact_container

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def mailjet():
    with running(calls_per_minute=0, job_seconds=0) as simulator:
        yield simulator


@pytest.fixture
def container(tmp_path, mailjet):
    with contact_container(tmp_path, mailjet=mailjet) as one:
        for number in range(30):
            one.crm.put(f"C{number:02d}", contact(number, customer_id=f"C{number:02d}"))
        yield one


def read(container, **more):
    container.clock.forward(3600)
    return container.book.reader.read(clock=container.clock, **more)


def test_a_full_sync_brings_mailjet_into_line_and_a_second_one_tells_nothing(container):
    assert read(container).upserted.new == 30
    container.work()
    assert len(container.mailjet.world.contacts.contacts) == 30
    again = read(container)
    assert (again.upserted.new, again.upserted.changed, again.upserted.unchanged) == (0, 0, 30)
    calls = len(container.calls())
    container.work()
    assert len(container.calls()) == calls


def test_a_dry_run_says_the_same_and_writes_nothing(container):
    found = read(container, dry_run=True)
    assert (found.upserted.new, found.contacts) == (30, 30)
    assert container.rows == {}
    read(container)
    del container.crm.all["C07"]
    assert read(container, dry_run=True).silent == 1


def test_who_is_gone_from_the_crm_leaves_the_lists(container):
    read(container)
    container.work()
    gone = container.crm.all.pop("C07").contacts[0].email
    began = container.clock() + timedelta(hours=1)
    assert read(container).silent == 1
    removed = list(
        container.book.reader.forget_silent(known_before=began, clock=container.clock, force=False)
    )
    container.work()
    assert removed == [1]
    assert container.lists(gone) == {}
    assert container.properties(gone) == {}
    assert gone not in container.rows


def test_a_crm_that_lost_most_of_its_customers_removes_nobody(container):
    read(container)
    container.work()
    container.crm.all = dict(list(container.crm.all.items())[:5])
    began = container.clock() + timedelta(hours=1)
    read(container)
    with pytest.raises(BadInput, match="silent about 25 of 30 contacts, more than 10 %: nothing was removed"):
        list(container.book.reader.forget_silent(known_before=began, clock=container.clock, force=False))
    assert len(container.rows) == 30
    list(container.book.reader.forget_silent(known_before=began, clock=container.clock, force=True))
    container.work()
    assert len(container.rows) == 5


def test_records_that_cannot_be_read_are_told_and_remove_nobody(container):
    read(container)
    container.crm.faults = ("Customer 99: name is missing.",)
    container.crm.put("C50", contact(50, email="not an address", customer_id="C50"))
    del container.crm.all["C07"]
    found = read(container)
    assert found.silent == 0
    assert found.sentences[0] == "Customer 99: name is missing."
    assert found.sentences[1].startswith("Contact 50: email is not an e-mail address")


def test_a_crm_that_can_say_what_changed_is_asked_for_nothing_else(container, monkeypatch):
    asked = []

    def changed_customers(since):
        asked.append(since)
        yield RecordPage((container.crm.all["C07"],))

    monkeypatch.setattr(container.crm, "offers", lambda _question: True)
    monkeypatch.setattr(container.crm, "changed_customers", changed_customers, raising=False)
    monkeypatch.setattr(container.crm, "customers", None)
    since = container.clock()
    found = read(container, since=since)
    assert asked == [since]
    assert (found.customers, found.upserted.new, found.silent) == (1, 1, 0)


def test_only_what_changed_since_is_heard(container):
    read(container)
    container.work()
    since = container.clock()
    for key, days in (("C03", -1), ("C04", 1)):
        old = container.crm.all[key]
        moment = since + timedelta(days=days)
        changed = tuple(replace(one, updated_at=moment, name="New") for one in old.contacts)
        container.crm.all[key] = replace(old, contacts=changed, updated_at=moment)
    others = {
        key: replace(one, updated_at=since - timedelta(days=9)) for key, one in container.crm.all.items()
    }
    container.crm.all = {
        key: container.crm.all[key]
        if key in {"C03", "C04"}
        else replace(one, contacts=tuple(replace(c, updated_at=one.updated_at) for c in one.contacts))
        for key, one in others.items()
    }
    container.clock.forward(2 * 86400)
    found = read(container, since=since)
    assert (found.contacts, found.upserted.changed) == (1, 1)


def test_a_contact_deleted_at_mailjet_by_hand_is_put_back_only_if_it_still_belongs_there(container):
    read(container)
    container.work()
    book = container.mailjet.world.contacts
    stays, goes = "person.3@example.com", "person.4@example.com"
    for email in (stays, goes):
        book.anonymise(book.find(email).number, container.clock())
    del container.crm.all["C04"]
    began = container.clock() + timedelta(hours=1)
    read(container)
    list(container.book.reader.forget_silent(known_before=began, clock=container.clock, force=False))
    assert container.look().put_back == 1
    container.work()
    assert set(container.lists(stays)) == {"OmniCRM", "OmniCRM billing"}
    assert goes not in container.rows
    assert container.lists(goes) == {}


def test_where_mailjets_list_is_gone_everybody_is_put_back(container):
    """A new account, or a local Mailjet that was started anew: nobody is there, whenever they were told."""
    read(container)
    container.work()
    container.mailjet.world.reset()
    container.clock.forward(1)
    told = len(container.rows)
    assert container.look().put_back == told == 30
    container.work()
    assert set(container.lists("person.3@example.com")) == {"OmniCRM", "OmniCRM billing"}


def test_strangers_on_our_list_are_counted_and_left_alone(container):
    read(container)
    container.work()
    book = container.mailjet.world.contacts
    everybody = next(number for number, row in book.lists.rows.items() if row["Name"] == "OmniCRM")
    book.act(
        book.ensure("stranger@example.com", "", container.clock()), everybody, "addnoforce", container.clock()
    )
    assert container.look().strangers == 1
    assert container.lists("stranger@example.com") == {"OmniCRM": False}


def test_an_erased_person_does_not_come_back_with_a_crm_that_has_no_dates(container):
    read(container)
    container.work()
    container.do("delete_contact", email="person.3@example.com")
    container.work()
    read(container)
    container.work()
    assert container.mailjet.world.contacts.find("person.3@example.com") is None


def asked_for(container):
    with container.ledger.write() as connection:
        assert contact_sync_runs.open_sync(connection, str(container.clock()), container.clock())
        assert not contact_sync_runs.open_sync(connection, "another", container.clock())
    container.clock.forward(1)


def background(container, **more):
    lease = timedelta(minutes=5)
    return BackgroundSync(container.ledger, container.book, container.clock, lease=lease).run(
        seconds=3600, **more
    )


@pytest.mark.parametrize("page", [1, 2, 15, 16])
def test_a_background_sync_is_done_by_one_worker_and_gone_on_with_by_another(container, monkeypatch, page):
    asked_for(container)
    keep, pages = BackgroundSync._keep, []

    def dies(sync, *args, **more):
        pages.append(args)
        if len(pages) == page:
            raise KeyboardInterrupt
        keep(sync, *args, **more)

    with monkeypatch.context() as patched:
        patched.setattr(BackgroundSync, "_keep", dies)
        if page <= 15:  # of two customers
            with pytest.raises(KeyboardInterrupt):
                background(container)
            assert background(container) is None, "the first one's lease still holds"
            container.clock.forward(600)
        read = []
        monkeypatch.setattr(container.crm, "asked_after", read.append)
        done = background(container)
    assert read == [[2 * (page - 1)] if 1 < page <= 15 else None]
    assert done.finished
    # The page that was being read when the worker died is read again, and changes nothing then.
    again = 2 if page <= 15 else 0
    assert (done.report["contacts"], done.report["new"]) == (30, 30 - again)
    assert background(container) is None
    container.work()
    assert len(container.mailjet.world.contacts.contacts) == 30


def test_a_background_sync_lets_others_work_between_its_slices(container):
    asked_for(container)
    container.clock.tick = 1.0  # each look at the clock takes a second
    slices = []
    while not (slices and slices[-1].finished):
        slices.append(
            BackgroundSync(container.ledger, container.book, container.clock, lease=timedelta(minutes=5)).run(
                seconds=9
            )
        )
    assert len(slices) > 3
    assert (slices[-1].report["contacts"], slices[-1].report["new"]) == (30, 30)


def test_mail_that_takes_all_calls_lets_the_sync_go_on_where_it_was(container, monkeypatch):
    read(container)
    container.work()
    asked_for(container)
    taken = iter([False, True, False])

    def take(*_args, **_more):
        return object() if next(taken, True) else None

    monkeypatch.setattr(Bucket, "take", take)
    slices = []
    while not (slices and slices[-1].finished):
        slices.append(background(container))
        container.clock.forward(2)
    assert [one.finished for one in slices] == [False, False, True]
    assert slices[-1].report["contacts"] == 30, "the CRM is read once"


def test_a_background_sync_removes_who_is_gone_and_stops_where_too_many_are(container):
    read(container)
    container.work()
    gone = container.crm.all.pop("C07").contacts[0].email
    container.clock.forward(60)
    asked_for(container)
    assert background(container).report["removed"] == 1
    container.work()
    assert container.lists(gone) == {}
    container.crm.all = dict(list(container.crm.all.items())[:5])
    container.clock.forward(60)
    asked_for(container)
    assert "nothing was removed" in background(container).report["stopped"]


def test_what_the_client_enqueues_arrives_and_what_is_wrong_is_kept(container, monkeypatch):
    redis = FakeRedis(decode_responses=True)
    client = MailClient("redis://127.0.0.1:1/0")
    monkeypatch.setattr(client, "_redis", redis)
    rung = []
    monkeypatch.setattr(client._celery, "send_task", lambda *args, **kwargs: rung.append((args, kwargs)))
    client.sync_contact({"email": "ada@example.com", "name": "Ada", "contact_type": "billing"})
    client.sync_customer({"customer_id": "C01", "name": "Changed"})
    client.sync_contact({"email": "gone@example.com"})
    client.delete_contact("gone@example.com")
    for wrong in ({"email": "x"}, {}):
        with pytest.raises(BadInput):
            client.sync_contact(wrong)
    redis.xadd(CONTACTS.stream, {"v": "1", "at": "2026-11-02T08:00:00+00:00", "job": '{"do": "dance"}'})
    client.close()
    ((names, how),) = rung
    assert (names, how["queue"], how["kwargs"]) == (("mailworker.sync_stream",), "contacts", {})
    drained = ContactStream(redis, container.book.intake).drain_some(container.clock())
    assert (drained.entries, drained.rejected) == (5, 1)
    assert redis.xlen(CONTACTS.stream) == 0
    container.work()
    assert container.mailjet.world.contacts.find("ada@example.com").name == "Ada"
    assert container.mailjet.world.contacts.find("gone@example.com") is None


def test_a_job_stays_on_the_stream_until_the_ledger_has_it(container, monkeypatch):
    redis = FakeRedis(decode_responses=True)
    job = {"do": "sync_contact", "contact": {"email": "ada@example.com"}}
    redis.xadd(CONTACTS.stream, {"v": "1", "at": "2026-11-02T08:00:00+00:00", "job": json.dumps(job)})

    def dies(*_args, **_kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("mailworker.contacts.upsert.ContactUpsert.upsert", dies)
        with pytest.raises(KeyboardInterrupt):
            ContactStream(redis, container.book.intake).drain_some(container.clock())
    assert redis.xlen(CONTACTS.stream) == 1


def test_the_local_mailjet_shows_its_contacts_and_lets_them_unsubscribe(container):
    read(container)
    container.work()
    mailbox = ControlClient(container.mailjet.url)
    assert {one["email"] for one in mailbox.contacts()} == set(container.rows)
    mailbox.unsubscribe("person.7@example.com")
    found = mailbox.contact("Person.7@example.com")
    assert found["lists"] == {"OmniCRM": True, "OmniCRM billing": True}
    assert (found["name"], found["properties"]["city"]) == ("Person 7", "Lyon")
    assert mailbox.contact("nobody@example.com") is None
    with pytest.raises(HTTPError):
        mailbox.unsubscribe("nobody@example.com")
    assert container.look().newly_unsubscribed == 1
