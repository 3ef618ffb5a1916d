"""Counts that all processes share: fields of one Redis hash, each a name with its labels.

Workers come and go, and several run on one host; the counts of all of them together are what an operator
wants to see, so none of them keeps its own.
"""

import json
from collections.abc import Mapping
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from mailworker.observability.logs import get_log

KEY = "mailworker:counters"
_log = get_log("mailworker.observability")


def count(redis: "Redis", name: str, by: Mapping[str, int], *, label: str) -> None:
    """Add to `name`, for each value of its label. A count that Redis did not take is lost, work is not."""
    try:
        with redis.pipeline(transaction=False) as pipe:
            for value, number in by.items():
                pipe.hincrby(KEY, json.dumps([name, label, value]), number)
            pipe.execute()
    except RedisError as fault:
        _log.warning("counts lost", name=name, why=type(fault).__name__)


def counted(redis: "Redis") -> dict[tuple[str, str, str], int]:
    """All counts, by name, label and the label's value."""
    found: Any = redis.hgetall(KEY)
    return {_key(field): int(number) for field, number in found.items()}


def _key(field: str) -> tuple[str, str, str]:
    name, label, value = json.loads(field)
    return name, label, value
