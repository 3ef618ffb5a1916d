"""Whether our user of Redis may use what Celery uses there: keys and channels beside mailworker's own."""

from typing import Any

from redis import Redis

from mailworker.queue.celery_queues import QUEUES

#: Celery's and kombu's names: queues, bindings, what is not acknowledged, results, a broadcast's answers.
_KEYS = (
    *QUEUES,
    *("unacked", "unacked_index", "unacked_mutex"),
    *("_kombu.binding.celery.pidbox", "celery-task-meta-doctor", "doctor.reply.celery.pidbox"),
)
_ANSWER_SECONDS = 5.0


def demand_rights(redis: "Redis") -> None:
    """Read Celery's keys, and listen to its broadcasts; nothing is written.

    Raises redis-py's NoPermissionError where an ACL forbids it, as one of `~mailworker:*` alone does.
    """
    redis.exists(*_KEYS)
    untyped: Any = redis
    database = untyped.get_connection_kwargs().get("db") or 0
    with untyped.pubsub() as broadcasts:
        broadcasts.psubscribe(f"/{database}.celery.pidbox")
        broadcasts.get_message(timeout=_ANSWER_SECONDS)
