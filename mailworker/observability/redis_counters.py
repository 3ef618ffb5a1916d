"""Counts that all processes share: fields of one Redis hash, each a name with its labels.

Workers come and go, and several run on one host; the counts of all of them together are what an operator
wants to see, so none of them keeps its own. What one task counted is written in one go.
"""

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from mailworker.core.states import State
from mailworker.observability.logs import get_log
from mailworker.observability.metric_definitions import FAILED, OUTCOMES, OWN, CounterOf, HistogramOf

KEY = "mailworker:counters"
#: A histogram's own label, and its values beside the bounds: above all of them, and the sum in microseconds.
BOUND, ABOVE, SUM = "le", "+Inf", "sum"
_log = get_log("mailworker.observability")

#: A name and its labels with their values.
Labelled = tuple[str, tuple[tuple[str, str], ...]]


class CounterTally:
    """What one piece of work counted. `write` adds it to what all have counted, and empties it."""

    def __init__(self) -> None:
        self._fields: Counter[Labelled] = Counter()

    def count(self, what: CounterOf, by: int = 1, **labels: str) -> None:
        """Count `by` more."""
        if by:
            self._fields[_labelled(what, labels)] += by

    def observe(self, what: HistogramOf, value: float, **labels: str) -> None:
        """Note one value; below zero, by a clock that was set, it counts as zero."""
        value = max(value, 0.0)
        index = bisect_left(what.bounds, value)
        bound = f"{what.bounds[index]:g}" if index < len(what.bounds) else ABOVE
        name, pairs = _labelled(what, labels)
        self._fields[name, (*pairs, (BOUND, bound))] += 1
        self._fields[name, (*pairs, (BOUND, SUM))] += round(value * 1_000_000)

    def write(self, redis: "Redis") -> None:
        """Add it to the shared counts. What Redis did not take is lost, work is not."""
        fields, self._fields = self._fields, Counter()
        if not fields:
            return
        try:
            with redis.pipeline(transaction=False) as pipe:
                for (name, labels), number in fields.items():
                    pipe.hincrby(KEY, json.dumps([name, labels]), number)
                pipe.execute()
        except RedisError as fault:
            _log.warning("counts lost", names=sorted({name for name, _ in fields}), why=type(fault).__name__)


def count_outcomes(tally: CounterTally, outcomes: Mapping[State, int], codes: Iterable[str] = ()) -> None:
    """Count what became of messages, and why they failed: by `codes`, the others by our own word."""
    for state, number in outcomes.items():
        tally.count(OUTCOMES, number, outcome=state.value)
    failed = Counter(code or OWN for code in codes)
    failed[OWN] += outcomes.get(State.FAILED, 0) - failed.total()
    for code, number in failed.items():
        tally.count(FAILED, number, code=code)


def count(redis: "Redis", what: CounterOf, by: Mapping[str, int]) -> None:
    """Add to a count with one label, for each value of it."""
    tally, (label,) = CounterTally(), what.labels
    for value, number in by.items():
        tally.count(what, number, **{label: value})
    tally.write(redis)


def counted(redis: "Redis") -> dict[Labelled, int]:
    """All counts, by name and labels."""
    found: Any = redis.hgetall(KEY)
    counts: Counter[Labelled] = Counter()
    for field, number in found.items():
        counts[_key(field)] += int(number)
    return dict(counts)


def _labelled(what: CounterOf | HistogramOf, labels: Mapping[str, str]) -> Labelled:
    return what.name, tuple((name, labels[name]) for name in what.labels)


def _key(field: str) -> Labelled:
    name, *rest = json.loads(field)
    if len(rest) == 2:  # as counts with one label were written at first
        return name, ((rest[0], rest[1]),)
    return name, tuple((label, value) for label, value in rest[0])
