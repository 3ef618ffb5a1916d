"""A group's stream entry by entry: who has which, for how long, how often it counts as delivered, and who it is given to."""

from datetime import timedelta

import pytest

from mailworker.core.process_lock import ProcessLock
from mailworker.queue import quarantine
from mailworker.queue.drain import Drained
from mailworker.queue.host_stores import differing, note_store, stores_in_use
from mailworker.queue.quarantine import (
    MOST_DELIVERIES,
    QuarantinedEntries,
    in_quarantine,
    quarantined,
    throw_away,
)
from mailworker.queue.stream import ABANDONED_MS, RETRY_MS, Abandoned, GroupStream
from mailworker.queue.trace_carriers import KEPT, recall_traces, remember_traces
from tests.rows import NOW, after


@pytest.fixture
def stream(redis):
    return GroupStream(redis, "jobs", at_once=3, large_reads=ProcessLock())


def add(redis, *names):
    return [redis.xadd("jobs", {"v": "1", "name": name}) for name in names]


def names(entries):
    return [fields["name"] for _, fields in entries]


def test_no_more_entries_come_at_once_than_were_asked_for(redis, stream):
    add(redis, *"abcd")
    assert [names(stream.fresh()) for _ in range(3)] == [["a", "b", "c"], ["d"], []]
    assert stream.waiting() == 4, "they stay until they are acknowledged"


@pytest.mark.parametrize(
    ("passed", "is_abandoned"), [(29.0, False), (29.99, False), (30.01, True), (31.0, True)]
)
def test_an_entry_belongs_to_a_dead_reader_after_thirty_seconds(redis, stream, clock, passed, is_abandoned):
    (id_,) = add(redis, "a")
    stream.fresh()
    clock.advance(passed)
    found = stream.abandoned()
    assert found == ([Abandoned(id_, 1, round(passed * 1000))] if is_abandoned else [])


def test_what_waited_longest_comes_first(redis, stream, clock):
    ids = add(redis, *"abc")
    stream.fresh()
    clock.advance(60)
    stream.release([(ids[0], {}), (ids[1], {})], retry_ms=0)
    clock.advance(1)
    stream.release([(ids[0], {})], retry_ms=0)
    clock.advance(0.5)
    found = stream.abandoned()
    assert [one.id for one in found] == [ids[2], ids[1], ids[0]]
    assert [one.idle_ms for one in found] == [61_500, 31_500, 30_500]


def test_a_dead_readers_entry_is_taken_over_once_and_counts(redis, stream, clock):
    (id_,) = add(redis, "a")
    stream.fresh()
    assert stream.claim(id_) is None, "its reader lives"
    clock.advance(31)
    assert names([stream.claim(id_)]) == ["a"]
    assert stream.claim(id_) is None, "another was quicker"
    clock.advance(31)
    assert [one.deliveries for one in stream.abandoned()] == [2]
    stream.let_go()


def test_a_taken_over_entry_that_is_gone_is_nobodys(redis, stream, clock):
    (id_,) = add(redis, "a")
    stream.fresh()
    redis.xdel("jobs", id_)
    clock.advance(31)
    assert stream.claim(id_) is None


@pytest.mark.parametrize(
    ("given", "waits"),
    [
        ({}, RETRY_MS),
        ({"retry_ms": 0}, 0),
        ({"retry_ms": 29_000}, 29_000),
        ({"retry_ms": ABANDONED_MS}, ABANDONED_MS),
        ({"retry_ms": 60_000}, ABANDONED_MS),
    ],
)
def test_what_met_a_passing_fault_is_tried_again_and_counts_as_delivered_once(
    redis, stream, clock, given, waits
):
    add(redis, "a")
    for _ in range(MOST_DELIVERIES + 1):
        entries = stream.fresh() or [stream.claim(one.id) for one in stream.abandoned()]
        assert names(entries) == ["a"]
        stream.release(entries, **given)
        if waits:
            clock.advance(waits / 1000 - 0.1)
            assert stream.abandoned() == []
        clock.advance(0.2)
        assert [one.deliveries for one in stream.abandoned()] == [1]


def test_what_is_acknowledged_is_gone_and_nothing_else(redis, stream, clock):
    add(redis, *"abc")
    entries = stream.fresh()
    stream.acknowledge(entries[:2])
    assert stream.waiting() == 1
    assert redis.xpending("jobs", "workers")["pending"] == 1
    clock.advance(31)
    assert [one.id for one in stream.abandoned()] == [entries[2][0]]


def test_when_the_oldest_came(redis, stream, clock):
    assert stream.oldest() is None
    add(redis, "a")
    clock.advance(5)
    add(redis, "b")
    assert stream.oldest() == NOW
    stream.acknowledge(stream.fresh()[:1])
    assert stream.oldest() == after(5)


# --- quarantine -------------------------------------------------------------------------------------------


def test_an_entry_in_quarantine_is_listed_without_its_content(redis, stream):
    ids = add(redis, "a", "bb")
    stream.fresh()
    for number, id_ in enumerate(ids):
        stream.quarantine(id_, after(number))
    assert stream.waiting() == 0
    assert redis.xpending("jobs", "workers")["pending"] == 0
    found = quarantined(redis, limit=9)
    assert [(one.stream, one.entry, one.since, one.bytes) for one in found] == [
        ("jobs", ids[0], NOW, len("v1namea")),
        ("jobs", ids[1], after(1), len("v1namebb")),
    ]
    assert len(quarantined(redis, limit=1)) == 1
    assert in_quarantine(redis) == 2
    quarantine.give_back(redis, found[0].id)
    assert names(redis.xrange("jobs")) == ["a"]
    throw_away(redis, found[1].id)
    assert in_quarantine(redis) == 0


def test_an_entry_that_is_gone_goes_into_no_quarantine(redis, stream):
    (id_,) = add(redis, "a")
    stream.fresh()
    redis.xdel("jobs", id_)
    stream.quarantine(id_, NOW)
    assert in_quarantine(redis) == 0
    assert redis.xpending("jobs", "workers")["pending"] == 0


def test_those_that_are_meant_leave_quarantine_for_good(redis, stream):
    for id_ in add(redis, *"aba"):
        stream.fresh()
        stream.quarantine(id_, NOW)
    shelf = QuarantinedEntries(redis)
    assert shelf.forget(lambda fields: fields["name"] == "a") == 2
    assert in_quarantine(redis) == 1
    assert shelf.forget(lambda fields: fields["name"] == "a") == 0


# --- what else is in Redis --------------------------------------------------------------------------------


def test_a_messages_trace_is_remembered_for_a_day(redis, clock):
    remember_traces(redis, {})
    remember_traces(redis, {"m": "t1", "n": "t2"})
    assert recall_traces(redis, []) == {}
    assert recall_traces(redis, ["n", "x", "m"]) == {"n": "t2", "m": "t1"}
    assert 0 < redis.ttl("mailworker:trace:m") <= KEPT.total_seconds() == 86_400


@pytest.mark.parametrize(("minutes", "works"), [(9.99, True), (10, False), (11, False)])
def test_a_host_that_said_nothing_for_ten_minutes_works_no_more(redis, minutes, works):
    note_store(redis, "a", "mark-a", NOW)
    later = NOW + timedelta(minutes=minutes)
    note_store(redis, "b", "mark-b", later)
    assert stores_in_use(redis, later) == ({"a": "mark-a"} if works else {}) | {"b": "mark-b"}
    assert len(redis.hkeys("mailworker:stores")) == (2 if works else 1)


def test_one_store_on_all_hosts_is_as_it_should_be():
    assert differing({}) == differing({"a": "m"}) == differing({"a": "m", "b": "m"}) == ""
    assert ": a, b." in differing({"b": "m", "a": "n"})


def test_what_a_go_found_is_something_where_there_were_entries():
    assert not Drained()
    assert Drained((1,))
    assert Drained(newer=1)
    assert Drained(quarantined=("x",)), "it is told even where the ledger took no note of it"
