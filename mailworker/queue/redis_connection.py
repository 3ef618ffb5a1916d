"""Opening Redis by its URL, directly or at whichever host its sentinels call the primary."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from redis import Redis
from redis import asyncio as redis_async
from redis.asyncio.retry import Retry as AsyncRetry
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.backoff import NoBackoff
from redis.sentinel import Sentinel

from mailworker.core.redis_url import parse_redis_url

#: Without time-outs a half-open connection would hang a worker for ever. Bytes that are no UTF-8 become half
#: characters, which the check of every job refuses.
REDIS_OPTIONS: Mapping[str, Any] = MappingProxyType(
    {
        "decode_responses": True,
        "encoding_errors": "surrogateescape",
        "protocol": 2,
        "socket_timeout": 10,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 10,
    }
)


def connect(url: str, **options: Any) -> "Redis":
    """Redis at this URL, with redis-py's own options. Raises BadInput for a URL that is none.

    Behind sentinels every new connection asks them for the primary, so a fail-over needs nobody's hand.
    """
    where = parse_redis_url(url)
    if not where.sentinels:
        if where.url.startswith("unix:"):
            options.pop("socket_keepalive", None)  # redis-py refuses it for a socket of this host
        return Redis.from_url(where.url, **options)
    sentinel: Any = Sentinel(  # type: ignore[no-untyped-call]
        where.sentinels,
        sentinel_kwargs=where.broker_options["sentinel_kwargs"],
        **where.login,
        **options,
    )
    found: Redis = sentinel.master_for(where.service)
    return found


def connect_async(url: str, *, max_connections: int, timeout: float, **options: Any) -> "redis_async.Redis":
    """The same for asyncio. Whoever finds all connections busy waits `timeout` seconds for one.

    All sentinels together are waited for less long: one whose host is lost keeps nobody from the others.
    """
    where = parse_redis_url(url)
    if where.sentinels:
        own = dict(where.broker_options["sentinel_kwargs"])
        # As long for Redis itself as for each sentinel.
        each = min(own["socket_timeout"], timeout / (len(where.sentinels) + 1))
        own |= {"socket_timeout": each, "socket_connect_timeout": each, "retry": AsyncRetry(NoBackoff(), 0)}
        sentinel: Any = AsyncSentinel(  # type: ignore[no-untyped-call]
            list(where.sentinels),
            sentinel_kwargs=own,
            **where.login,
            **options,
        )
        found: redis_async.Redis = sentinel.master_for(where.service, max_connections=max_connections)
        return found
    pool = redis_async.BlockingConnectionPool.from_url(
        where.url, max_connections=max_connections, timeout=timeout, **options
    )
    return redis_async.Redis.from_pool(pool)
