"""A Celery that only sends wake-ups: for programs that run no task of ours."""

from celery import Celery

from mailworker.core.redis_url import parse_redis_url


def celery_sender(name: str, redis_url: str) -> Celery:
    """A sender by this name. Raises BadInput for a URL that is none of Redis."""
    where = parse_redis_url(redis_url)
    sender = Celery(name, broker=where.broker, set_as_current=False)
    sender.conf.update(
        task_ignore_result=True,
        broker_transport_options={
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
            **where.broker_options,
        },
    )
    return sender
