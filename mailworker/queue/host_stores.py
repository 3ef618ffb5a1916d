"""Which store each worker host uses: all have to use the same one, or a host lacks what another rendered."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from redis import Redis

from mailworker.queue.redis_errors import translated

KEY = "mailworker:stores"
#: A host that reported nothing for so long works no more.
GONE = timedelta(minutes=10)
#: Two hosts of one name both report within this time; one whose store was changed reports the new one only.
_BOTH = timedelta(minutes=3)


def note_store(redis: "Redis", host: str, mark: str, now: datetime) -> None:
    """Say which store this host uses. Raises StreamUnavailable."""
    with translated():
        redis.hset(KEY, f"{host} {mark}", json.dumps([mark, now.isoformat()]))


def stores_in_use(redis: "Redis", now: datetime) -> dict[str, str]:
    """The mark of each working host's store, by the host's name. Raises StreamUnavailable.

    Where hosts of one name have several stores, each has its mark behind the name.
    """
    with translated():
        found: Any = redis.hgetall(KEY)
        seen: dict[str, dict[str, datetime]] = {}
        gone = []
        for field, text in found.items():
            mark, at = json.loads(text)
            if now - (moment := datetime.fromisoformat(at)) < GONE:
                seen.setdefault(field.partition(" ")[0], {})[mark] = moment
            else:
                gone.append(field)
        if gone:
            redis.hdel(KEY, *gone)
    return {name: mark for host, marks in seen.items() for name, mark in _named(host, marks)}


def _named(host: str, marks: Mapping[str, datetime]) -> list[tuple[str, str]]:
    newest = max(marks.values())
    current = [mark for mark, at in sorted(marks.items()) if newest - at < _BOTH]
    return [(host if len(current) == 1 else f"{host} ({mark[:6]})", mark) for mark in current]


def differing(stores: Mapping[str, str]) -> str:
    """One sentence where hosts use different stores, else nothing."""
    if len(set(stores.values())) <= 1:
        return ""
    hosts = ", ".join(sorted(stores))
    return (
        f"These hosts do not share one store of PDFs: {hosts}. What one renders the others cannot send; name "
        "one shared folder or an object store's URL in invoice.store on all of them."
    )
