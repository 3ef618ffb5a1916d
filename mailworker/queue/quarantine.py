"""When a stream entry that ended its readers is read no more, and where it goes: to what only people empty.

An entry moves there inside Redis, so that no process has to hold what others died of.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis import Redis

from mailworker.errors import BadInput
from mailworker.queue.redis_errors import translated

KEY = "mailworker:quarantine"
#: An entry that was delivered so often ended a reader each time: once among others, then alone.
MOST_DELIVERIES = 4

_PUT_AWAY = """
local found = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])[1]
if found then
  redis.call('XADD', KEYS[2], '*', 'stream', KEYS[1], 'entry', ARGV[2], 'since', ARGV[3], unpack(found[2]))
end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
redis.call('XDEL', KEYS[1], ARGV[2])
return found and 1 or 0
"""
_LIST = """
local found = {}
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', tonumber(ARGV[1]))) do
  local bytes = 0
  for place = 7, #entry[2] do bytes = bytes + #entry[2][place] end
  found[#found + 1] = {entry[1], entry[2][2], entry[2][4], entry[2][6], bytes}
end
return found
"""
_RELEASE = """
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not found then return 0 end
redis.call('XADD', found[2][2], '*', unpack(found[2], 7))
redis.call('XDEL', KEYS[1], ARGV[1])
return 1
"""
#: How Redis names an entry; it refuses other words as an error.
_ID = re.compile(r"[0-9]{1,19}(?:-[0-9]{1,19})?")
_UNKNOWN = "id: no entry in quarantine has it; `mailworker quarantine list` shows them."


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One entry in quarantine: its id there, where it came from, since when, and how large it is."""

    id: str
    stream: str
    entry: str
    since: datetime
    bytes: int


def belongs_in_quarantine(deliveries: int) -> str | None:
    """Why an entry that was delivered so often is not read any more; None where it still is."""
    died = f"its reader ended each of the {deliveries} times that it was read"
    return died if deliveries >= MOST_DELIVERIES else None


def put_away(redis: "Redis", stream: str, group: str, entry_id: str, at: datetime) -> None:
    """Move an entry from its stream into quarantine. Raises StreamUnavailable."""
    with translated():
        redis.eval(_PUT_AWAY, 2, stream, KEY, group, entry_id, at.isoformat())


def quarantined(redis: "Redis", *, limit: int) -> list[Quarantined]:
    """The oldest entries in quarantine, without their content. Raises StreamUnavailable."""
    with translated():
        found: Any = redis.eval(_LIST, 1, KEY, limit)
    return [
        Quarantined(id_, stream, entry, datetime.fromisoformat(since), int(size))
        for id_, stream, entry, since, size in found
    ]


def in_quarantine(redis: "Redis") -> int:
    """How many entries are in quarantine. Raises StreamUnavailable."""
    with translated():
        return int(redis.xlen(KEY))


def give_back(redis: "Redis", id_: str) -> None:
    """Put an entry back on its stream, to be read again. Raises BadInput for an unknown id."""
    _take_out(id_, lambda: redis.eval(_RELEASE, 1, KEY, id_))


def throw_away(redis: "Redis", id_: str) -> None:
    """Delete an entry in quarantine for good. Raises BadInput for an unknown id."""
    _take_out(id_, lambda: redis.xdel(KEY, id_))


def _take_out(id_: str, change: Callable[[], Any]) -> None:
    with translated():
        known = change() if _ID.fullmatch(id_) else 0
    if not known:
        raise BadInput(_UNKNOWN)


class QuarantinedEntries:
    """The quarantine, where somebody is to be forgotten. Raises StreamUnavailable when Redis does not answer.

    `redis` must decode its answers.
    """

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    def forget(self, is_meant: Callable[[dict[str, str]], bool]) -> int:
        """Delete the entries that are meant; give how many."""
        done, after = 0, "-"
        while True:
            with translated():
                found: Any = self._redis.xrange(KEY, min=after, count=1)  # one may have 20 MB
            if not found:
                return done
            id_, fields = found[0]
            if is_meant(fields):
                throw_away(self._redis, id_)
                done += 1
            after = f"({id_}"
