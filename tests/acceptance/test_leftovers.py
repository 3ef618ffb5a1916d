"""What the work leaves behind in Redis: nothing that grows with time."""

from collections.abc import Iterator

import pytest
from redis import Redis

from mailworker.cli.local_stack import wait_until
from mailworker.queue import envelope
from tests.acceptance.conftest import RESET, VERIFICATION, RunningStack, verification

pytestmark = pytest.mark.acceptance

_RESULTS = "celery-task-meta-*"


@pytest.fixture
def redis(container: RunningStack) -> Iterator["Redis"]:
    client = Redis.from_url(container.servers.redis_url, decode_responses=True)
    yield client
    client.close()


def test_mails_and_rounds_of_housekeeping_leave_no_result(container: RunningStack, redis: "Redis"):
    before = set(redis.keys(_RESULTS))
    ids = [
        container.servers.client.send(VERIFICATION, f"left-{number}@example.com", verification())
        for number in range(20)
    ]
    container.final(*ids)
    last = redis.get(envelope.BEAT_KEY)
    assert wait_until(lambda: redis.get(envelope.BEAT_KEY) != last, seconds=30), "the sweep came round"
    assert set(redis.keys(_RESULTS)) - before == set()


def test_the_same_again_leaves_no_more_keys(container: RunningStack, redis: "Redis"):
    def keys_after(tag: str) -> set[str]:
        variables = {"user_name": "Ana", "reset_url": "https://crm.example/r", "expiry_time": "1 heure"}
        ids = [
            container.servers.client.send(
                RESET, f"{tag}-{n}@example.com", variables, idempotency_key=f"{tag}{n}"
            )
            for n in range(10)
        ]
        container.final(*ids)
        return set(redis.keys("*"))

    first = keys_after("leftover-a")
    # Flags and presences of a moment come and go; nothing else may.
    passing = {key for key in keys_after("leftover-b") - first if redis.ttl(key) == -1 and redis.exists(key)}
    assert {key for key in passing if not key.startswith(("_kombu", "unacked"))} == set()
