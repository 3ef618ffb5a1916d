"""The group of a stream's readers: made by whoever comes first, and a quarrel over it harms nobody."""

import re

import pytest
from redis.exceptions import (
    ConnectionError,  # noqa: A004 - Redis's
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
)

from mailworker.errors import TransientError
from mailworker.queue.drain import drain
from mailworker.queue.quarantine import quarantined
from mailworker.queue.redis_errors import StreamUnavailable
from mailworker.queue.stream import ABANDONED_MS, GROUP, RETRY_MS, GroupStream
from tests.rows import NOW


@pytest.fixture
def stream(redis):
    return GroupStream(redis, "jobs", at_once=10)


def test_the_first_reader_makes_the_group_and_sees_what_came_before(redis, stream):
    redis.xadd("jobs", {"v": "1"})
    assert len(stream.fresh()) == 1
    assert [one["name"] for one in redis.xinfo_groups("jobs")] == [GROUP]


def test_of_two_first_readers_both_read(redis, stream, monkeypatch):
    redis.xadd("jobs", {"v": "1"})
    create = redis.xgroup_create

    def another_was_quicker(*given, **more):
        create(*given, **more)
        raise ResponseError("BUSYGROUP Consumer Group name already exists")

    monkeypatch.setattr(redis, "xgroup_create", another_was_quicker)
    assert len(stream.fresh()) == 1


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (OutOfMemoryError("command not allowed"), "Redis takes no writes: run"),
        (ReadOnlyError("You can't write"), "Redis takes no writes: run"),
        (ResponseError("MISCONF Redis is configured to save"), "Redis takes no writes: run"),
        (ResponseError("NOREPLICAS Not enough good replicas"), "Redis takes no writes: run"),
        (
            NoPermissionError("no permissions to run 'eval'"),
            "Redis refuses a command that mailworker needs (no",
        ),
        (
            ResponseError("unknown command 'EVAL', with args beginning with: 'zoe@x.example'"),
            "Redis refuses a command that mailworker needs (unknown command 'EVAL'): let its user",
        ),
        (
            ResponseError("BUSY Redis is busy running a script."),
            "Redis refuses a command (BUSY Redis is busy running a script.): run `mailworker doctor",
        ),
        (ConnectionError("10.0.0.1 refused"), "Redis does not answer (ConnectionError): start it"),
    ],
)
def test_any_other_refusal_is_for_later_and_told_with_its_cure(stream, redis, monkeypatch, fault, sentence):
    def refused(*_, **__):
        raise fault

    monkeypatch.setattr(redis, "eval", refused)
    with pytest.raises(StreamUnavailable, match=f"^{re.escape(sentence)}"):
        stream.fresh()


def test_a_fault_that_is_not_about_the_group_makes_none(redis, stream, monkeypatch):
    made = []
    monkeypatch.setattr(redis, "xgroup_create", lambda *given, **_: made.append(given))

    def refused(*_, **__):
        raise ResponseError("WRONGTYPE Operation against a key")

    monkeypatch.setattr(redis, "xinfo_consumers", refused)
    with pytest.raises(StreamUnavailable):
        stream.abandoned()
    assert made == []


def test_nothing_is_given_back_or_acknowledged_of_nothing(stream, monkeypatch):
    monkeypatch.setattr(stream, "_redis", None)
    stream.release([])
    stream.acknowledge([])


class Unkeepable:
    """A sink that can write nothing, and a ledger that is away when that is to be noted."""

    def write(self, entries):
        raise ValueError("odd")

    def reject(self, entry, fault):
        raise TransientError("the ledger does not answer")


def test_what_cannot_even_be_refused_now_is_tried_again_and_its_reader_did_not_die(redis, stream):
    redis.xadd("jobs", {"v": "1"})
    with pytest.raises(TransientError):
        drain(stream, Unkeepable(), NOW)
    (pending,) = redis.xpending_range("jobs", GROUP, "-", "+", 9)
    assert pending["times_delivered"] == 1
    assert pending["time_since_delivered"] == pytest.approx(ABANDONED_MS - RETRY_MS, abs=2_000)
    assert (stream.waiting(), quarantined(redis, limit=9)) == (1, [])


class Scripted:
    """A sink that cannot take the first, and has no ledger from the second on."""

    def write(self, entries):
        if len(entries) > 1 or entries[0][1]["name"] == "first":
            raise ValueError("odd")
        raise TransientError("the ledger does not answer")

    def reject(self, entry, fault):
        return 1


def test_what_comes_after_a_passing_fault_is_tried_again_as_soon_as_what_met_it(redis, stream):
    ids = [redis.xadd("jobs", {"v": "1", "name": name}) for name in ("first", "second", "third", "fourth")]
    with pytest.raises(TransientError):
        drain(stream, Scripted(), NOW)
    pending = redis.xpending_range("jobs", GROUP, "-", "+", 9)
    assert [one["message_id"] for one in pending] == ids[1:]
    assert {one["times_delivered"] for one in pending} == {1}
    for one in pending:
        assert one["time_since_delivered"] == pytest.approx(ABANDONED_MS - RETRY_MS, abs=2_000)


@pytest.mark.parametrize(("name", "seen"), [("drain", 1), ("7", 1), ("newer-than-0", 1), ("newer-than-1", 0)])
def test_only_what_is_left_for_a_worker_newer_than_this_one_is_nobodys_here(redis, stream, name, seen):
    redis.xadd("jobs", {"v": "1"})
    stream.fresh()
    [waiting] = redis.xpending_range("jobs", GROUP, "-", "+", 1)
    redis.xclaim("jobs", GROUP, name, 0, [waiting["message_id"]], idle=ABANDONED_MS * 2)
    assert len(stream.abandoned()) == seen
