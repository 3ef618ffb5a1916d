"""Callbacks: what became of its mails, sent to the CRM."""

from functools import cache
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from mailworker.container import Container
from mailworker.crm_callbacks import Callbacks
from mailworker.errors import TransientError, Unreachable
from mailworker.queue.celery_queues import CALLBACKS
from mailworker.queue.wake import lower_flag
from mailworker.tasks.app import app
from mailworker.tasks.base import HousekeepingTask, current_container, log
from mailworker.tasks.time_slices import wake

#: How long one task calls the CRM, in seconds.
RUN_SECONDS = 20.0


def callbacks_of(container: Container) -> Callbacks:
    """What sends callbacks here."""
    settings = container.settings
    return Callbacks(settings.callbacks, settings.kinds, container.ledger, _send_task, container.clock)


@app.task(name=CALLBACKS.task, base=HousekeepingTask)
def send_callbacks() -> None:
    """Send the callbacks that are due; beat has this done every few seconds."""
    container = current_container()
    if not container.settings.callbacks.enabled:
        return
    try:
        lower_flag(container.redis, CALLBACKS)
        done = callbacks_of(container).run(seconds=RUN_SECONDS)
        if done.more:
            wake(container, CALLBACKS)
    except TransientError as fault:
        log.warning("callbacks wait, the next round resumes them", why=str(fault))
        return
    if done.sent or done.put_off or done.lost:
        log.info("callbacks", sent=done.sent, put_off=done.put_off, lost=done.lost)
    if done.lost:
        log.error("the CRM was not told of some changes; see callbacks.url", changes=done.lost)


@cache
def _publisher(broker: str) -> Celery:
    """A Celery that may name any queue; ours knows its own alone."""
    publisher = Celery("mailworker-callbacks", broker=broker, set_as_current=False)
    publisher.conf.update(task_ignore_result=True)
    return publisher


def _send_task(name: str, kwargs: dict[str, Any], task_id: str, queue: str) -> None:
    """A task of OmniCRM's, on a queue of OmniCRM's."""
    try:
        publisher = _publisher(str(app.conf.broker_url))
        publisher.send_task(name, kwargs=kwargs, task_id=task_id, queue=queue, retry=False)
    except (OperationalError, OSError, RedisError) as fault:
        raise Unreachable(f"Redis did not take the task: {type(fault).__name__}.") from None
