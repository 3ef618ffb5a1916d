"""Never more than the limit in any minute, evenly paced, the urgent lane first.

Mailjet's limit is taken as a sliding one: 200 calls in any 60 seconds. A bucket of 200 that refills at 200 a
minute would let almost 400 through in the minute after a rest. So each token returns when it is a minute old
(61.5 seconds, for the way to Mailjet takes now longer, now shorter), and calls are spaced by a 200th of that.
The spacing alone keeps the limit even when Redis forgets the log; the log keeps it when the limit is lowered.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from importlib.resources import files
from typing import Any

from redis import Redis
from redis.commands.core import Script
from redis.exceptions import RedisError

from mailworker.core.lane import Lane
from mailworker.errors import Throttled, TransientError

WINDOW_MS = 61_500
#: How many calls may follow one another at once after a rest. Two cost no more than the 61st second gives,
#: so long as that second holds two calls; below, one alone keeps the limit when Redis forgets the log.
BURST = 2
_BURST_FROM_LIMIT = 122
#: A waiter who has to come back counts as present for this long after.
PRESENCE_MS = 250
#: The longest a lane waits while higher lanes take every token.
PATIENCE_MS = 10_000
FIRST_PAUSE_MS = 5_000
LONGEST_PAUSE_MS = 60_000
#: A sleeper looks up at least this often, to see whether a higher lane left or a pause ended.
_NAP_SECONDS = 0.25


#: What it means for whoever wanted to call.
UNCOUNTED = "Redis does not answer, and without it no call to Mailjet may be made"


class BucketUnavailable(TransientError):
    """Redis does not answer, so no call may be made."""

    subject = "redis"


class NoCallFree(Throttled):
    """No call to Mailjet is free at this moment, for mail goes first; try again later."""


class CallLane(IntEnum):
    """Who goes first at the bucket: the mail lanes, then everything that is no mail."""

    URGENT = Lane.URGENT
    NORMAL = Lane.NORMAL
    BULK = Lane.BULK
    CONTACTS = 3


@dataclass(frozen=True, slots=True)
class Permit:
    """One token taken: the right to make one call, named by `call_id`."""

    call_id: str


class Bucket:
    """The bucket as one worker sees it. `limit` is in calls a minute."""

    def __init__(self, redis: "Redis", limit: int, *, name: str = "mailworker:calls") -> None:
        self._redis = redis
        self._limit = limit
        self._keys = [f"{{{name}}}:log", f"{{{name}}}:pace"]
        self._take = redis.register_script(_script("take"))
        self._give_back = redis.register_script(_script("give_back"))
        self._pause = redis.register_script(_script("pause"))

    def try_take(self, lane: CallLane, call_id: str) -> float:
        """Take a token if one is free: 0.0 when taken, else the seconds until it is worth asking again.

        Raises BucketUnavailable when Redis does not answer: without the bucket nobody calls.
        """
        burst = BURST if self._limit >= _BURST_FROM_LIMIT else 1
        args = [self._limit, WINDOW_MS, burst, int(lane), PRESENCE_MS, PATIENCE_MS]
        granted, wait_ms = self._run(self._take, [*args, call_id])
        return 0.0 if granted else wait_ms / 1000

    def take(
        self, lane: CallLane, *, patience: float, worth_waiting: Callable[[], bool] = lambda: True
    ) -> Permit | None:
        """Wait for a token, `patience` seconds at most; None when it did not come in time.

        `worth_waiting` is asked between naps, so that nobody waits for a call that has become needless.
        """
        call_id = str(uuid.uuid4())
        deadline = time.monotonic() + patience
        while (wait := self.try_take(lane, call_id)) > 0:
            left = deadline - time.monotonic()
            if left <= 0 or not worth_waiting():
                return None
            time.sleep(min(wait, left, _NAP_SECONDS))
        return Permit(call_id)

    def give_back(self, permit: Permit) -> None:
        """Return a token whose call never left. Best effort: a token lost is a call less, never one more."""
        self._run(self._give_back, [permit.call_id, WINDOW_MS / self._limit])

    def pause(self, asked_seconds: float = 0.0) -> float:
        """Stop all workers' calls after a 429, and give for how many seconds."""
        args = [FIRST_PAUSE_MS, LONGEST_PAUSE_MS, int(asked_seconds * 1000)]
        return float(self._run(self._pause, args)) / 1000

    def paused(self) -> float:
        """For how many seconds nobody calls yet, after a 429; 0.0 where nobody was told so."""
        try:
            until: Any = self._redis.hget(self._keys[1], "pause_until")
            seconds, micros = self._redis.time()
        except RedisError as fault:
            raise BucketUnavailable(f"{UNCOUNTED} ({type(fault).__name__}).") from fault
        return max(float(until or 0) / 1000 - seconds - micros / 1e6, 0.0)

    def _run(self, script: Script, args: Sequence[str | float]) -> Any:
        try:
            return script(keys=self._keys, args=args)
        except RedisError as fault:
            raise BucketUnavailable(f"{UNCOUNTED} ({type(fault).__name__}).") from fault

    @property
    def keys(self) -> tuple[str, str]:
        """The two Redis keys: the log of calls, and the pace."""
        return self._keys[0], self._keys[1]


def require_call(bucket: Bucket, lane: CallLane, *, patience: float) -> None:
    """Wait for a token, `patience` seconds at most. Raises NoCallFree where none came in time."""
    if bucket.take(lane, patience=patience) is None:
        raise NoCallFree(retry_after=1.0)


def _script(name: str) -> str:
    return files(__package__).joinpath(f"{name}.lua").read_text(encoding="utf-8")
