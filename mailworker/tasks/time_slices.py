"""Waking workers, and the one loop of tasks that empty a channel: some seconds, then somebody else's turn."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from mailworker.container import Container
from mailworker.errors import TransientError
from mailworker.queue import wake as queue_wake
from mailworker.queue.celery_queues import Channel
from mailworker.tasks.app import app
from mailworker.tasks.base import log

T = TypeVar("T")

#: How long one task keeps its worker's slot, in seconds.
SLICE_SECONDS = 5.0


def wake(container: Container, channel: Channel, *, after: timedelta = queue_wake.NOW) -> None:
    """Have a worker look at this channel. Raises StreamUnavailable."""
    queue_wake.wake(container.redis, app, channel, after=after)


def run_slice(
    container: Container,
    channel: Channel,
    step: Callable[[], T | None],
    report: Callable[[T], None],
    *,
    seconds: float = SLICE_SECONDS,
) -> None:
    """Do one step after the other until one gives None, or the time is over: then wake the next worker.

    What passes by itself ends it with a warning, for the sweep wakes somebody again.
    """
    deadline = time.monotonic() + seconds
    try:
        queue_wake.lower_flag(container.redis, channel)
        while (done := step()) is not None:
            report(done)
            if time.monotonic() > deadline:
                wake(container, channel)
                return
    except TransientError as fault:
        log.warning("stopped, the sweep resumes it", task=channel.task, why=str(fault))
