"""The bucket on a real server, by its clock."""

import threading
import time

import pytest

from mailworker.limits import Bucket, CallLane, Permit

pytestmark = pytest.mark.integration

#: So many calls a minute that a test sees many of them: the pace is a few milliseconds.
FAST = 6000


def test_the_scripts_run_there(valkey_redis):
    bucket = Bucket(valkey_redis, 200)
    wait = bucket.try_take(CallLane.URGENT, "a")
    assert 0.29 < wait < 0.32, "a new server starts closed"
    permit = bucket.take(CallLane.URGENT, patience=20)
    assert permit is not None
    log, pace = bucket.keys
    assert valkey_redis.zrange(log, 0, -1) == [permit.call_id]
    assert valkey_redis.pttl(log) > 60_000
    bucket.give_back(permit)
    assert valkey_redis.zcard(log) == 0
    assert bucket.pause() == 5.0
    assert 4 < bucket.try_take(CallLane.URGENT, "b") <= 5
    assert set(valkey_redis.hgetall(pace)) >= {"tat", "pause_until", "strikes"}
    bucket.give_back(Permit("never"))


def test_workers_at_the_same_moment_share_one_pace(valkey):
    """Four clients at once: in no stretch of time more calls than the pace and its burst allow."""
    from redis import Redis  # noqa: PLC0415

    moments, lock = [], threading.Lock()
    until = time.monotonic() + 2

    def work():
        redis = Redis.from_url(valkey.url, decode_responses=True, protocol=2)
        bucket = Bucket(redis, FAST, name="shared")
        while time.monotonic() < until:
            if bucket.take(CallLane.BULK, patience=0.5):
                seconds, micros = redis.time()
                with lock:
                    moments.append(seconds + micros / 1e6)
        redis.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    redis = Redis.from_url(valkey.url, decode_responses=True, protocol=2)
    scores = sorted(score for _, score in redis.zrange("{shared}:log", 0, -1, withscores=True))
    redis.close()
    assert len(scores) == len(moments) > 20
    pace = (scores[-1] - scores[0]) / (len(scores) - 1)
    assert pace >= 60_000 / FAST * 0.99, "never faster than the limit"
    for here in range(len(scores) - 2):
        assert scores[here + 2] - scores[here] >= 60_000 / FAST - 2, "at most two at once"


def test_after_the_loss_of_its_data_a_server_starts_closed(valkey_redis):
    bucket = Bucket(valkey_redis, 200)
    assert bucket.take(CallLane.URGENT, patience=20)
    valkey_redis.flushall()
    assert 0.29 < bucket.try_take(CallLane.URGENT, "a") < 0.32
