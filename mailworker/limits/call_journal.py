"""Which messages were in a call lately, outside of the ledger: so what a ledger lost is found out.

A database that was restored, or whose standby was promoted before it had everything, no longer knows that a
message left. Redis does, for a while. A message with a call that its row knows nothing of is not sent before
Mailjet was asked about it.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from mailworker.errors import TransientError

KEY = "mailworker:called"
#: About 25 MB of ids, whatever the time to keep them.
MOST = 200_000


class JournalUnavailable(TransientError):
    """Redis does not answer, so nobody knows what was called lately."""

    subject = "redis"


class CallJournal:
    """The calls of the last `keep`, by message id. Every method raises JournalUnavailable."""

    def __init__(self, redis: "Redis", keep: timedelta, *, key: str = KEY, most: int = MOST) -> None:
        self._redis = redis
        self._keep = keep
        self._key = key
        self._most = most

    def last_calls(self, ids: Sequence[str]) -> Mapping[str, datetime]:
        """When each of these messages was last in a call; those that were in none lately are left out."""
        if not ids or not self._keep:
            return {}
        try:
            scores: Any = self._redis.zmscore(self._key, list(ids))
        except RedisError as fault:
            raise _unavailable(fault) from fault
        known = zip(ids, scores, strict=True)
        return {id_: datetime.fromtimestamp(score, UTC) for id_, score in known if score is not None}

    def note(self, ids: Sequence[str], at: datetime) -> None:
        """Write down that a call with these messages is about to leave."""
        if not ids or not self._keep:
            return
        moment = at.timestamp()
        try:
            with self._redis.pipeline(transaction=True) as pipe:
                pipe.zadd(self._key, dict.fromkeys(ids, moment))
                pipe.zremrangebyscore(self._key, "-inf", moment - self._keep.total_seconds())
                pipe.zremrangebyrank(self._key, 0, -self._most - 1)
                pipe.execute()
        except RedisError as fault:
            raise _unavailable(fault) from fault

    def complete_since(self) -> datetime | None:
        """Since when no call is missing here; None: for as long as calls are kept."""
        try:
            if int(self._redis.zcard(self._key)) < self._most:
                return None
            oldest: Any = self._redis.zrange(self._key, 0, 0, withscores=True)
        except RedisError as fault:
            raise _unavailable(fault) from fault
        return datetime.fromtimestamp(oldest[0][1], UTC)


def _unavailable(fault: RedisError) -> JournalUnavailable:
    return JournalUnavailable(
        f"Redis does not answer, so nobody knows which calls were made lately ({type(fault).__name__})."
    )
