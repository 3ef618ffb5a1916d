"""Whose entries a reader takes, against a real server: it answers otherwise than its doubles where nothing is there."""

import pytest

from mailworker.queue.envelope import VERSION
from mailworker.queue.stream import ABANDONED_MS, GROUP, GroupStream

pytestmark = pytest.mark.integration


def test_a_stream_that_is_not_there_has_nothing(valkey_redis):
    stream = GroupStream(valkey_redis, "nothing", at_once=10)
    assert (stream.abandoned(), stream.fresh(), stream.waiting()) == ([], [], 0)


def test_a_stream_without_its_group_is_read(valkey_redis):
    valkey_redis.xadd("jobs", {"v": VERSION})
    stream = GroupStream(valkey_redis, "jobs", at_once=10)
    assert stream.abandoned() == []
    assert len(stream.fresh()) == 1


def test_what_is_left_for_a_newer_worker_is_nobody_elses(valkey_redis):
    stream = GroupStream(valkey_redis, "jobs", at_once=10)
    for version in (VERSION, "99"):
        valkey_redis.xadd("jobs", {"v": version})
    today, tomorrow = stream.fresh()
    stream.leave([tomorrow])
    for consumer in (one["name"] for one in valkey_redis.xinfo_consumers("jobs", GROUP)):
        held = [
            one["message_id"] for one in valkey_redis.xpending_range("jobs", GROUP, "-", "+", 9, consumer)
        ]
        if held:
            valkey_redis.xclaim("jobs", GROUP, consumer, 0, held, idle=2 * ABANDONED_MS, justid=True)
    assert [one.id for one in stream.abandoned()] == [today[0]]
    assert stream.waiting() == 2
