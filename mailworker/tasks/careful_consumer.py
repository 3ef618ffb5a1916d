"""How a worker takes messages off Celery's queues: one that Celery stumbles over harms itself alone."""

from collections.abc import Callable
from typing import Any

from celery.utils.log import get_logger
from celery.worker.consumer import Consumer
from redis.exceptions import RedisError

from mailworker.core.exception_location import place_of
from mailworker.observability.logs import get_log

_log = get_log("mailworker.tasks")
_celery_log = get_logger(__name__)


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
            except Exception as fault:  # noqa: BLE001 - named by its place
                _refuse(message, place_of(fault))

        return take_or_refuse


def _refuse(message: Any, place: str) -> None:
    _log.warning("a message was thrown away: it is no task that a worker can read", fault=place)
    if not message.acknowledged:
        message.reject_log_error(_celery_log, (OSError, RedisError))
