"""Redis's append-only file holds what was ever on a stream, until Redis is asked to write it anew.

Redis does so by itself only when the file has doubled, which a quiet system's may not do for months.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from mailworker.queue.redis_errors import translated

_DONE = "mailworker:log-rewritten"


class LogRewrite(StrEnum):
    """What became of the wish to have the file written anew."""

    ASKED = "asked"
    NOT_DUE = "not due"
    NO_LOG = "Redis keeps no append-only file"
    BUSY = "Redis is saving already"
    FORBIDDEN = "our user may not ask for it"


def rewrite_log(redis: "Redis", *, every: timedelta) -> LogRewrite:
    """Have Redis write its file anew where that was not done for so long. Raises StreamUnavailable.

    Many who ask at a time make one wish. What did not work is tried again after `every`, too.
    """
    with translated():
        if not every or not redis.set(_DONE, "1", nx=True, px=every):
            return LogRewrite.NOT_DUE
        try:
            saving: Any = redis.info("persistence")
            if not saving.get("aof_enabled"):
                return LogRewrite.NO_LOG
            if saving.get("aof_rewrite_in_progress") or saving.get("rdb_bgsave_in_progress"):
                return LogRewrite.BUSY
            redis.bgrewriteaof()
        except ResponseError:  # a hosted Redis may have no such command at all
            return LogRewrite.FORBIDDEN
    return LogRewrite.ASKED
