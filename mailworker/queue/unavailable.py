"""What it means when Redis does not answer a reader of its streams."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import RedisError

from mailworker.errors import TransientError

_NOT_OURS = (
    "Redis holds something else where mailworker's streams belong: another program uses this database. "
    "Give mailworker one of its own (worker.redis_url)."
)


class StreamUnavailable(TransientError):
    """Redis does not answer; what waits on the stream stays there."""

    subject = "redis"


@contextmanager
def translated() -> Iterator[None]:
    """Turn the Redis client's errors into StreamUnavailable."""
    try:
        yield
    except RedisError as fault:
        if str(fault).startswith("WRONGTYPE"):
            raise StreamUnavailable(_NOT_OURS) from fault
        raise StreamUnavailable(
            f"Redis does not answer ({type(fault).__name__}): start it, or correct worker.redis_url."
        ) from fault
