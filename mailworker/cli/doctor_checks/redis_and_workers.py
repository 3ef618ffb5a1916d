"""Redis, and who is alive behind it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError, ResponseError

from mailworker.cli.local_stack.production_workers import CREW
from mailworker.queue import envelope

#: Beat has somebody look every five seconds; four times that is silence.
SILENCE = timedelta(seconds=20)
#: Leases and times of sending are compared over machines.
MOST_SKEW = timedelta(seconds=5)
_PATIENCE = 2.0


def unreachable(redis: "Redis") -> list[str]:
    """Whether Redis answers. Its URL stays untold: it may carry a password."""
    try:
        redis.ping()
    except RedisError as fault:
        return [f"Redis does not answer ({type(fault).__name__}): start it, or correct worker.redis_url."]
    return []


def forgetful(redis: "Redis") -> list[str]:
    """Whether Redis would lose or throw away jobs that clients were told are safe."""
    try:
        found: dict[Any, Any] = {}
        for name in ("appendonly", "appendfsync", "maxmemory-policy"):
            found |= redis.config_get(name)
    except ResponseError:
        return ["Redis forbids CONFIG, so nobody can tell here whether it has AOF and noeviction: make sure."]
    wrong = {
        "Redis keeps nothing over a restart: set `appendonly yes`.": found.get("appendonly") != "yes",
        "Redis may lose the last second at a crash: set `appendfsync always`.": found.get("appendonly")
        == "yes"
        and found.get("appendfsync") != "always",
        "Redis throws jobs away when it is full: set `maxmemory-policy noeviction`.": found.get(
            "maxmemory-policy"
        )
        != "noeviction",
    }
    return [sentence for sentence, is_wrong in wrong.items() if is_wrong]


def clock_skew(redis: "Redis", clock: Callable[[], datetime]) -> list[str]:
    """Whether this host's clock and Redis's agree; the answer's own way is not their fault."""
    before = clock()
    answer: Any = redis.time()
    after = clock()
    there = datetime.fromtimestamp(answer[0] + answer[1] / 1_000_000, UTC)
    skew = max(before - there, there - after, timedelta(0))
    if skew <= MOST_SKEW:
        return []
    return [
        f"This host's clock and Redis's are {skew.total_seconds():.0f} s apart: run an NTP client on both."
    ]


def unattended(redis_url: str) -> list[str]:
    """Which queues no worker listens to."""
    visitor = Celery("doctor", broker=redis_url, set_as_current=False)
    try:
        told = visitor.control.inspect(timeout=_PATIENCE).active_queues() or {}
    except OperationalError as fault:
        return [f"The workers cannot be asked ({type(fault).__name__}); see Redis above."]
    finally:
        visitor.close()
    attended = {queue["name"] for queues in told.values() for queue in queues}
    if not attended:
        return ["No worker answers: start them, as docker-compose.yml or `mailworker dev` does."]
    return [
        f"Nobody listens to {queue}: start a worker with -Q {','.join(crew.queues)}."
        for crew in CREW
        for queue in crew.queues
        if queue not in attended
    ]


def no_beat(redis: "Redis", now: datetime) -> list[str]:
    """Whether beat has had somebody look lately."""
    told: Any = redis.get(envelope.BEAT_KEY)
    if told is None:
        return ["Beat was never heard: start one `celery -A tasks beat`, and a worker for the queue scans."]
    silent = now - datetime.fromisoformat(told)
    if silent <= SILENCE:
        return []
    return [
        f"Beat was last heard {silent.total_seconds():.0f} s ago: start it again, and a worker for scans."
    ]
