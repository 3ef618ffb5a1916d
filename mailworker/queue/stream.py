"""A Redis Stream read by a group of workers: what is on it stays until it is acknowledged.

Redis counts how often it delivered an entry. A reader that comes back puts the count back (`release`), so a
count above one means that the readers of this entry died.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from mailworker.core.process_lock import LARGE_READS, ProcessLock
from mailworker.queue.envelope import VERSION, added_at, is_newer
from mailworker.queue.quarantine import put_away
from mailworker.queue.redis_errors import translated
from mailworker.queue.refill_log import Keeping, KeptEntries

#: An entry that nobody acknowledged for so long belongs to a dead reader, in ms.
ABANDONED_MS = 30_000
#: How soon an entry is tried again that met a passing fault, in ms.
RETRY_MS = 5_000
#: The most bytes read at once, and the largest entry that a worker's processes read side by side. One with
#: files may have 20 MB, and is in memory several times over meanwhile: one process at a time reads such.
READ_BYTES = 4_000_000
#: Entries of dead readers in one go; each is read alone.
_ABANDONED_AT_ONCE = 20
GROUP = "workers"
#: In whose name readers take entries; all workers are one consumer, for nobody reads his own again.
CONSUMER = "drain"
#: In whose name entries of a later version than the reader's wait. Nobody of that version reads in it, so
#: they cost those that come after them nothing; a newer worker takes what older ones left for it.
_LEFT = "newer-than-"

Entry = tuple[str, Mapping[str, str]]

_LUA = files("mailworker.queue")
_READ_NEW = (_LUA / "read_new.lua").read_text(encoding="utf-8")
_OLDEST = "local e = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1] return e and e[1]"
_OLDEST_VERSION = (
    "local e = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1] if not e then return false end "
    "for i = 1, #e[2], 2 do if e[2][i] == 'v' then return e[2][i + 1] end end return false"
)


def entries_of(answer: Any) -> list[Entry]:
    """Entries as a script of ours answers with them."""
    return [(entry_id, dict(zip(flat[::2], flat[1::2], strict=True))) for entry_id, flat in answer or ()]


@dataclass(frozen=True, slots=True)
class Abandoned:
    """An entry whose reader died, how often it was delivered until now, and for how long nobody had it."""

    id: str
    deliveries: int
    idle_ms: int


class GroupStream:
    """One stream, as a worker of its consumer group reads it.

    `redis` must decode its answers (`decode_responses=True`, with `encoding_errors="surrogateescape"` where
    entries may hold what is not UTF-8) and speak RESP2. Every method raises StreamUnavailable when Redis does
    not answer.
    """

    def __init__(
        self, redis: "Redis", name: str, *, at_once: int, large_reads: ProcessLock = LARGE_READS
    ) -> None:
        self.name = name
        self._large_reads = large_reads
        self._has_large = False
        self._kept: KeptEntries | None = None
        self._redis = redis
        self._at_once = at_once

    def keep(self, keeping: Keeping) -> None:
        """Keep copies of what is acknowledged from now on."""
        self._kept = KeptEntries(self._redis, self.name, keeping) if keeping.period else None

    def fresh(self) -> list[Entry]:
        """New entries, up to `at_once` and about READ_BYTES; they stay pending.

        One larger than that waits its turn among the worker's processes; `let_go` ends it.
        """
        arguments = (GROUP, CONSUMER, self._at_once, READ_BYTES)
        with translated():
            found: Any = self._with_group(lambda: self._redis.eval(_READ_NEW, 1, self.name, *arguments))
        return self._whole(entries_of(found))

    def _whole(self, entries: list[Entry]) -> list[Entry]:
        """Fetch what a script only named for its size; who took it over meanwhile keeps it."""
        if all(fields for _, fields in entries):
            return entries
        self._take_large()
        return [entry for one in entries if (entry := one if one[1] else self._fetched(one[0]))]

    def _fetched(self, entry_id: str) -> Entry | None:
        with translated():
            found: Any = self._redis.xrange(self.name, entry_id, entry_id)
        return found[0] if found else None

    def _take_large(self) -> None:
        self._has_large = self._has_large or self._large_reads.take()

    def let_go(self) -> None:
        """What was read is dealt with: another process may read large entries now."""
        if self._has_large:
            self._has_large = False
            self._large_reads.give_back()

    def abandoned(self) -> list[Abandoned]:
        """Entries whose readers died, those that waited longest first; nothing of their content is read.

        In this order no entry that meets one passing fault after the other keeps the rest waiting.
        """
        found = [one for consumer in self._readers() for one in self._pending(consumer)]
        return sorted(found, key=lambda one: -one.idle_ms)

    def _readers(self) -> list[str]:
        """In whose names there are entries, but for those that were left for a newer worker."""
        with translated():
            found: Any = self._with_group(lambda: self._redis.xinfo_consumers(self.name, GROUP))
        names = [one["name"] for one in found if one["pending"]]
        return [name for name in names if not _is_left(name)]

    def _pending(self, consumer: str) -> list[Abandoned]:
        """What nobody has worked on for so long."""
        bounds: dict[str, Any] = {"min": "-", "max": "+", "count": _ABANDONED_AT_ONCE, "idle": ABANDONED_MS}
        with translated():
            found: Any = self._with_group(
                lambda: self._redis.xpending_range(self.name, GROUP, **bounds, consumername=consumer)
            )
        return [
            Abandoned(one["message_id"], int(one["times_delivered"]), int(one["time_since_delivered"]))
            for one in found
        ]

    def claim(self, entry_id: str) -> Entry | None:
        """Take over a dead reader's entry, in turn, for it may be large; None where another was quicker."""
        self._take_large()
        with translated():
            found: Any = self._redis.xclaim(self.name, GROUP, CONSUMER, ABANDONED_MS, [entry_id])
        return next((entry for entry in found if entry[1] is not None), None)

    def release(self, entries: Sequence[Entry], *, retry_ms: int = RETRY_MS) -> None:
        """Give entries back after a passing fault, to be tried again after `retry_ms`.

        They count as delivered once, for their reader did not die.
        """
        if not entries:
            return
        ids: list[Any] = [entry_id for entry_id, _ in entries]
        idle = max(0, ABANDONED_MS - retry_ms)
        with translated():
            self._redis.xclaim(self.name, GROUP, CONSUMER, 0, ids, idle=idle, retrycount=1, justid=True)

    def leave(self, entries: Sequence[Entry]) -> None:
        """Leave entries on the stream for a newer worker, out of the way of all others."""
        if not entries:
            return
        ids: list[Any] = [entry_id for entry_id, _ in entries]
        with translated():
            self._redis.xclaim(self.name, GROUP, _LEFT + VERSION, 0, ids, retrycount=1, justid=True)

    def acknowledge(self, entries: Sequence[Entry]) -> None:
        """Remove entries whose content is safe elsewhere; where it is wanted, copies are kept for a while."""
        if not entries:
            return
        ids = [entry_id for entry_id, _ in entries]
        if self._kept is not None:
            self._kept.acknowledge(GROUP, ids)
        else:
            with translated(), self._redis.pipeline(transaction=True) as pipe:
                pipe.xack(self.name, GROUP, *ids)
                pipe.xdel(self.name, *ids)
                pipe.execute()

    def quarantine(self, entry_id: str, at: datetime) -> None:
        """Move an entry, unread, to where only a person takes it from."""
        put_away(self._redis, self.name, GROUP, entry_id, at)

    def waiting(self) -> int:
        """How many entries are on the stream, those of dead readers included."""
        with translated():
            return int(self._redis.xlen(self.name))

    def oldest(self) -> datetime | None:
        """When the oldest entry on the stream came, by Redis's clock; None where there is none."""
        with translated():
            found: Any = self._redis.eval(_OLDEST, 1, self.name)
        return added_at(found) if found else None

    def is_oldest_newer(self) -> bool:
        """Whether the oldest entry on the stream is of a later version than ours; its content stays there."""
        with translated():
            found: Any = self._redis.eval(_OLDEST_VERSION, 1, self.name)
        return is_newer({"v": found})

    def _with_group(self, read: Any) -> Any:
        """Read; where the group, or the stream itself, is not there yet, make it first."""
        try:
            return read()
        except ResponseError as fault:
            if "NOGROUP" not in str(fault) and "no such key" not in str(fault).lower():
                raise
            self._make_group()
            return read()

    def _make_group(self) -> None:
        try:
            self._redis.xgroup_create(self.name, GROUP, id="0", mkstream=True)
        except ResponseError as fault:
            if "BUSYGROUP" not in str(fault):  # another reader made it in this very moment
                raise


def _is_left(consumer: str) -> bool:
    """Whether these entries are of a later version than ours, too."""
    by = consumer.removeprefix(_LEFT)
    return by != consumer and by.isdigit() and int(by) >= int(VERSION)
