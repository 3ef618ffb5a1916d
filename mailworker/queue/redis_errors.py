"""What it means when Redis does not answer a reader of its streams."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import (
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from mailworker.errors import TransientError

_NOT_OURS = (
    "Redis holds something else where mailworker's streams belong: another program uses this database. "
    "Give mailworker one of its own (worker.redis_url)."
)

#: Redis's own words for a server that takes no writes for now (its configuration file names both).
_NO_WRITES = ("MISCONF ", "NOREPLICAS ")


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
        raise StreamUnavailable(what_redis_means(fault)) from fault


def what_redis_means(fault: RedisError) -> str:
    """A sentence for a Redis that is away, and others for one that answers, and refuses."""
    if not isinstance(fault, ResponseError):
        return f"Redis does not answer ({type(fault).__name__}): start it, or correct worker.redis_url."
    # What follows or goes before are values.
    words = str(fault).partition(", with args")[0].split("caused error: ")[-1]
    if isinstance(fault, OutOfMemoryError | ReadOnlyError) or words.startswith(_NO_WRITES):
        return "Redis takes no writes: run `mailworker doctor --only redis`, which says why."
    if isinstance(fault, NoPermissionError) or words.startswith("unknown command"):
        return (
            f"Redis refuses a command that mailworker needs ({words}): let its user have all but @admin, on "
            "all keys and channels (ACL SETUSER NAME ~* &* +@all -@admin), and rename none."
        )
    return f"Redis refuses a command ({words}): run `mailworker doctor --only redis`."
