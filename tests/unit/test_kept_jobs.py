"""What Redis keeps of jobs that the ledger has: bounded, erasable, and enough to fill a ledger again."""

import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.exceptions import ConnectionError as RedisGone
from sqlalchemy import delete, select, update

from mailworker.cli.doctor_checks.finding import Note
from mailworker.cli.doctor_checks.refill import kept_faults, lost_faults
from mailworker.cli.ledger_refill import refilled, sentence_of
from mailworker.config.builtin_kinds import KINDS
from mailworker.core.lane import Lane
from mailworker.core.states import State
from mailworker.errors import Throttled, Unreachable
from mailworker.export_and_erasure import Privacy
from mailworker.intake import Intake, JobStream
from mailworker.intake.ledger_refill import Refill
from mailworker.ledger.tables import messages, timeline
from mailworker.limits.call_journal import CallJournal, JournalUnavailable
from mailworker.queue import envelope
from mailworker.queue.celery_queues import MAIL
from mailworker.queue.refill_log import Keeping, KeptEntries
from mailworker.queue.stream import GroupStream
from tests.doubles import FakeFiles, box, silence
from tests.redis_clock import simulated_redis
from tests.rows import NOW, URGENT, row
from tests.unit.test_dispatch import World

KEEPING = Keeping(timedelta(minutes=30), 100_000)
NAME = MAIL[Lane.URGENT].stream
RESET = {"user_name": "Zoé", "reset_url": "https://crm.example/r/1", "expiry_time": "10:00"}


@pytest.fixture
def intake(ledger):
    return Intake(ledger, KINDS, FakeFiles(), language="fr")


@pytest.fixture
def kept(redis):
    return KeptEntries(redis, NAME, KEEPING)


def enqueue(redis, *keys, **changes):
    for key in keys:
        job = {"kind": URGENT, "to": f"{key}@client.example", "variables": RESET}
        redis.xadd(NAME, envelope.seal(job | {"idempotency_key": key} | changes, NOW))


def drain(redis, intake):
    stream = JobStream(redis, Lane.URGENT, intake, keeping=KEEPING)
    while stream.drain_some(NOW):
        pass
    assert stream.waiting() == 0


def weight(kept):
    return sum(len((name + text).encode()) for _, fields in kept.entries() for name, text in fields.items())


def refill(ledger, intake, kept, **options):
    return Refill(ledger, intake, complete_since=None).read(kept.entries(), now=NOW, **options)


def keys(ledger):
    with ledger.read() as connection:
        return set(connection.execute(select(messages.c.idempotency_key)).scalars())


def lose(ledger, *lost):
    """What a standby lacked that was promoted."""
    with ledger.write() as connection:
        connection.execute(delete(timeline))
        connection.execute(delete(messages).where(messages.c.idempotency_key.in_(lost)))


# --- the stream of kept entries ---------------------------------------------------------------------------


def test_what_was_acknowledged_is_kept_under_its_own_id(redis, kept, intake):
    enqueue(redis, "a", "b")
    ids = [entry_id for entry_id, _ in redis.xrange(NAME)]
    drain(redis, intake)
    entries = list(kept.entries())
    assert [entry_id for entry_id, _ in entries] == ids
    assert [json.loads(fields["job"])["idempotency_key"] for _, fields in entries] == ["a", "b"]
    assert all(set(fields) == {"v", "at", "job"} for _, fields in entries)


def test_nothing_is_kept_where_nobody_wants_it(redis, kept, intake):
    enqueue(redis, "a")
    stream = JobStream(redis, Lane.URGENT, intake, keeping=Keeping(timedelta(seconds=0), 100_000))
    stream.drain_some(NOW)
    assert (list(kept.entries()), redis.keys("*kept*")) == ([], [])


def test_what_is_too_old_goes_also_where_nothing_new_comes(redis, kept, intake, clock):
    enqueue(redis, "a")
    drain(redis, intake)
    clock.advance(30 * 60 + 1)
    kept.forget_old()
    assert (kept.figures().entries, kept.figures().bytes) == (0, 0)
    assert redis.get(f"{NAME}:kept:bytes") == "0"


def test_figures_tell_how_far_back_it_reaches(redis, kept, intake, clock):
    enqueue(redis, "a")
    drain(redis, intake)
    clock.advance(60)
    enqueue(redis, "b")
    drain(redis, intake)
    figures = kept.figures()
    assert (figures.entries, figures.since, figures.until) == (2, NOW, NOW + timedelta(seconds=60))
    assert figures.bytes == weight(kept)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 60_000), min_size=1, max_size=30))
def test_its_bytes_are_bounded_whatever_comes(sizes):
    redis = simulated_redis()
    stream = GroupStream(redis, "s", at_once=200)
    stream.keep(KEEPING)
    kept = KeptEntries(redis, "s", KEEPING)
    for size in sizes:
        redis.xadd("s", {"v": "1", "job": "x" * size})
        stream.acknowledge(stream.fresh())
        assert weight(kept) == kept.figures().bytes <= KEEPING.max_bytes
    assert redis.xlen("s") == 0
    small = [size for size in sizes if size < 50_000]
    assert not small or kept.figures().entries, "it is not emptied by what fits in"


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.integers(1, 60_000), max_size=5), min_size=1, max_size=10))
def test_what_came_another_way_is_kept_within_the_same_bytes(batches):
    redis = simulated_redis()
    kept = KeptEntries(redis, "s", KEEPING)
    for sizes in batches:
        kept.add([{"v": "1", "job": "x" * size} for size in sizes])
        assert weight(kept) == kept.figures().bytes <= KEEPING.max_bytes
    everything = [size for sizes in batches for size in sizes]
    if sum(size + 5 for size in everything) <= KEEPING.max_bytes:
        assert [len(fields["job"]) for _, fields in kept.entries()] == everything


def test_what_is_larger_than_all_is_not_kept_and_pushes_nothing_out(redis):
    stream = GroupStream(redis, "s", at_once=200)
    stream.keep(KEEPING)
    for size in (10, 200_000):
        redis.xadd("s", {"v": "1", "job": "x" * size})
    stream.acknowledge(stream.fresh())
    assert [len(f["job"]) for _, f in KeptEntries(redis, "s", KEEPING).entries()] == [10]


def test_events_are_put_back_once_each_while_they_are_read_and_kept_anew(redis):
    stream = GroupStream(redis, "s", at_once=1)
    stream.keep(KEEPING)
    kept = KeptEntries(redis, "s", KEEPING)
    for number in range(50):
        redis.xadd("s", {"v": "1", "body": str(number)})
    while some := stream.fresh():
        stream.acknowledge(some)
    add = redis.xadd

    def add_and_read(*args):
        add(*args)
        stream.acknowledge(stream.fresh())

    redis.xadd = add_and_read
    assert kept.put_back() == 50


# --- filling a ledger again -------------------------------------------------------------------------------


def test_what_the_ledger_lost_comes_back_and_nothing_else_changes(redis, ledger, intake, kept):
    enqueue(redis, "a", "b", "c")
    drain(redis, intake)
    with ledger.write() as connection:
        connection.execute(update(messages).where(messages.c.idempotency_key == "a").values(state="sent"))
    lose(ledger, "b")
    counted = refill(ledger, intake, kept, dry_run=True)
    assert (counted.jobs, counted.lacked, keys(ledger)) == (3, 1, {"a", "c"}), "a dry run changes nothing"
    assert refill(ledger, intake, kept).lacked == 1
    assert keys(ledger) == {"a", "b", "c"}
    with ledger.read() as connection:
        states = connection.execute(select(messages.c.idempotency_key, messages.c.state)).all()
    assert dict(map(tuple, states)) == {"a": "sent", "b": "ready", "c": "ready"}
    assert refill(ledger, intake, kept).lacked == 0, "it may run again"


def test_a_message_comes_back_under_the_id_that_its_caller_was_given(redis, ledger, intake, kept):
    enqueue(redis, "a")
    drain(redis, intake)
    with ledger.read() as connection:
        before = connection.execute(select(messages.c.id)).scalar_one()
    lose(ledger, "a")
    refill(ledger, intake, kept)
    with ledger.read() as connection:
        assert connection.execute(select(messages.c.id)).scalar_one() == before


def test_a_later_time_to_send_is_kept(redis, ledger, intake, kept):
    enqueue(redis, "a", send_at="2026-12-24T09:00:00+01:00")
    drain(redis, intake)
    lose(ledger, "a")
    refill(ledger, intake, kept)
    with ledger.read() as connection:
        assert connection.execute(select(messages.c.not_before)).scalar_one().day == 24


def test_what_was_refused_is_not_refused_again(redis, ledger, intake, kept):
    enqueue(redis, "a", kind="nonsense")
    enqueue(redis, "b")
    drain(redis, intake)
    assert refill(ledger, intake, kept).jobs == 1


def test_what_was_refused_for_another_of_its_key_does_not_come_by_a_refill(redis, ledger, intake, kept):
    enqueue(redis, "a", to="ana@client.example")
    enqueue(redis, "a", to=["ana@client.example", "bob@client.example"])
    enqueue(redis, "a", to=["bob@client.example", "eve@client.example"])
    drain(redis, intake)
    whole = {"a", "a#bob@client.example", "a#eve@client.example"}
    assert keys(ledger) == whole
    assert refill(ledger, intake, kept, dry_run=True).lacked == refill(ledger, intake, kept).lacked == 0
    lose(ledger, "a#bob@client.example")
    assert refill(ledger, intake, kept, dry_run=True).lacked == refill(ledger, intake, kept).lacked == 1
    assert keys(ledger) == whole


def test_jobs_older_than_the_known_calls_stay_out(redis, ledger, intake, kept, clock):
    enqueue(redis, "old")
    clock.advance(60)
    enqueue(redis, "new")
    drain(redis, intake)
    lose(ledger, "old", "new")
    found = Refill(ledger, intake, complete_since=NOW + timedelta(seconds=30)).read(kept.entries(), now=NOW)
    assert (found.lacked, found.skipped, keys(ledger)) == (1, 1, {"new"})


# --- what doctor and the command say ----------------------------------------------------------------------


def installation(redis, ledger, intake, kept):
    return box(
        kept=lambda: [kept],
        keeping=KEEPING,
        ledger=ledger,
        intake=intake,
        journal=CallJournal(redis, timedelta(minutes=30)),
        clock=lambda: NOW,
    )


def test_doctor_says_what_is_kept_and_that_the_ledger_has_it(redis, ledger, intake, kept):
    there = installation(redis, ledger, intake, kept)
    assert list(kept_faults(there, NOW)) == []
    enqueue(redis, "a", "b")
    drain(redis, intake)
    (sentence,) = kept_faults(there, NOW + timedelta(minutes=5))
    assert isinstance(sentence, Note)
    assert "2 entries of jobs and events of the last 5 min" in sentence
    assert "of at most 100 kB" in sentence
    assert list(lost_faults(there)) == []


def test_doctor_says_that_the_bytes_are_too_few_for_the_time(redis, ledger, intake, kept):
    enqueue(redis, *(f"m{number}" for number in range(800)))
    drain(redis, intake)
    _, short = kept_faults(installation(redis, ledger, intake, kept), NOW + timedelta(minutes=3))
    assert "of the last 3 min only, not of 30 min: raise worker.keep_jobs_bytes" in short


def test_doctor_says_that_the_ledger_lacks_jobs_until_it_was_refilled(redis, ledger, intake, kept):
    there = installation(redis, ledger, intake, kept)
    enqueue(redis, "a", "b")
    drain(redis, intake)
    lose(ledger, "b")
    (sentence,) = lost_faults(there)
    assert "The ledger lacks 1 job that was in it" in sentence
    assert "mailworker ledger refill" in sentence
    assert "lacks 1 of them; nothing was changed" in sentence_of(refilled(there, dry_run=True), dry_run=True)
    assert "lacked 1 of them; it has them now" in sentence_of(refilled(there, dry_run=False), dry_run=False)
    assert list(lost_faults(there)) == []
    assert refilled(there, dry_run=True).as_json() == {
        "jobs": 2, "lacked": 0, "skipped": 0, "since": NOW.isoformat(), "events": 0,
    }  # fmt: skip


def test_nothing_kept_is_said(redis, ledger, intake, kept):
    there = installation(redis, ledger, intake, kept)
    assert "Redis keeps no jobs" in sentence_of(refilled(there, dry_run=True), dry_run=True)


# --- erasure ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelling", ["Claire@Client.example", "claire@client.example"])
@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_an_erased_person_does_not_come_back(redis, ledger, intake, kept, spelling, ensure_ascii):
    other = {"kind": URGENT, "to": "claire@client.example", "variables": RESET}
    text = json.dumps(other | {"idempotency_key": "x"}, ensure_ascii=ensure_ascii)
    redis.xadd(NAME, {"v": "1", "at": NOW.isoformat(), "job": text})
    enqueue(redis, "paul")
    enqueue(redis, "copied", cc=["CLAIRE@client.example"])
    drain(redis, intake)
    Privacy(ledger, FakeFiles(), [kept]).erase(spelling, now=NOW)
    assert "claire" not in str(list(kept.entries())).lower()
    lose(ledger, "x", "paul", "copied")
    assert refill(ledger, intake, kept).lacked == 1
    assert kept.figures().bytes == weight(kept)


def test_an_international_address_is_found_however_json_wrote_it(redis, ledger, intake, kept):
    text = json.dumps(
        {"kind": URGENT, "to": "éva@client.example", "variables": RESET, "idempotency_key": "x"}
    )
    assert "\\u" in text
    redis.xadd(NAME, {"v": "1", "at": NOW.isoformat(), "job": text})
    drain(redis, intake)
    Privacy(ledger, FakeFiles(), [kept]).erase("éva@client.example", now=NOW)
    assert list(kept.entries()) == []


# --- calls that the ledger lost ---------------------------------------------------------------------------


@pytest.fixture
def world(tmp_path, redis):
    w = World(tmp_path / "calls.db")
    journal = CallJournal(redis, timedelta(minutes=30))
    w.dispatcher._journal = w.dispatcher._lost_calls._journal = journal
    return w


def forget_the_call(world, id_):
    with world.ledger.write() as connection:
        connection.execute(delete(timeline))
        change = {"state": "ready", "last_call_at": None, "called_at": None, "attempts": 0}
        connection.execute(update(messages).where(messages.c.id == id_).values(change))


def test_a_message_whose_call_the_ledger_lost_is_asked_about_and_not_sent_again(world):
    world.put(row("m1"))
    world.go()
    forget_the_call(world, "m1")
    world.put(row("m2"))
    world.clock.advance(5)
    done = world.go()
    assert world.post.calls == [["m1"], ["m2"]]
    assert (world["m1"]["state"], world["m1"]["called_at"]) == ("unknown", NOW)
    assert done.outcomes == {State.UNKNOWN: 1, State.SENT: 1}
    assert "LOST CALLS" in done.alarms[0]


def test_once_mailjet_denied_it_it_leaves(world):
    world.put(row("m1"))
    world.go()
    forget_the_call(world, "m1")
    world.go()
    with world.ledger.write() as connection:
        connection.execute(update(messages).values(state="ready"))
    world.clock.advance(60)
    world.go()
    assert world.post.calls == [["m1"], ["m1"]]
    assert world["m1"]["state"] == "sent"


def test_a_call_that_the_ledger_knows_of_is_no_lost_one(world):
    """However it ended: without an answer, and then by a person sent again."""
    world.post.answer = silence
    world.put(row("m1"))
    world.go()
    with world.ledger.write() as connection:
        connection.execute(update(messages).values(state="ready"))
    world.clock.advance(60)
    world.go()
    assert world.post.calls == [["m1"], ["m1"]]


@pytest.mark.parametrize("fault", [Unreachable("refused"), Throttled("429", retry_after=1)])
def test_a_call_that_did_not_leave_is_no_lost_one(world, fault):
    def answer(_mail):
        raise fault

    world.post.answer = answer
    world.put(row("m1"))
    for _ in range(3):
        world.go()
        world.clock.advance(2)
    assert (world["m1"]["state"], len(world.post.calls)) == ("ready", 3)


def test_without_redis_nothing_leaves_and_nothing_is_in_doubt(world, monkeypatch):
    def gone(*_args, **_kwargs):
        raise RedisGone

    world.put(row("m1"))
    journal = world.dispatcher._journal
    monkeypatch.setattr(journal._redis, "pipeline", gone)
    with pytest.raises(Exception, match="which calls were made"):
        world.go()
    assert (world.post.calls, world["m1"]["state"]) == ([], "ready")


def test_without_redis_after_the_claim_nobody_waits_for_the_lease(world, monkeypatch):
    def gone(*_args, **_kwargs):
        raise RedisGone

    world.put(row("m1"))
    monkeypatch.setattr(world.dispatcher._journal._redis, "zmscore", gone)
    with pytest.raises(JournalUnavailable):
        world.go()
    assert (world.post.calls, world["m1"]["state"]) == ([], "ready")


def test_the_journal_is_bounded_in_number_and_in_time(redis):
    journal = CallJournal(redis, timedelta(minutes=30), most=3)
    journal.note(["a", "b"], NOW)
    assert journal.complete_since() is None
    journal.note(["c", "d"], NOW + timedelta(minutes=1))
    assert set(journal.last_calls(["a", "b", "c", "d"])) == {"b", "c", "d"}
    assert journal.complete_since() == NOW
    journal.note(["e"], NOW + timedelta(minutes=31, seconds=30))
    assert set(journal.last_calls(["a", "b", "c", "d", "e"])) == {"e"}


def test_the_journal_is_empty_where_nobody_wants_it(redis):
    journal = CallJournal(redis, timedelta(0))
    journal.note(["a"], NOW)
    assert (journal.last_calls(["a"]), redis.keys("*")) == ({}, [])
