"""Messages on Celery's queues that are no task: each harms itself alone, and no log shows its content."""

import logging
import re
from collections.abc import Callable
from typing import Any

from celery.utils.log import get_logger
from celery.worker.consumer import Consumer
from redis.exceptions import RedisError

from mailworker.core.exception_location import place_of
from mailworker.observability.logs import get_log

_log = get_log("mailworker.tasks")
_celery_log = get_logger(__name__)
#: Celery's logger of what comes from the queues, and how it writes the name of a task that nobody knows.
_CONSUMER = "celery.worker.consumer.consumer"
_TASK_NAME = re.compile(r"unregistered task of type (?:KeyError\()?'?([\w.]{1,100})'")


class CarefulConsumer(Consumer):
    """Celery's own, but for a message that breaks the taking itself.

    Celery takes such a fault for a lost connection: it connects anew, gives the message back, meets it again,
    and works on nothing else from then on (5.6.3: a message of the first protocol that has no id, of a task
    that nobody knows).
    """

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """Called by Celery once for each connection."""
        take: Callable[[Any], None] = super().create_task_handler(*args, **kwargs)

        def take_or_refuse(message: Any) -> None:
            try:
                take(message)
            except (OSError, RedisError):  # the connection, indeed
                raise
            except Exception as fault:  # noqa: BLE001 - named by its location
                _refuse(message, place_of(fault))

        return take_or_refuse


def _refuse(message: Any, location: str) -> None:
    _log.warning("a message was thrown away: it is no task that a worker can read", fault=location)
    if not message.acknowledged:
        message.reject_log_error(_celery_log, (OSError, RedisError))


def without_message_bodies(record: logging.LogRecord) -> bool:
    """Celery quotes whole messages that it cannot take, and people's data are in them: log less."""
    if record.name == _CONSUMER and "body" in str(record.msg):
        message = record.getMessage() if "unregistered task" in str(record.msg) else ""
        name = _TASK_NAME.search(message)
        record.msg = (
            f"A message was thrown away: no worker knows a task {name[1]}; correct its name."
            if name
            else "A message was thrown away: it is no task that a worker can read."
        )
        record.args = None
    return True
