"""What stream entries become, entry by entry: events, contacts, posts of the charging engine; and what is kept of the rest."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from mailworker.balances import cgrates_posts_to_alerts
from mailworker.balances.cgrates_posts_to_alerts import AlertSink, Taken
from mailworker.config.builtin_kinds import KINDS
from mailworker.contacts.intake import ContactIntake, ContactsDrained, ContactStream
from mailworker.contacts.upsert import UpsertResult
from mailworker.core.lane import Lane
from mailworker.crm.records import Customer
from mailworker.deliveries import event_stream
from mailworker.deliveries.event_stream import EventStream
from mailworker.deliveries.record_events import AT_ONCE, Recorded
from mailworker.errors import BadInput, TransientError
from mailworker.intake import Intake, JobStream
from mailworker.ledger.tables import rejected_jobs
from mailworker.mailjet.parse_webhook import BadEvent
from mailworker.queue import envelope
from mailworker.queue.celery_queues import CONTACTS, EVENTS, MAIL
from mailworker.queue.quarantine import MOST_DELIVERIES
from mailworker.queue.stream import ABANDONED_MS, CONSUMER, GROUP
from mailworker.rules.job.idempotency_key import message_id
from tests.redis_clock import simulated_redis

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
ASKED = datetime(2026, 11, 30, 8, tzinfo=UTC)


def kept(ledger):
    with ledger.read() as connection:
        query = select(rejected_jobs.c.entry_id, rejected_jobs.c.source, rejected_jobs.c.faults)
        return [tuple(row) for row in connection.execute(query.order_by(rejected_jobs.c.entry_id))]


# ---- posts of the charging engine


class Engine:
    """Knows these accounts, and finds an alert for each that is low."""

    def __init__(self, low=(), faults=(), alert_faults=()):
        self.low, self.faults, self.alert_faults = low, list(faults), list(alert_faults)
        self.asked = []

    def look_at(self, names):
        self.asked.append(set(names))
        return SimpleNamespace(balances=[name for name in names if name in self.low], faults=self.faults)

    def inspect(self, balances, *, as_of, now):
        assert as_of == now == NOW
        return SimpleNamespace(notifications=list(balances), faults=self.alert_faults)


@pytest.fixture
def posted(ledger, monkeypatch):
    written = []

    def write_mails(_connection, notifications, *, run_id, now):
        assert (run_id, now) == (cgrates_posts_to_alerts.REAL_TIME, NOW)
        written.extend(notifications)
        return len(notifications)

    monkeypatch.setattr(cgrates_posts_to_alerts, "write_mails", write_mails)

    def post(engine, *bodies):
        sink = AlertSink(ledger, engine, engine, "crm.example", NOW)
        entries = [(f"1-{number}", {"body": body}) for number, body in enumerate(bodies)]
        return sink.write(entries), sorted(written)

    return post


def account(name, tenant="crm.example"):
    return f'{{"Tenant": "{tenant}", "Event": {{"AccountID": "{name}"}}}}'


@pytest.mark.parametrize(
    ("bodies", "taken", "asked"),
    [
        ([account("a")], Taken(1, 1), [{"a"}]),
        ([account("a"), account("a")], Taken(2, 1), [{"a"}]),
        ([account("a"), account("b"), account("c")], Taken(3, 2), [{"a", "b", "c"}]),
        ([account("c")], Taken(1, 0), [{"c"}]),
        ([account("a", "")], Taken(1, 1), [{"a"}]),
        ([account("a", "other")], Taken(1, 0, 1), []),
        (['{"EventType": "ThresholdHit"}'], Taken(1, 0, 1), []),
        (["no json"], Taken(1, 0, 0, 1), []),
        (["no json", account("a"), account("a", "other")], Taken(3, 1, 1, 1), [{"a"}]),
        ([f"[{account('a')}, {account('b', 'other')}]"], Taken(1, 1), [{"a"}]),
    ],
)
def test_posts_lead_to_alerts_for_accounts_of_ours(ledger, posted, bodies, taken, asked):
    engine = Engine(low={"a", "b"})
    done, written = posted(engine, *bodies)
    assert (done, engine.asked) == (taken, asked)
    assert len(written) == taken.written
    assert [(entry, source) for entry, source, _ in kept(ledger)] == [("ocs:1-0", "cgrates")] * taken.rejected


def test_what_keeps_an_alert_from_being_written_is_kept_for_people(ledger, posted):
    engine = Engine(low={"a"}, faults=["unreadable"] * 15, alert_faults=["no contact"] * 15)
    done, written = posted(engine, account("a"))
    assert (done.written, written, done.rejected) == (1, ["a"], 0)
    assert kept(ledger) == [("ocs:1-0:alerts", "cgrates", ["unreadable"] * 15 + ["no contact"] * 5)]


def test_faults_without_an_alert_are_kept_as_well(ledger, posted):
    done, _ = posted(Engine(faults=["unreadable"]), account("a"))
    assert (done, kept(ledger)) == (Taken(1), [("ocs:1-0:alerts", "cgrates", ["unreadable"])])


# ---- events of Mailjet's webhook


class Deliveries:
    """Records events, but for those that are told to fail."""

    def __init__(self, guilty=(), fault=None):
        self.guilty, self.fault, self.batches = set(guilty), fault or ValueError("zoe@x.example"), []

    def record(self, events, *, now):
        assert now == NOW
        self.batches.append(len(events))
        if any(event in self.guilty for event in events):
            raise self.fault
        return Recorded(new=len(events))


@pytest.fixture
def events(ledger, monkeypatch):
    """Webhook calls whose bodies are lists of words: `bad` ones cannot be read, others are events."""
    monkeypatch.setattr(event_stream, "WebhookEvent", str)
    redis = simulated_redis()

    def read(body):
        return iter([BadEvent(word) if word.startswith("bad") else word for word in body.split()])

    monkeypatch.setattr(event_stream, "read_events", read)

    def drain(deliveries, *bodies, field="body"):
        stream = EventStream(redis, ledger, deliveries)
        for body in bodies:
            redis.xadd(EVENTS.stream, {"v": envelope.VERSION, field: body})
        return stream.drain_some(NOW)

    return drain


def test_events_of_many_calls_are_recorded_call_by_call(ledger, events):
    deliveries = Deliveries()
    assert events(deliveries, "a b", "c").new == 3
    assert (deliveries.batches, kept(ledger)) == ([2, 1], [])


def test_a_long_call_is_recorded_some_hundred_at_a_time(events):
    deliveries = Deliveries()
    assert events(deliveries, "e " * (AT_ONCE + 1)).new == AT_ONCE + 1
    assert deliveries.batches == [AT_ONCE, 1]


def test_what_cannot_be_read_is_kept_and_the_rest_recorded(ledger, events):
    assert events(Deliveries(), "bad1 a bad2").new == 1
    ((entry, source, faults),) = kept(ledger)
    assert (entry.startswith("events:"), source, faults) == (True, "webhook", ["bad1", "bad2"])


@pytest.mark.parametrize(("many", "shown"), [(19, 19), (20, 20), (21, 20), (1200, 20)])
def test_of_very_many_faults_twenty_are_kept(ledger, events, many, shown):
    assert events(Deliveries(), " ".join(f"bad{n}" for n in range(many))).new == 0
    assert [len(faults) for _, _, faults in kept(ledger)] == [shown]


def test_a_call_alone_loses_only_its_guilty_event(ledger, events):
    deliveries = Deliveries(guilty={"b"})
    assert events(deliveries, "a b c").new == 2
    assert deliveries.batches == [3, 1, 1, 1]
    ((_, _, faults),) = kept(ledger)
    assert len(faults) == 1
    assert faults[0].startswith("An event could not be recorded: ValueError")
    assert "zoe" not in faults[0]


def test_a_guilty_event_among_several_calls_costs_no_other_call(ledger, events):
    deliveries = Deliveries(guilty={"b"})
    done = events(deliveries, "a", "b c", "d")
    assert done.new == 3
    assert len(kept(ledger)) == 1


@pytest.mark.parametrize("bodies", [["a b"], ["a", "b"]])
def test_a_passing_fault_leaves_all_of_it_there(ledger, events, bodies):
    with pytest.raises(TransientError):
        events(Deliveries(guilty={"b"}, fault=TransientError("away")), *bodies)
    assert kept(ledger) == []


def test_an_entry_of_nobodys_is_kept_for_people(ledger, events):
    assert events(Deliveries(), "a", field="other").new == 0
    fault = "A stream entry is none of ours: only the webhook adds to this stream."
    assert [faults for _, _, faults in kept(ledger)] == [[fault]]


# ---- changes of contacts


class Upserts:
    """Keeps what it is given, in order."""

    def __init__(self):
        self.done = []

    def erase(self, _connection, email, *, now):
        assert now == NOW
        self.done.append(("erase", email))

    def upsert(self, _connection, people, companies, *, now):
        assert now == NOW
        self.done.append(([one.email for one in people], [one.customer_id for one in companies]))
        return UpsertResult(new=len(people))


class Crm:
    """Knows one customer."""

    def customer(self, customer_id):
        return Customer(customer_id="C1", name="Ondine") if customer_id == "C1" else None


@pytest.fixture
def scene(ledger):
    upserts, redis = Upserts(), simulated_redis()
    intake = ContactIntake(ledger, upserts, Crm())
    stream = ContactStream(redis, intake)

    def drain(*jobs):
        for job in jobs:
            redis.xadd(CONTACTS.stream, envelope.seal(job, ASKED))
        return stream.drain_some(NOW)

    return SimpleNamespace(take=intake.take, drain=drain, done=upserts.done, intake=intake)


def contact(email, **more):
    return {"do": "sync_contact", "contact": {"email": email} | more}


@pytest.mark.parametrize(
    ("job", "done"),
    [
        (contact("A@x.example"), [(["a@x.example"], [])]),
        (contact("a@x.example", customer_id="C1"), [(["a@x.example"], ["C1"])]),
        (contact("a@x.example", customer_id="C2"), [(["a@x.example"], [])]),
        ({"do": "sync_customer", "customer": {"customer_id": "C9", "name": "N"}}, [([], ["C9"])]),
        ({"do": "sync_customer", "customer": {"customer_id": "C1"}}, [([], ["C1"])]),
        ({"do": "sync_customer", "customer": {"customer_id": "C1", "version": 3}}, [([], ["C1"])]),
        ({"do": "delete_contact", "email": "A@x.example"}, [("erase", "a@x.example"), ([], [])]),
    ],
)
def test_one_job_about_contacts(scene, job, done):
    scene.take(job, now=NOW, asked_at=ASKED)
    assert scene.done == done


@pytest.mark.parametrize(
    ("job", "fault"),
    [
        ({"do": "dance"}, "job: this worker does not know what to do with it; update the worker."),
        ("odd", "job: this worker does not know what to do with it; update the worker."),
        (contact("nobody"), "email"),
        ({"do": "delete_contact", "email": "nobody"}, "email"),
        (
            {"do": "sync_customer", "customer": {"customer_id": "C7"}},
            "customer: only its customer_id was given",
        ),
    ],
)
def test_a_wrong_job_about_contacts_is_a_sentence_and_changes_nothing(scene, ledger, job, fault):
    with pytest.raises(BadInput, match=fault):
        scene.take(job, now=NOW, asked_at=ASKED)
    assert (scene.done, kept(ledger)) == ([], [])


def test_a_batch_is_written_at_once_and_its_wrong_jobs_are_kept(scene, ledger):
    done = scene.drain(contact("a@x.example"), contact("nobody"), contact("b@x.example"))
    assert done == ContactsDrained(3, UpsertResult(new=2), 1)
    assert scene.done == [(["a@x.example", "b@x.example"], [])]
    ((entry, source, faults),) = kept(ledger)
    assert (entry.startswith("contacts:"), source, len(faults)) == (True, "contacts", 1)


def test_who_is_erased_is_not_brought_back_by_what_came_before(scene):
    scene.drain(
        contact("a@x.example"),
        contact("b@x.example"),
        {"do": "delete_contact", "email": "a@x.example"},
        contact("c@x.example"),
    )
    assert scene.done == [("erase", "a@x.example"), (["b@x.example", "c@x.example"], [])]


def test_who_comes_back_after_an_erasure_in_the_same_batch_is_there(scene):
    scene.drain({"do": "delete_contact", "email": "a@x.example"}, contact("a@x.example"))
    assert scene.done == [("erase", "a@x.example"), (["a@x.example"], [])]


def test_an_entry_that_breaks_the_intake_is_kept_alone(scene, ledger, monkeypatch):
    plain = scene.intake._upserts.upsert

    def upsert(connection, people, companies, *, now):
        if any(one.email.startswith("guilty") for one in people):
            raise ZeroDivisionError
        return plain(connection, people, companies, now=now)

    monkeypatch.setattr(scene.intake._upserts, "upsert", upsert)
    done = scene.drain(contact("a@x.example"), contact("guilty@x.example"))
    assert done == ContactsDrained(2, UpsertResult(new=1), 1)
    ((_, source, faults),) = kept(ledger)
    assert source == "contacts"
    assert faults[0].startswith("entry: could not be taken: ZeroDivisionError")


# --- jobs -------------------------------------------------------------------------------------------------

LINK = "api_crmCommunicationUserPasswordReset"
LINKED = {"user_name": "Zoé", "reset_url": "https://crm.example/r/1", "expiry_time": "1 heure"}


@pytest.fixture
def lane(ledger):
    """The stream of urgent jobs, as a worker reads it."""
    redis = simulated_redis()
    reader = JobStream(redis, Lane.URGENT, Intake(ledger, KINDS, None, language="fr"))

    def add(*jobs):
        return [redis.xadd(MAIL[Lane.URGENT].stream, envelope.seal(one, NOW)) for one in jobs]

    return SimpleNamespace(redis=redis, reader=reader, add=add)


def link(number, **more):
    to = f"p{number}@client.example"
    return {"kind": LINK, "to": to, "variables": LINKED, "idempotency_key": f"k{number}", **more}


def test_of_a_batch_of_jobs_each_has_its_own_fate(lane, ledger):
    wrong = {"kind": LINK, "to": "a@client.example", "variables": {"user_name": "Z"}}
    entries = lane.add(link(1), link(1), link(2), link(1, to="other@client.example"), wrong)
    done = lane.reader.drain_some(NOW)
    assert (done.entries, done.new, done.repeated, done.rejected, done.to_prepare) == (5, 2, 1, 2, 0)
    assert done.ids == (message_id("k1"), message_id("k2"))
    assert done.waits == tuple(
        (NOW - envelope.added_at(one)).total_seconds() for one in (entries[0], entries[2])
    )
    with ledger.read() as connection:
        refused = connection.execute(select(rejected_jobs).order_by(rejected_jobs.c.id)).mappings().all()
    assert [(one["entry_id"], one["source"], one["at"]) for one in refused] == [
        (f"urgent:{entries[4]}", "stream", NOW),
        (f"urgent:{entries[3]}", "stream", NOW),
    ]


def test_a_job_that_ended_its_readers_is_an_alarm_and_nothing_is_known_of_it(lane, ledger):
    (entry,) = lane.add(link(1))
    name = MAIL[Lane.URGENT].stream
    lane.redis.xgroup_create(name, GROUP, id="0")
    lane.redis.xreadgroup(GROUP, CONSUMER, {name: ">"})
    lane.redis.xclaim(
        name, GROUP, CONSUMER, 0, [entry], idle=ABANDONED_MS + 1, retrycount=MOST_DELIVERIES, justid=True
    )
    done = lane.reader.drain_some(NOW)
    assert (done.entries, done.rejected, len(done.alarms)) == (1, 1, 1)
    with ledger.read() as connection:
        (refused,) = connection.execute(select(rejected_jobs)).mappings()
    assert (refused["entry_id"], refused["source"], refused["kind"], refused["payload"]) == (
        f"urgent:{entry}", "stream", None, None,
    )  # fmt: skip


def test_a_job_of_a_newer_client_is_left_for_a_newer_worker(lane):
    lane.redis.xadd(MAIL[Lane.URGENT].stream, envelope.seal(link(1), NOW) | {"v": "2"})
    done = lane.reader.drain_some(NOW)
    assert (done.entries, done.new, len(done.alarms)) == (1, 0, 1)
    assert lane.reader.waiting() == 1


def test_a_traced_job_says_its_trace_and_a_repeated_one_none(lane):
    carrier = f"00-{'a' * 32}-{'b' * 16}-01"
    for number, trace in [(1, carrier), (1, carrier), (2, "")]:
        entry = envelope.with_trace(envelope.seal(link(number), NOW), trace)
        lane.redis.xadd(MAIL[Lane.URGENT].stream, entry)
    assert lane.reader.drain_some(NOW).carriers == ((message_id("k1"), carrier),)
