"""The full sync: the CRM read whole, Mailjet looked at, and jobs that travel by Redis."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from fakeredis import FakeRedis
from requests import HTTPError

from mailworker import contact_wire
from mailworker.cli.running import Mailbox
from mailworker.client import MailClient
from mailworker.contacts import contact_stream
from mailworker.contacts.background import BackgroundSync
from mailworker.crm.source import Page
from mailworker.errors import BadInput
from mailworker.ledger import contact_report as report
from mailworker.limits import Bucket
from mailworker.simulator import running
from tests.integration.contact_house import contact, contact_house

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def mailjet():
    with running(calls_per_minute=0, job_seconds=0) as simulator:
        yield simulator


@pytest.fixture
def house(tmp_path, mailjet):
    with contact_house(tmp_path, mailjet=mailjet) as one:
        for number in range(30):
            one.crm.put(f"C{number:02d}", contact(number, customer_id=f"C{number:02d}"))
        yield one


def read(house, **more):
    house.clock.forward(3600)
    return house.book.reader.read(clock=house.clock, **more)


def test_a_full_sync_brings_mailjet_into_line_and_a_second_one_tells_nothing(house):
    assert read(house).heard.new == 30
    house.work()
    assert len(house.mailjet.world.book.contacts) == 30
    again = read(house)
    assert (again.heard.new, again.heard.changed, again.heard.unchanged) == (0, 0, 30)
    calls = len(house.calls())
    house.work()
    assert len(house.calls()) == calls


def test_a_dry_run_says_the_same_and_writes_nothing(house):
    found = read(house, dry_run=True)
    assert (found.heard.new, found.contacts) == (30, 30)
    assert house.rows == {}
    read(house)
    del house.crm.all["C07"]
    assert read(house, dry_run=True).silent == 1


def test_who_is_gone_from_the_crm_leaves_the_lists(house):
    read(house)
    house.work()
    gone = house.crm.all.pop("C07").contacts[0].email
    began = house.clock() + timedelta(hours=1)
    assert read(house).silent == 1
    removed = list(house.book.reader.forget_silent(heard_before=began, clock=house.clock, force=False))
    house.work()
    assert removed == [1]
    assert house.lists(gone) == {}
    assert house.properties(gone) == {}
    assert gone not in house.rows


def test_a_crm_that_lost_most_of_its_customers_removes_nobody(house):
    read(house)
    house.work()
    house.crm.all = dict(list(house.crm.all.items())[:5])
    began = house.clock() + timedelta(hours=1)
    read(house)
    with pytest.raises(BadInput, match="silent about 25 of 30 contacts, more than 10 %: nothing was removed"):
        list(house.book.reader.forget_silent(heard_before=began, clock=house.clock, force=False))
    assert len(house.rows) == 30
    list(house.book.reader.forget_silent(heard_before=began, clock=house.clock, force=True))
    house.work()
    assert len(house.rows) == 5


def test_records_that_cannot_be_read_are_told_and_remove_nobody(house):
    read(house)
    house.crm.faults = ("Customer 99: name is missing.",)
    house.crm.put("C50", contact(50, email="not an address", customer_id="C50"))
    del house.crm.all["C07"]
    found = read(house)
    assert found.silent == 0
    assert found.sentences[0] == "Customer 99: name is missing."
    assert found.sentences[1].startswith("Contact 50: email is not an e-mail address")


def test_a_crm_that_can_say_what_changed_is_asked_for_nothing_else(house, monkeypatch):
    asked = []

    def changed_customers(since):
        asked.append(since)
        yield Page((house.crm.all["C07"],))

    monkeypatch.setattr(house.crm, "offers", lambda _question: True)
    monkeypatch.setattr(house.crm, "changed_customers", changed_customers, raising=False)
    monkeypatch.setattr(house.crm, "customers", None)
    since = house.clock()
    found = read(house, since=since)
    assert asked == [since]
    assert (found.customers, found.heard.new, found.silent) == (1, 1, 0)


def test_only_what_changed_since_is_heard(house):
    read(house)
    house.work()
    since = house.clock()
    for key, days in (("C03", -1), ("C04", 1)):
        old = house.crm.all[key]
        moment = since + timedelta(days=days)
        changed = tuple(replace(one, updated_at=moment, name="New") for one in old.contacts)
        house.crm.all[key] = replace(old, contacts=changed, updated_at=moment)
    others = {key: replace(one, updated_at=since - timedelta(days=9)) for key, one in house.crm.all.items()}
    house.crm.all = {
        key: house.crm.all[key]
        if key in {"C03", "C04"}
        else replace(one, contacts=tuple(replace(c, updated_at=one.updated_at) for c in one.contacts))
        for key, one in others.items()
    }
    house.clock.forward(2 * 86400)
    found = read(house, since=since)
    assert (found.contacts, found.heard.changed) == (1, 1)


def test_a_contact_deleted_at_mailjet_by_hand_is_put_back_only_if_it_still_belongs_there(house):
    read(house)
    house.work()
    book = house.mailjet.world.book
    stays, goes = "person.3@example.com", "person.4@example.com"
    for email in (stays, goes):
        book.anonymise(book.find(email).number, house.clock())
    del house.crm.all["C04"]
    began = house.clock() + timedelta(hours=1)
    read(house)
    list(house.book.reader.forget_silent(heard_before=began, clock=house.clock, force=False))
    assert house.look().put_back == 1
    house.work()
    assert set(house.lists(stays)) == {"OmniCRM", "OmniCRM billing"}
    assert goes not in house.rows
    assert house.lists(goes) == {}


def test_strangers_on_our_list_are_counted_and_left_alone(house):
    read(house)
    house.work()
    book = house.mailjet.world.book
    everybody = next(number for number, row in book.lists.rows.items() if row["Name"] == "OmniCRM")
    book.act(book.ensure("stranger@example.com", "", house.clock()), everybody, "addnoforce", house.clock())
    assert house.look().strangers == 1
    assert house.lists("stranger@example.com") == {"OmniCRM": False}


def test_an_erased_person_does_not_come_back_with_a_crm_that_has_no_dates(house):
    read(house)
    house.work()
    house.do("delete_contact", email="person.3@example.com")
    house.work()
    read(house)
    house.work()
    assert house.mailjet.world.book.find("person.3@example.com") is None


def asked_for(house):
    with house.ledger.write() as connection:
        assert report.open_sync(connection, str(house.clock()), house.clock())
        assert not report.open_sync(connection, "another", house.clock())
    house.clock.forward(1)


def background(house, **more):
    lease = timedelta(minutes=5)
    return BackgroundSync(house.ledger, house.book, house.clock, lease=lease).run(seconds=3600, **more)


@pytest.mark.parametrize("page", [1, 2, 15, 16])
def test_a_background_sync_is_done_by_one_worker_and_gone_on_with_by_another(house, monkeypatch, page):
    asked_for(house)
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
                background(house)
            assert background(house) is None, "the first one's lease still holds"
            house.clock.forward(600)
        read = []
        monkeypatch.setattr(house.crm, "asked_after", read.append)
        done = background(house)
    assert read == [[2 * (page - 1)] if 1 < page <= 15 else None]
    assert done.finished
    # The page that was being read when the worker died is read again, and changes nothing then.
    again = 2 if page <= 15 else 0
    assert (done.report["contacts"], done.report["new"]) == (30, 30 - again)
    assert background(house) is None
    house.work()
    assert len(house.mailjet.world.book.contacts) == 30


def test_a_background_sync_lets_others_work_between_its_slices(house):
    asked_for(house)
    house.clock.tick = 1.0  # each look at the clock takes a second
    slices = []
    while not (slices and slices[-1].finished):
        slices.append(
            BackgroundSync(house.ledger, house.book, house.clock, lease=timedelta(minutes=5)).run(seconds=9)
        )
    assert len(slices) > 3
    assert (slices[-1].report["contacts"], slices[-1].report["new"]) == (30, 30)


def test_mail_that_takes_all_calls_lets_the_sync_go_on_where_it_was(house, monkeypatch):
    read(house)
    house.work()
    asked_for(house)
    taken = iter([False, True, False])

    def take(*_args, **_more):
        return object() if next(taken, True) else None

    monkeypatch.setattr(Bucket, "take", take)
    slices = []
    while not (slices and slices[-1].finished):
        slices.append(background(house))
        house.clock.forward(2)
    assert [one.finished for one in slices] == [False, False, True]
    assert slices[-1].report["contacts"] == 30, "the CRM is read once"


def test_a_background_sync_removes_who_is_gone_and_stops_where_too_many_are(house):
    read(house)
    house.work()
    gone = house.crm.all.pop("C07").contacts[0].email
    house.clock.forward(60)
    asked_for(house)
    assert background(house).report["removed"] == 1
    house.work()
    assert house.lists(gone) == {}
    house.crm.all = dict(list(house.crm.all.items())[:5])
    house.clock.forward(60)
    asked_for(house)
    assert "nothing was removed" in background(house).report["stopped"]


def test_what_the_client_enqueues_arrives_and_what_is_wrong_is_kept(house, monkeypatch):
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
    redis.xadd(contact_wire.STREAM, {"v": "1", "at": "2026-11-02T08:00:00+00:00", "job": '{"do": "dance"}'})
    client.close()
    assert rung == [(("mailworker.sync_stream",), {"kwargs": {}, "queue": "contacts", "retry": False})]
    drained = house.book.door.drain_some(contact_stream(redis), house.clock())
    assert (drained.entries, drained.rejected) == (5, 1)
    assert redis.xlen(contact_wire.STREAM) == 0
    house.work()
    assert house.mailjet.world.book.find("ada@example.com").name == "Ada"
    assert house.mailjet.world.book.find("gone@example.com") is None


def test_a_job_stays_on_the_stream_until_the_ledger_has_it(house, monkeypatch):
    redis = FakeRedis(decode_responses=True)
    job = {"do": "sync_contact", "contact": {"email": "ada@example.com"}}
    redis.xadd(contact_wire.STREAM, {"v": "1", "at": "2026-11-02T08:00:00+00:00", "job": json.dumps(job)})

    def dies(*_args, **_kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("mailworker.contacts.hearing.Ear.hear", dies)
        with pytest.raises(KeyboardInterrupt):
            house.book.door.drain_some(contact_stream(redis), house.clock())
    assert redis.xlen(contact_wire.STREAM) == 1


def test_the_local_mailjet_shows_its_contacts_and_lets_them_unsubscribe(house):
    read(house)
    house.work()
    mailbox = Mailbox(house.mailjet.url)
    assert {one["email"] for one in mailbox.contacts()} == set(house.rows)
    mailbox.unsubscribe("person.7@example.com")
    found = mailbox.contact("Person.7@example.com")
    assert found["lists"] == {"OmniCRM": True, "OmniCRM billing": True}
    assert (found["name"], found["properties"]["city"]) == ("Person 7", "Lyon")
    assert mailbox.contact("nobody@example.com") is None
    with pytest.raises(HTTPError):
        mailbox.unsubscribe("nobody@example.com")
    assert house.look().newly_unsubscribed == 1
