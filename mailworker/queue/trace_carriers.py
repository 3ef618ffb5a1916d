"""Which trace a message belongs to, between its acceptance and its call: on Redis, for it may be lost."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from redis import Redis

from mailworker.queue.redis_errors import translated

_KEY = "mailworker:trace:{}"
#: A message that leaves later than this has no trace any more.
KEPT = timedelta(days=1)


def remember_traces(redis: "Redis", carriers: Mapping[str, str]) -> None:
    """Keep each message's carrier. Raises StreamUnavailable."""
    if not carriers:
        return
    with translated(), redis.pipeline(transaction=False) as pipe:
        for message_id, carrier in carriers.items():
            pipe.set(_KEY.format(message_id), carrier, ex=KEPT)
        pipe.execute()


def recall_traces(redis: "Redis", ids: Sequence[str]) -> dict[str, str]:
    """The carriers of those that have one. Raises StreamUnavailable."""
    if not ids:
        return {}
    with translated():
        found = redis.mget([_KEY.format(one) for one in ids])
    return {one: str(carrier) for one, carrier in zip(ids, found, strict=True) if carrier}
