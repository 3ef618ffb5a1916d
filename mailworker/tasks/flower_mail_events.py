"""Each urgent or normal mail as a task of its own in Flower, under its message id.

Celery's own tasks (drain, dispatch) are about many messages, so that nobody could follow one. For Flower a
mail is a finished task: its uuid is the message's id, its name the kind, its result the state; one that the
last checks before a call stopped is a revoked task, or one that is tried again. Bulk mail is left to the
metrics: a campaign would push everything else out of Flower's memory.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

from celery.events import EventDispatcher
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from mailworker.core.lane import Lane
from mailworker.core.states import State
from mailworker.dispatch import SentMail
from mailworker.tasks.app import app
from mailworker.tasks.base import log

SHOWN_LANES = frozenset({Lane.URGENT, Lane.NORMAL})
_TYPES = {
    State.SENT: "task-succeeded",
    State.FAILED: "task-failed",
    State.UNKNOWN: "task-retried",
    State.READY: "task-retried",
    State.HELD: "task-retried",  # it goes on once its campaign does
    State.SUPPRESSED: "task-revoked",
    State.EXPIRED: "task-revoked",
    State.CANCELLED: "task-revoked",
}
#: All of one call's events travel as one message.
_TOGETHER = 50


class MailEvents:
    """Announces mails on Celery's event stream, as the worker `hostname`. Safe in several threads."""

    def __init__(self, hostname: str) -> None:
        self._hostname = hostname

    def announce(self, mails: Sequence[SentMail]) -> None:
        """Announce these; where Redis does not take it, Flower does not show them, and mail goes on."""
        shown = [mail for mail in mails if mail.lane in SHOWN_LANES]
        if not shown or not app.conf.worker_send_task_events:
            return
        try:
            self._send(shown)
        except (OperationalError, RedisError, OSError) as fault:
            log.warning("Flower was not told of mails", messages=len(shown), why=type(fault).__name__)

    def _send(self, mails: Sequence[SentMail]) -> None:
        with (
            app.pool.acquire(block=True) as connection,
            EventDispatcher(
                cast("Any", connection),  # its stubs take it for a producer
                hostname=self._hostname,
                app=app,
                buffer_group=["task"],
                buffer_limit=_TOGETHER,
            ) as dispatcher,
        ):
            for mail in mails:
                dispatcher.send(_TYPES.get(mail.state, "task-failed"), **_fields(mail))
            dispatcher.flush()


def _fields(mail: SentMail) -> Mapping[str, Any]:
    fields = {
        "uuid": mail.id,
        "name": mail.kind,
        "args": "()",
        "kwargs": repr({"lane": mail.lane.word}),
        "received": time.time() - mail.waited,
        "runtime": round(mail.waited, 3),
    }
    if mail.state is State.SENT:
        return fields | {"result": repr(mail.state.value)}
    return fields | {"exception": f"{mail.state.value} {mail.code}".strip()}
