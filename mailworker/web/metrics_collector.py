"""Gathering the installation's figures: cheap questions, each source on its own, kept for some seconds."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from redis import Redis
from redis.exceptions import NoPermissionError, RedisError, ResponseError
from sqlalchemy import Connection

from mailworker.container import Container
from mailworker.core.lane import Lane
from mailworker.core.states import State
from mailworker.core.version import VERSION
from mailworker.errors import TransientError
from mailworker.ledger.campaign_rows import stopped
from mailworker.ledger.contact_counts import contact_backlog
from mailworker.ledger.holds import current_holds
from mailworker.ledger.message_counts import (
    count_tried_again,
    oldest_in_state,
    oldest_ready,
    rejected,
    tally,
    waiting_by_lane,
)
from mailworker.ledger.webhook_log import silence
from mailworker.observability.prometheus_exposition import Figures
from mailworker.observability.redis_counters import counted
from mailworker.queue import envelope, quarantine
from mailworker.queue.celery_queues import SCANS, STREAMS
from mailworker.queue.redis_rights import demand_rights
from mailworker.queue.stream import GroupStream
from mailworker.scan_registry import scans_of, unanswered_since

#: Figures younger than this, in seconds, are given again: many who ask cost no more than one.
FRESH = 5.0


class MetricsCollector:
    """The latest figures of one installation."""

    def __init__(self, container: Container, clock: Callable[[], datetime]) -> None:
        self._container = container
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: tuple[float, Figures] | None = None

    def figures(self) -> Figures:
        """The installation's figures, at most five seconds old. What does not answer is left out."""
        with self._lock:
            if self._kept is None or time.monotonic() - self._kept[0] > FRESH:
                values = self._of_ledger() | self._of_redis()
                self._kept = time.monotonic(), Figures(**values)
            return self._kept[1]

    def _of_ledger(self) -> dict[str, Any]:
        now = self._clock()
        try:
            with self._container.ledger.read() as connection:
                counts = tally(connection)
                since = oldest_ready(connection, now)
                ready, holds = waiting_by_lane(connection, now), current_holds(connection)
                found = {
                    "messages": {state.value: 0 for state in State} | dict(counts.by_state),
                    "final": counts.final,
                    "waiting": counts.waiting,
                    "ready": {lane.word: ready.get(lane, (0, 0))[0] for lane in Lane},
                    "scheduled": {lane.word: ready.get(lane, (0, 0))[1] for lane in Lane},
                    "oldest_ready": {
                        lane.word: (now - since[lane]).total_seconds() if lane in since else 0.0
                        for lane in Lane
                    },
                    "oldest_in_state": {
                        word: (now - moment).total_seconds()
                        for word, moment in oldest_in_state(connection, now).items()
                    },
                    **self._of_contacts(connection, now),
                    **self._of_outside(connection, now),
                    "rejected": rejected(connection),
                    "stopped_campaigns": tuple((row["name"], row["note"]) for row in stopped(connection)),
                    "tried_again": count_tried_again(connection),
                    "holds": tuple(hold.scope for hold in holds),
                    "held_by_hand": {
                        hold.scope: _seconds(now, hold.since) for hold in holds if hold.probe_at is None
                    },
                }
        except TransientError:
            return {}
        return found | {"ledger_takes_writes": self._ledger_takes_writes()}

    def _ledger_takes_writes(self) -> bool:
        try:
            self._container.ledger.demand_writable()
        except TransientError:
            return False
        return True

    def _of_contacts(self, connection: Connection, now: datetime) -> dict[str, Any]:
        state = contact_backlog(connection, now)
        return {
            "contacts_pending": state.pending,
            "contacts_refused": state.refused,
            "oldest_contact": _seconds(now, state.since),
        }

    def _of_outside(self, connection: Connection, now: datetime) -> dict[str, Any]:
        """What should have come from outside of the queues: a scan by its timetable, Mailjet's events."""
        settings = self._container.settings
        scans = [one for one in scans_of(self._container) if one.enabled and settings.crm.why_none is None]
        since = {one.name: unanswered_since(connection, one, now, settings.worker.timezone) for one in scans}
        missing = silence(connection, now).missing_since if settings.web.webhook_user else None
        return {
            "scans_late": {name: _seconds(now, moment) for name, moment in since.items()},
            "events_missing": _seconds(now, missing),
        }

    def _of_redis(self) -> dict[str, Any]:
        redis, streams = self._container.redis, {word: channel.stream for word, channel in STREAMS.items()}
        try:
            seconds, micros = redis.time()
            permits = _permits(redis)
            minute_ago = seconds * 1000 + micros // 1000 - 60_000
            return {
                "streams": {
                    word: int(redis.xlen(name))
                    for word, name in (streams | {"quarantine": quarantine.KEY}).items()
                },
                "calls_last_minute": int(redis.zcount(self._container.bucket.keys[0], minute_ago, "+inf")),
                "calls_limit": self._container.settings.mailjet.calls_per_minute,
                "oldest_entry": {word: _age(redis, name, seconds) for word, name in streams.items()},
                "beat_age": _beat_age(redis, seconds + micros / 1e6),
                "rounds_waiting": int(redis.llen(SCANS)) if permits else 0,
                "beats": int(
                    redis.zcount(envelope.BEATS_KEY, seconds - envelope.BEAT_SILENCE.total_seconds(), "+inf")
                ),
                "breaker_open": self._container.breaker.open_seconds(),
                "calls_paused": self._container.bucket.paused(),
                "redis_full": _full(redis),
                "redis_takes_writes": permits and _takes_writes(redis),
                "version": VERSION,
                "counted": counted(redis),
            }
        except (RedisError, TransientError):
            return {}


def _beat_age(redis: "Redis", now: float) -> float | None:
    """Seconds since beat's last sign, by Redis's clock, as the sign is; one of the future is as old."""
    last: Any = redis.get(envelope.BEAT_KEY)
    return abs(now - datetime.fromisoformat(last).timestamp()) if last else None


def _seconds(now: datetime, since: datetime | None) -> float:
    """How long it lasts; 0 where nothing began."""
    return (now - since).total_seconds() if since is not None else 0.0


def _permits(redis: "Redis") -> bool:
    """Whether its ACL lets our user do what Celery does; else no worker lives, and no job comes."""
    try:
        demand_rights(redis)
    except NoPermissionError:
        return False
    return True


def _takes_writes(redis: "Redis") -> bool:
    """Full, or a replica, Redis refuses jobs and beat's sign. Read: a scrape adds nothing to Redis."""
    return _info(redis, "replication").get("role") != "slave" and _full(redis) < 1


def _full(redis: "Redis") -> float:
    """Which share of `maxmemory` is used; 0 where there is no bound, or none that is told."""
    memory = _info(redis, "memory")
    most = int(memory.get("maxmemory", 0))
    return int(memory.get("used_memory", 0)) / most if most else 0.0


def _info(redis: "Redis", section: str) -> Mapping[str, Any]:
    """What Redis tells of itself; nothing where our user may not ask (`-@dangerous`, some hosted ones)."""
    try:
        return dict(redis.info(section))
    except ResponseError:
        return {}


def _age(redis: "Redis", stream: str, now: int) -> float:
    """Seconds since the oldest entry was added, by Redis's clock; 0 for an empty stream."""
    oldest = GroupStream(redis, stream, at_once=1).oldest()
    return max(now - oldest.timestamp(), 0.0) if oldest else 0.0
