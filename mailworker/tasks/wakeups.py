"""Tickets: Celery messages that only say "look". Losing one costs seconds, never mail.

A flag in Redis stands while a ticket is on its way, so that a thousand reasons to look make one ticket.
"""

from datetime import timedelta

from mailworker.container import Container
from mailworker.core.message import Lane
from mailworker.deliveries import AWAKE_FLAG, AWAKE_MS, DRAIN_TASK
from mailworker.queue import contact_envelope, envelope
from mailworker.queue.posts import OCS
from mailworker.tasks import queues
from mailworker.tasks.app import app

_FLAG_MS = 2_000
_AT_ONCE = timedelta(0)
_RENDER_FLAG = "mailworker:ringing:render"
_TELL_FLAG = "mailworker:ringing:contacts:tell"
_SYNC_FLAG = "mailworker:ringing:contacts:full"


def wake_dispatch(container: Container, lane: Lane) -> None:
    """Have this lane's worker look for messages to send."""
    _wake(container, _dispatch_flag(lane), "mailworker.dispatch", queue=envelope.queue(lane), lane=lane.word)


def wake_drain(container: Container, lane: Lane) -> None:
    """Have this lane's worker look at its stream."""
    _wake(
        container, envelope.awake_flag(lane), envelope.DRAIN_TASK, queue=envelope.queue(lane), lane=lane.word
    )


def wake_render(container: Container) -> None:
    """Have a render worker look for invoices."""
    _wake(container, _RENDER_FLAG, "mailworker.render", queue=queues.RENDER)


def wake_reconcile(container: Container) -> None:
    """Have somebody ask Mailjet about messages of unknown outcome."""
    _wake(container, "mailworker:ringing:reconcile", "mailworker.reconcile", queue=queues.SCANS)


def wake_events(container: Container) -> None:
    """Have a worker record Mailjet's events that wait on the webhook's stream."""
    _wake(container, AWAKE_FLAG, DRAIN_TASK, queue=queues.NORMAL, flag_ms=AWAKE_MS)


def wake_ocs(container: Container) -> None:
    """Have a worker look at what CGRateS posted."""
    _wake(container, OCS.awake_flag, OCS.task, queue=OCS.queue, flag_ms=AWAKE_MS)


def wake_contacts_drain(container: Container) -> None:
    """Have a worker look at the stream of contact jobs."""
    _wake(container, contact_envelope.AWAKE, contact_envelope.DRAIN_TASK, queue=queues.CONTACTS)


def wake_contacts_push(container: Container, *, after: timedelta = _AT_ONCE) -> None:
    """Have Mailjet told of contacts that wait."""
    _wake(container, _TELL_FLAG, "mailworker.sync_tell", queue=queues.CONTACTS, after=after)


def wake_contacts_sync(container: Container) -> None:
    """Have a worker go on with the full sync that was asked for."""
    _wake(container, _SYNC_FLAG, "mailworker.sync_in_background", queue=queues.CONTACTS)


def woke_contacts_push(container: Container) -> None:
    """From now on a new reason to tell makes a new ticket."""
    container.redis.delete(_TELL_FLAG)


def woke_contacts_sync(container: Container) -> None:
    """From now on a new reason to go on makes a new ticket."""
    container.redis.delete(_SYNC_FLAG)


def woke_dispatch(container: Container, lane: Lane) -> None:
    """From now on a new reason to look makes a new ticket."""
    container.redis.delete(_dispatch_flag(lane))


def woke_render(container: Container) -> None:
    """From now on a new reason to look makes a new ticket."""
    container.redis.delete(_RENDER_FLAG)


def _dispatch_flag(lane: Lane) -> str:
    return f"mailworker:ringing:dispatch:{lane.word}"


def _wake(
    container: Container,
    flag: str,
    task: str,
    *,
    queue: str,
    flag_ms: int = _FLAG_MS,
    after: timedelta = _AT_ONCE,
    **kwargs: str,
) -> None:
    seconds = after.total_seconds()
    if container.redis.set(flag, "1", nx=True, px=flag_ms + int(seconds * 1000)):
        app.send_task(
            task, kwargs=kwargs, queue=queue, countdown=seconds or None, retry=False, ignore_result=True
        )
