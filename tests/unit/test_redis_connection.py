"""Redis as it is opened: each option arrives, directly and behind sentinels, for threads and for asyncio."""

import pytest
from redis import asyncio as redis_async

from mailworker.errors import BadInput
from mailworker.queue import redis_connection
from mailworker.queue.redis_connection import REDIS_OPTIONS, connect, connect_async

DIRECT = "redis://:secret@redis.example:6380/3"
BEHIND = "sentinel://:secret@s1.example,s2.example:26380/crm/0?sentinel_password=own"


class ScriptedSentinel:
    """Keeps what it was made with, and what it was asked for."""

    def __init__(self, sentinels, *, sentinel_kwargs, **options):
        self.made = (list(sentinels), sentinel_kwargs, options)

    def master_for(self, service, **more):
        return self.made, service, more


def test_every_option_arrives():
    kwargs = connect(DIRECT, **REDIS_OPTIONS).connection_pool.connection_kwargs
    assert (kwargs["host"], kwargs["port"], kwargs["db"], kwargs["password"]) == (
        "redis.example",
        6380,
        3,
        "secret",
    )
    assert {name: kwargs[name] for name in REDIS_OPTIONS} == dict(REDIS_OPTIONS)


def test_no_read_and_no_connect_is_endless():
    assert 0 < REDIS_OPTIONS["socket_connect_timeout"] <= REDIS_OPTIONS["socket_timeout"] <= 10
    assert 0 < REDIS_OPTIONS["health_check_interval"] <= 10
    assert REDIS_OPTIONS["decode_responses"] is REDIS_OPTIONS["socket_keepalive"] is True


def test_for_asyncio_too_many_wait_for_a_connection():
    pool = connect_async(DIRECT, max_connections=7, timeout=1.5, socket_timeout=4).connection_pool
    assert isinstance(pool, redis_async.BlockingConnectionPool)
    assert (pool.max_connections, pool.timeout) == (7, 1.5)
    kwargs = pool.connection_kwargs
    assert (kwargs["host"], kwargs["port"], kwargs["db"], kwargs["socket_timeout"]) == (
        "redis.example",
        6380,
        3,
        4,
    )


@pytest.mark.parametrize(
    ("opened", "each", "more"),
    [
        (lambda: connect(BEHIND, socket_timeout=4), 2, {}),
        (
            lambda: connect_async(BEHIND, max_connections=7, timeout=1.5, socket_timeout=4),
            0.5,
            {"max_connections": 7},
        ),
    ],
)
def test_sentinels_are_asked_each_in_its_time_and_once(monkeypatch, opened, each, more):
    monkeypatch.setattr(redis_connection, "Sentinel", ScriptedSentinel)
    monkeypatch.setattr(redis_connection, "AsyncSentinel", ScriptedSentinel)
    (sentinels, own, options), service, given = opened()
    assert sentinels == [("s1.example", 26379), ("s2.example", 26380)]
    assert (own["socket_timeout"], own["socket_connect_timeout"], own["retry"].get_retries()) == (
        each,
        each,
        0,
    )
    assert (options["socket_timeout"], options["password"], service, given) == (4, "secret", "crm", more)
    assert own["password"] == "own"


@pytest.mark.parametrize("opened", [connect, lambda url: connect_async(url, max_connections=1, timeout=1)])
def test_what_is_no_url_of_redis_is_refused(opened):
    with pytest.raises(BadInput):
        opened("http://redis.example")
