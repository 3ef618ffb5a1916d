"""Which store each worker host uses: all have to use the same one, or a host lacks what another rendered."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from redis import Redis

from mailworker.queue.unavailable import translated

KEY = "mailworker:stores"
#: A host that said nothing for so long works no more.
GONE = timedelta(minutes=10)


def note_store(redis: "Redis", host: str, mark: str, now: datetime) -> None:
    """Say which store this host uses. Raises StreamUnavailable."""
    with translated():
        redis.hset(KEY, host, json.dumps([mark, now.isoformat()]))


def stores_in_use(redis: "Redis", now: datetime) -> dict[str, str]:
    """The mark of each working host's store, by the host's name. Raises StreamUnavailable."""
    with translated():
        found: Any = redis.hgetall(KEY)
        stores, gone = {}, []
        for host, text in found.items():
            mark, at = json.loads(text)
            if now - datetime.fromisoformat(at) < GONE:
                stores[host] = mark
            else:
                gone.append(host)
        if gone:
            redis.hdel(KEY, *gone)
    return stores


def differing(stores: Mapping[str, str]) -> str:
    """One sentence where hosts use different stores, else nothing."""
    if len(set(stores.values())) <= 1:
        return ""
    hosts = ", ".join(sorted(stores))
    return (
        f"These hosts do not share one store of PDFs: {hosts}. What one renders the others cannot send; name "
        "one shared folder or an object store's URL in invoice.store on all of them."
    )
