"""One clock for all workers: Redis's.

Leases and look-ups compare moments that different hosts wrote down; a host whose clock is an hour ahead would
take everybody's leases for expired. So no worker's own clock counts, only how much time passed on it.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mailworker.core.clock import utc_now

if TYPE_CHECKING:
    from redis import Redis

#: How long an agreement with Redis's clock is good for, in seconds.
_AGREED_FOR = 10.0


class RedisClock:
    """Tells the time of Redis's host, in UTC; asks it now and then, and counts on by itself between.

    While Redis is away it goes on counting from the last agreement, or from this host's clock without one.
    Whoever never asks for the time needs no Redis, and does not wait for its client to be loaded.
    """

    def __init__(self, redis: "Callable[[], Redis]") -> None:
        self._redis = redis
        self._agreed_at: float | None = None
        self._base = utc_now()
        self._base_at = time.monotonic()

    def __call__(self) -> datetime:
        """The present moment."""
        now = time.monotonic()
        if self._agreed_at is None or now - self._agreed_at > _AGREED_FOR:
            self._agree()
        return self._base + timedelta(seconds=time.monotonic() - self._base_at)

    def _agree(self) -> None:
        from redis.exceptions import RedisError  # noqa: PLC0415 - see the class

        self._agreed_at = time.monotonic()
        try:
            seconds, microseconds = self._redis().time()
        except RedisError:
            return
        self._base = datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)
        self._base_at = time.monotonic()
