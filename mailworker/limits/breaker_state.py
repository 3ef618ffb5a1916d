"""The circuit breaker that all workers share: one key in Redis; its rules are in `rules.circuit_breaker`.

Where Redis forgets it, the next call is a careful one, and a sick Mailjet is found out anew.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, astuple, replace
from typing import Any, TypeVar

from redis import Redis
from redis.exceptions import RedisError

from mailworker.errors import TransientError
from mailworker.limits.rate_limit_by_lane import WINDOW_MS
from mailworker.rules import circuit_breaker as rules
from mailworker.rules.circuit_breaker import Circuit, Clearance, UnderWay
from mailworker.rules.operator_alarms import outage_alarm

#: Workers of earlier versions share another: neither could read what the other writes.
KEY = "mailworker:breaker:2"
_Result = TypeVar("_Result")


class BreakerUnavailable(TransientError):
    """Redis does not answer, so nobody knows whether a call may leave."""


class Breaker:
    """The breaker as one worker sees it. `limit` is in calls a minute, `most` the messages without an answer.

    Every method may raise BreakerUnavailable.
    """

    def __init__(self, redis: "Redis", limit: int, most: int, *, key: str = KEY) -> None:
        self._redis = redis
        self._pace = WINDOW_MS / 1000 / limit
        self._most = most
        self._key = key

    def wait(self, *, urgent: bool = False) -> float:
        """In how many seconds it is worth asking for a call, perhaps for urgent mail; 0.0: now."""

        def ask(circuit: Circuit, now: float) -> tuple[Circuit, float]:
            return circuit, rules.clearance(circuit, now, self._pace, self._most, urgent=urgent).wait

        return self._change(ask)

    def enter(self, call_id: str, *, urgent: bool = False) -> tuple[Clearance, str]:
        """Let a call leave if it may (`wait` is 0.0 then), and give an alarm for the operator."""

        def change(circuit: Circuit, now: float) -> tuple[Circuit, tuple[Clearance, str]]:
            after, cleared = rules.enter(circuit, call_id, now, self._pace, self._most, urgent=urgent)
            return after, (cleared, outage_alarm(circuit, after))

        return self._change(change)

    def carry(self, call_id: str, messages: int) -> None:
        """The call carries so many messages, fewer than it might."""
        self._change(lambda circuit, _now: (rules.carrying(circuit, call_id, messages), None))

    def leave(self, call_id: str) -> None:
        """The call did not leave after all."""
        self._change(lambda circuit, _now: (rules.left_out(circuit, call_id), None))

    def answered(self, call_id: str) -> str:
        """Mailjet answered. Gives an alarm for the operator, or nothing."""
        return self._note(lambda circuit, now: rules.answered(circuit, call_id, now))

    def unanswered(self, call_id: str, reason: str, retry_after: float = 0.0) -> str:
        """Nobody saw the call's outcome, or it could not leave. Gives an alarm for the operator."""
        return self._note(lambda circuit, now: rules.unanswered(circuit, call_id, now, reason, retry_after))

    def found(self, messages: int) -> None:
        """A look-up showed that Mailjet took so many messages that it did not answer."""
        self._change(lambda circuit, _now: (rules.found(circuit, messages), None))

    def open_seconds(self) -> float:
        """For how long Mailjet has been out of order; 0.0 while it answers."""
        return self._change(lambda circuit, now: (circuit, rules.open_for(circuit, now)))

    def slowed_to(self) -> int:
        """How many messages a minute leave where Mailjet's slow answers halve the speed, or worse; else 0."""
        return rules.slowed_to(self.state(), self._pace, self._most)

    def state(self) -> Circuit:
        """How things stand, for who shows it."""
        return self._change(lambda circuit, _now: (circuit, circuit))

    def _note(self, step: Callable[[Circuit, float], Circuit]) -> str:
        def change(circuit: Circuit, now: float) -> tuple[Circuit, str]:
            after = step(circuit, now)
            return after, outage_alarm(circuit, after)

        return self._change(change)

    def _change(self, change: Callable[[Circuit, float], tuple[Circuit, _Result]]) -> _Result:
        """Read, decide, write; again when somebody else wrote in between. Redis's clock is everybody's."""
        result: list[_Result] = []

        def attempt(pipe: Any) -> None:
            seconds, micros = pipe.time()
            now = seconds + micros / 1e6
            kept = _read(pipe.get(self._key))
            after, answer = change(rules.by_this_clock(kept, now), now)
            result[:] = [answer]
            pipe.multi()
            if after != kept:
                pipe.set(self._key, _written(replace(after, noted_at=now)))

        try:
            self._redis.transaction(attempt, self._key)
        except RedisError as fault:
            raise BreakerUnavailable(
                f"Redis does not answer; without it Mailjet is not called ({type(fault).__name__})."
            ) from fault
        return result[0]


def _read(kept: str | None) -> Circuit:
    """The circuit as it was written; a fresh one where another version wrote something else."""
    try:
        values = json.loads(kept) if kept else {}
        under_way = tuple(UnderWay(*one) for one in values.pop("under_way", ()))
        return Circuit(**values, under_way=under_way)
    except (ValueError, TypeError, AttributeError):
        return Circuit()


def _written(circuit: Circuit) -> str:
    values = asdict(circuit)
    values["under_way"] = [list(astuple(one)) for one in circuit.under_way]
    return json.dumps(values)
