"""Waking a channel's workers: at most one Celery task on its way, however many reasons there are."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from mailworker.queue.celery_queues import Channel
from mailworker.queue.redis_errors import translated

if TYPE_CHECKING:
    from celery import Celery

#: A flag stands for so long at most: where the wake-up was lost, the next reason makes another one.
FLAG_MS = 2_000
NOW = timedelta(0)


def raise_flag(redis: Any, channel: Channel, *, after: timedelta = NOW) -> Any:
    """Say that a wake-up is on its way. A Redis answers true where none was; a pipeline answers later."""
    return redis.set(channel.flag, "1", nx=True, px=FLAG_MS + int(after.total_seconds() * 1000))


def lower_flag(redis: "Redis", channel: Channel) -> None:
    """Say that the wake-up has come: the next reason sends another. Raises StreamUnavailable."""
    with translated():
        redis.delete(channel.flag)


def send_wake_up(celery: "Celery", channel: Channel, *, after: timedelta = NOW) -> str:
    """Send the Celery task. Gives what kept it from going, or ""; the sweep comes all the same."""
    try:
        celery.send_task(
            channel.task,
            kwargs=dict(channel.kwargs),
            queue=channel.queue,
            countdown=after.total_seconds() or None,
            retry=False,
            ignore_result=True,
        )
    except (OperationalError, RedisError, OSError) as fault:
        return type(fault).__name__
    return ""


def wake(redis: "Redis", celery: "Celery", channel: Channel, *, after: timedelta = NOW) -> None:
    """Have a worker look, unless one is on its way already. Raises StreamUnavailable."""
    with translated():
        first = raise_flag(redis, channel, after=after)
    if first:
        send_wake_up(celery, channel, after=after)
