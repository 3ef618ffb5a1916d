"""A stream on which nobody waits for a flood: many entries for one recipient come after all others.

Entries are set aside in Redis itself: they stay pending, in the name of a consumer that nobody reads for. So
no process holds them, none is lost with it, and their order stays. To look at entries costs a tenth of what
it takes to write them into the ledger, and that is all for which somebody else waits. One reader at a time
works on those that were set aside, so that all others are free.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from importlib.resources import files
from typing import Any

from redis import Redis

from mailworker.queue.redis_errors import translated
from mailworker.queue.stream import (
    ABANDONED_MS,
    GROUP,
    READ_BYTES,
    Entry,
    GroupStream,
    entries_of,
)

#: More entries than this for one recipient in one go are a flood.
FAIR_SHARE = 5
#: How many entries one go looks at, at the most, before some of the flood get their turn.
_MOST_LOOKS = 40
#: So long one is remembered whose entries were set aside, in seconds; less where none of them waits any more.
_REMEMBER_SECONDS = 600
_ASIDE = "aside"
_READER = "aside-reader"
_READ_ASIDE = (files("mailworker.queue") / "read_aside.lua").read_text(encoding="utf-8")

#: The canonical recipients in an entry; nobody where it cannot be read.
RecipientsOf = Callable[[Entry], Collection[str]]


class FairStream(GroupStream):
    """A stream whose entries have recipients; `recipients_of` reads them."""

    def __init__(
        self,
        redis: "Redis",
        name: str,
        *,
        looks_at: int,
        at_once: int,
        recipients_of: RecipientsOf,
    ) -> None:
        super().__init__(redis, name, at_once=looks_at)
        self._flooded = f"{name}:aside"
        self._aside_at_once = at_once
        self._recipients_of = recipients_of

    def fresh(self) -> list[Entry]:
        """New entries without those of a flood; where there are none, some of the flood's, in their order."""
        for _ in range(_MOST_LOOKS):
            found = super().fresh()
            if not found:
                break
            if fair := self._without_floods(found):
                return fair
        return self._from_aside()

    def _readers(self) -> list[str]:
        """As every stream's; an entry that was set aside has no reader that could have died."""
        return [name for name in super()._readers() if name != _ASIDE]

    def _without_floods(self, entries: Sequence[Entry]) -> list[Entry]:
        """Set aside what is of a flood; who has entries there gets no later one before them."""
        recipients = [{_digest(name) for name in self._recipients_of(entry)} for entry in entries]
        counts = Counter(name for names in recipients for name in names)
        flooded = {name for name, count in counts.items() if count > FAIR_SHARE} | self._known()
        owners = {entry[0]: names & flooded for entry, names in zip(entries, recipients, strict=True)}
        aside = [entry_id for entry_id, names in owners.items() if names]
        if aside:
            self._set_aside(aside, set().union(*owners.values()))
        return [entry for entry in entries if not owners[entry[0]]]

    def _known(self) -> set[str]:
        with translated():
            found: Any = self._redis.smembers(self._flooded)
        return set(found)

    def _set_aside(self, ids: list[Any], flooded: Collection[str]) -> None:
        with translated(), self._redis.pipeline(transaction=True) as pipe:
            pipe.sadd(self._flooded, *flooded)
            pipe.expire(self._flooded, _REMEMBER_SECONDS)
            pipe.xclaim(self.name, GROUP, _ASIDE, 0, ids, justid=True)
            pipe.execute()

    def _from_aside(self) -> list[Entry]:
        keys = (self.name, self._flooded)
        arguments = (GROUP, _ASIDE, _READER, self._aside_at_once, READ_BYTES, ABANDONED_MS)
        with translated():
            found: Any = self._redis.eval(_READ_ASIDE, len(keys), *keys, *arguments)
        return self._whole(entries_of(found))


def _digest(name: str) -> str:
    """A recipient as Redis remembers them: no address."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
