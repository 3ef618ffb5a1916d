"""What was taken off a stream, kept for a while: a ledger that lost its last commits is filled from it.

A ledger that was restored, or whose standby was promoted before it had everything, lacks jobs that were
acknowledged here. Each stream has a stream of kept entries, bounded in time and in bytes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any

from redis import Redis

from mailworker.core.lane import Lane
from mailworker.queue.envelope import added_at
from mailworker.queue.redis_errors import translated

Entry = tuple[str, dict[str, str]]

#: Kept entries in one answer of Redis's; one with files may have 20 MB.
_AT_ONCE = 20
_URGENT_PERIOD = timedelta(minutes=5)
_ENTRY, _BYTES = "kept:entry", "kept:bytes"
_KEEP = (files("mailworker.queue") / "keep.lua").read_text(encoding="utf-8")
_ADD = """
local clock, size = redis.call('TIME'), 0
for place = 2, #ARGV do size = size + #ARGV[place] end
if size > tonumber(ARGV[1]) then return 0 end
local id = (clock[1] * 1000 + math.floor(clock[2] / 1000)) .. '-0'
redis.call('XADD', KEYS[1], '*', 'kept:entry', id, 'kept:bytes', size, unpack(ARGV, 2))
redis.call('INCRBY', KEYS[2], size)
return 1
"""
_DROP = """
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not found then return 0 end
redis.call('XDEL', KEYS[1], ARGV[1])
redis.call('DECRBY', KEYS[2], found[2][4])
return 1
"""


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long entries are kept after their acknowledgement, and how many bytes of them each stream."""

    period: timedelta
    max_bytes: int

    def of_lane(self, lane: Lane) -> "Keeping":
        """The same for a lane's jobs: urgent ones carry links that open accounts, and are kept briefly."""
        return replace(self, period=min(self.period, _URGENT_PERIOD)) if lane is Lane.URGENT else self


@dataclass(frozen=True, slots=True)
class KeptFigures:
    """How many entries are kept, how large they are, and when the first and the last was acknowledged."""

    entries: int
    bytes: int
    since: datetime | None = None
    until: datetime | None = None


class KeptEntries:
    """The kept entries of one stream. Every method raises StreamUnavailable when Redis does not answer.

    `redis` must decode its answers, as for a GroupStream.
    """

    def __init__(self, redis: "Redis", stream: str, keeping: Keeping) -> None:
        self.stream = stream
        self._redis = redis
        self._keeping = keeping
        self._name = f"{stream}:kept"
        self._size = f"{stream}:kept:bytes"

    @property
    def period(self) -> timedelta:
        """For how long entries are kept, where their bytes allow it."""
        return self._keeping.period

    def acknowledge(self, group: str, ids: list[str]) -> None:
        """Take these entries off their stream, and keep them; forget what is too old or too much by now."""
        period_ms = self.period // timedelta(milliseconds=1)
        arguments: list[Any] = [group, period_ms, self._keeping.max_bytes, *ids]
        with translated():
            self._redis.eval(_KEEP, 3, self.stream, self._name, self._size, *arguments)

    def add(self, entries: Sequence[Mapping[Any, Any]]) -> None:
        """Keep what came another way than by the stream, as if it had been acknowledged there now."""
        if not entries or not self.period:
            return
        with translated(), self._redis.pipeline(transaction=False) as pipe:
            for fields in entries:
                texts = [part for pair in fields.items() for part in pair]
                pipe.eval(_ADD, 2, self._name, self._size, self._keeping.max_bytes, *texts)
            pipe.execute()
        self.forget_old()

    def forget_old(self) -> None:
        """Forget what is too old, also where nothing new comes."""
        self.acknowledge("", [])

    def put_back(self) -> int:
        """Put copies of all kept entries back on their stream, to be read once more; give how many."""
        done = 0
        for _, fields in self.entries():
            again: dict[Any, Any] = dict(fields)
            with translated():
                self._redis.xadd(self.stream, again)
            done += 1
        return done

    def entries(self) -> Iterator[Entry]:
        """The kept entries, the oldest first, under the ids that they had on their stream."""
        for _, entry_id, fields in self._all():
            yield entry_id, fields

    def find(self, entry_id: str) -> dict[str, str] | None:
        """The fields of the entry that had this id on its stream, while it is kept."""
        return next((fields for one, fields in self.entries() if one == entry_id), None)

    def forget(self, is_meant: Callable[[dict[str, str]], bool]) -> int:
        """Delete the kept entries that are meant; give how many."""
        done = 0
        for kept_id, _, fields in self._all():
            if is_meant(fields):
                with translated():
                    done += int(self._redis.eval(_DROP, 2, self._name, self._size, kept_id))
        return done

    def figures(self) -> KeptFigures:
        """What is kept at this moment."""
        with translated():
            first: Any = self._redis.xrange(self._name, count=1)
            last: Any = self._redis.xrevrange(self._name, count=1)
            size = int(self._redis.get(self._size) or 0)
            count = int(self._redis.xlen(self._name))
        return KeptFigures(count, size, *(added_at(kept_id) for kept_id, _ in [*first, *last]))

    def _all(self) -> Iterator[tuple[str, str, dict[str, str]]]:
        """What is kept at the beginning: what is read again may be kept again meanwhile."""
        with translated():
            newest: Any = self._redis.xrevrange(self._name, count=1)
        after, last = "-", newest[0][0] if newest else "-"
        while True:
            with translated():
                found: Any = self._redis.xrange(self._name, min=after, max=last, count=_AT_ONCE)
            for kept_id, fields in found:
                entry_id = fields.pop(_ENTRY)
                fields.pop(_BYTES)
                yield kept_id, entry_id, fields
            if not found:
                return
            after = f"({found[-1][0]}"
