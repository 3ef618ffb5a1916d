"""A Redis Stream read by a group of workers: what is on it stays until it is acknowledged."""

from collections.abc import Mapping
from typing import Any

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from mailworker.errors import TransientError

#: An entry that nobody acknowledged for so long belongs to a dead worker, in ms.
ABANDONED_MS = 30_000
_CONSUMER = "drain"

Entry = tuple[str, Mapping[str, str]]


class StreamUnavailable(TransientError):
    """Redis does not answer; what waits on the stream stays there."""


class GroupStream:
    """One stream, as a worker of its consumer group reads it.

    `redis` must decode its answers (`decode_responses=True`) and speak RESP2. Every method raises
    StreamUnavailable when Redis does not answer.
    """

    def __init__(self, redis: "Redis", name: str, group: str, *, at_once: int) -> None:
        self._redis = redis
        self._name = name
        self._group = group
        self._at_once = at_once

    def read(self) -> list[Entry]:
        """Up to `at_once` entries: those of dead workers first, then new ones. They stay pending."""
        try:
            return self._read()
        except RedisError as fault:
            raise _unavailable(fault) from fault

    def acknowledge(self, entries: list[Entry]) -> None:
        """Remove entries whose content is safe elsewhere."""
        if not entries:
            return
        ids = [entry_id for entry_id, _ in entries]
        try:
            with self._redis.pipeline(transaction=True) as pipe:
                pipe.xack(self._name, self._group, *ids)
                pipe.xdel(self._name, *ids)
                pipe.execute()
        except RedisError as fault:
            raise _unavailable(fault) from fault

    def waiting(self) -> int:
        """How many entries are on the stream, those in a dead worker's hands included."""
        try:
            return int(self._redis.xlen(self._name))
        except RedisError as fault:
            raise _unavailable(fault) from fault

    def forget_flag(self, key: str) -> None:
        """Take down the flag that says a ticket for this stream is on its way."""
        try:
            self._redis.delete(key)
        except RedisError as fault:
            raise _unavailable(fault) from fault

    def _read(self) -> list[Entry]:
        try:
            abandoned = self._redis.xautoclaim(
                self._name, self._group, _CONSUMER, min_idle_time=ABANDONED_MS, count=self._at_once
            )
        except ResponseError as fault:
            if "NOGROUP" not in str(fault):
                raise
            self._redis.xgroup_create(self._name, self._group, id="0", mkstream=True)
            return self._read()
        if entries := list(abandoned[1]):
            return entries
        fresh: Any = self._redis.xreadgroup(self._group, _CONSUMER, {self._name: ">"}, count=self._at_once)
        return [entry for _, entries in fresh for entry in entries]


def _unavailable(fault: RedisError) -> StreamUnavailable:
    return StreamUnavailable(f"Redis does not answer: {type(fault).__name__}.")
