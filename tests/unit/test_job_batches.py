"""What a go at a lane's stream says of its jobs: counted, named, timed, and with their callers' traces."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from mailworker.config.builtin_kinds import KINDS
from mailworker.core.lane import Lane
from mailworker.intake import Intake, JobsDrained, JobStream
from mailworker.intake.entry_recipients import recipients_of
from mailworker.intake.ledger_refill import Refill, Refilled
from mailworker.ledger.tables import messages, rejected_jobs
from mailworker.queue import envelope
from mailworker.queue.celery_queues import MAIL
from tests.doubles import FakeFiles
from tests.rows import NOW, URGENT, after

RESET = {"user_name": "Zoé", "reset_url": "https://crm.example/r/1", "expiry_time": "10:00"}
INVOICE = "api_crmCommunicationCustomerInvoice"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def intake(ledger):
    return Intake(ledger, KINDS, FakeFiles(), language="fr")


def job(key, **changes):
    return {
        "kind": URGENT,
        "to": f"{key}@client.example",
        "variables": RESET,
        "idempotency_key": key,
    } | changes


def add(redis, given, *, trace="", lane=Lane.URGENT):
    return redis.xadd(MAIL[lane].stream, envelope.with_trace(envelope.seal(given, NOW), trace))


def rows(ledger, *columns):
    with ledger.read() as connection:
        return [tuple(one) for one in connection.execute(select(*columns))]


@pytest.mark.parametrize("lane", [Lane.URGENT, Lane.NORMAL])
def test_what_a_go_says_of_its_jobs(redis, clock, ledger, intake, lane):
    add(redis, job("a"), trace=TRACE, lane=lane)
    clock.advance(5)
    add(redis, job("b"), trace="nonsense", lane=lane)
    add(redis, job("a"), lane=lane)
    add(redis, job("b", variables=RESET | {"user_name": "Max"}), lane=lane)
    add(redis, job("c", kind="nonsense"), lane=lane)
    redis.xadd(MAIL[lane].stream, {"v": "1", "at": NOW.isoformat(), "job": "no JSON"})
    done = JobStream(redis, lane, intake).drain_some(after(10))
    ids = dict(rows(ledger, messages.c.idempotency_key, messages.c.id))
    assert set(ids) == {"a", "b"}
    assert done == JobsDrained(
        entries=6,
        new=2,
        repeated=1,
        rejected=3,
        ids=(ids["a"], ids["b"]),
        waits=(10.0, 5.0),
        carriers=((ids["a"], TRACE),),
    )
    assert JobStream(redis, lane, intake).drain_some(after(10)) is None
    kept = rows(ledger, rejected_jobs.c.entry_id, rejected_jobs.c.source, rejected_jobs.c.at)
    assert len(kept) == 3
    assert {(source, at) for _, source, at in kept} == {("stream", after(10))}


def test_a_job_for_several_is_a_message_for_each(redis, clock, ledger, intake):
    to = [{"email": "a@client.example"}, {"email": "b@client.example"}]
    add(redis, job("k", to=to))
    done = JobStream(redis, Lane.URGENT, intake).drain_some(NOW)
    assert (done.entries, done.new, len(set(done.ids)), done.waits) == (1, 2, 2, (0.0, 0.0))
    assert {id_ for (id_,) in rows(ledger, messages.c.id)} == set(done.ids)


def test_invoices_that_have_to_be_prepared_are_counted(redis, clock, intake):
    values = {
        "customer_name": "Zoé",
        "invoice_number": "F-1",
        "invoice_date": "1",
        "due_date": "1",
        "total_amount": "12 €",
    }
    values |= {"invoice_url": "", "pay_url": ""}
    add(redis, job("i", kind=INVOICE, variables=values, invoice_id="7"))
    add(redis, job("r"))
    done = JobStream(redis, Lane.URGENT, intake).drain_some(NOW)
    assert (done.new, done.to_prepare) == (2, 1)


def test_what_only_a_newer_worker_reads_is_counted_and_left(redis, clock, intake):
    redis.xadd(MAIL[Lane.NORMAL].stream, {"v": "2", "at": NOW.isoformat(), "job": "{}"})
    stream = JobStream(redis, Lane.NORMAL, intake)
    done = stream.drain_some(NOW)
    assert (done.entries, done.new, done.rejected) == (1, 0, 0)
    (alarm,) = done.alarms
    assert alarm.startswith("1 entry is of a later version")
    assert stream.waiting() == 1


def test_an_entry_that_breaks_the_intake_is_kept_by_name(redis, clock, ledger, intake, monkeypatch):
    def breaks(*_, **__):
        raise RuntimeError

    monkeypatch.setattr(intake, "check", breaks)
    add(redis, job("a"))
    done = (
        JobStream(redis, Lane.NORMAL, intake)._sink(NOW).reject(("1-1", envelope.seal(job("a"), NOW)), "why")
    )
    assert done == JobsDrained(entries=1, rejected=1)
    ((kind, faults, payload),) = rows(
        ledger, rejected_jobs.c.kind, rejected_jobs.c.faults, rejected_jobs.c.payload
    )
    assert (kind, faults) == (URGENT, ["why"])
    assert payload["fields"] == sorted(job("a"))


# --- for whom an entry is ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"job": json.dumps({"to": "Zoe@X.example"})}, {"zoe@x.example"}),
        ({"job": json.dumps({"to": {"email": "Zoe@X.example", "name": "Z"}})}, {"zoe@x.example"}),
        ({"job": json.dumps({"to": ["a@x.example", {"email": "b@x.example"}, 7, {"email": 8}, None, {}]})}, {"a@x.example", "b@x.example"}),
        ({"job": json.dumps({"to": None})}, set()),
        ({"job": json.dumps({})}, set()),
        ({"job": json.dumps(["to"])}, set()),
        ({"job": "no JSON"}, set()),
        ({"job": None}, set()),
        ({"job": "[" * 100_000}, set()),
        ({}, set()),
    ],
)  # fmt: skip
def test_for_whom_an_entry_is_before_it_is_checked(fields, found):
    assert recipients_of(("1-1", fields)) == found


# --- filling a ledger again -------------------------------------------------------------------------------


def entry(key, seconds=0, **changes):
    id_ = f"{int(after(seconds).timestamp() * 1000)}-0"
    return id_, envelope.seal(job(key, **changes), NOW)


@pytest.mark.parametrize("many", [1, 50, 51, 101])
def test_kept_jobs_are_read_however_many_there_are(ledger, intake, many):
    entries = [entry(f"k{n}") for n in range(many)]
    refill = Refill(ledger, intake, complete_since=None)
    assert refill.read(entries, now=NOW, dry_run=True) == Refilled(many, many, 0)
    assert rows(ledger, messages.c.id) == []
    assert refill.read(entries, now=NOW) == Refilled(many, many, 0)
    assert refill.read(entries, now=NOW) == Refilled(many, 0, 0)
    assert len(rows(ledger, messages.c.id)) == many


def test_a_job_that_is_not_certain_is_left_out(ledger, intake):
    entries = [entry("before", -1), entry("edge"), entry("after", 1), entry("bad", 1, kind="nonsense")]
    done = Refill(ledger, intake, complete_since=NOW).read(entries, now=NOW + timedelta(hours=1))
    assert done == Refilled(1, 1, 2)
    assert rows(ledger, messages.c.idempotency_key, messages.c.accepted_at) == [
        ("after", NOW + timedelta(hours=1))
    ]
