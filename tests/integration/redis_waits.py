"""Waiting for what a Redis says that may be away in between."""

import time
from contextlib import suppress

from redis.exceptions import RedisError


def until(is_true, seconds=60):
    """Return once it is true; fail after so long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(RedisError):
            if is_true():
                return
        time.sleep(0.05)
    raise AssertionError("It did not happen in time.")
