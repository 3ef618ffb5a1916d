"""A key of another program's where a stream of ours belongs."""

import pytest

from mailworker.cli.doctor_checks.finding import Check
from mailworker.cli.doctor_checks.redis_streams import stream_faults
from mailworker.cli.doctor_checks.run_check import run_check
from mailworker.core.clock import utc_now
from mailworker.core.lane import Lane
from mailworker.queue.celery_queues import MAIL
from mailworker.queue.redis_errors import StreamUnavailable
from mailworker.queue.stream import GroupStream
from tests.redis_clock import simulated_redis


def test_another_programs_key_is_named_as_such():
    redis = simulated_redis()
    redis.set(MAIL[Lane.BULK].stream, "a cache")
    with pytest.raises(StreamUnavailable, match=r"^Redis holds something else where mailworker's streams"):
        GroupStream(redis, MAIL[Lane.BULK].stream, at_once=1).waiting()
    found = run_check(Check("queues", "nothing waits on Redis", lambda: stream_faults(redis, utc_now())))
    (fault,) = found.faults
    assert fault.endswith("Give mailworker one of its own (worker.redis_url).")
