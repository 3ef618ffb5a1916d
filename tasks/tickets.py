"""Tickets: Celery messages that only say "look". Losing one costs seconds, never mail.

A flag in Redis stands while a ticket is on its way, so that a thousand reasons to look make one ticket.
"""

from mailworker import wire
from mailworker.deliveries import AWAKE_FLAG, AWAKE_MS, DRAIN_TASK
from mailworker.house import House
from mailworker.message import Lane
from tasks import queues
from tasks.app import app

_FLAG_MS = 2_000


def ring_dispatch(house: House, lane: Lane) -> None:
    """Have this lane's worker look for messages to send."""
    _ring(house, f"mailworker:ringing:dispatch:{lane.word}", "mailworker.dispatch", lane)


def ring_drain(house: House, lane: Lane) -> None:
    """Have this lane's worker look at its stream."""
    _ring(house, wire.awake_flag(lane), wire.DRAIN_TASK, lane)


def ring_render(house: House) -> None:
    """Have a render worker look for invoices."""
    if house.redis.set("mailworker:ringing:render", "1", nx=True, px=_FLAG_MS):
        app.send_task("mailworker.render", queue=queues.RENDER, retry=False)


def ring_reconcile(house: House) -> None:
    """Have somebody ask Mailjet about messages of unknown outcome."""
    if house.redis.set("mailworker:ringing:reconcile", "1", nx=True, px=_FLAG_MS):
        app.send_task("mailworker.reconcile", queue=queues.SCANS, retry=False)


def ring_events(house: House) -> None:
    """Have a worker record Mailjet's events that wait on the webhook's stream."""
    if house.redis.set(AWAKE_FLAG, "1", nx=True, px=AWAKE_MS):
        app.send_task(DRAIN_TASK, queue=queues.NORMAL, retry=False)


def heard_dispatch(house: House, lane: Lane) -> None:
    """From now on a new reason to look makes a new ticket."""
    house.redis.delete(f"mailworker:ringing:dispatch:{lane.word}")


def heard_render(house: House) -> None:
    """From now on a new reason to look makes a new ticket."""
    house.redis.delete("mailworker:ringing:render")


def _ring(house: House, flag: str, task: str, lane: Lane) -> None:
    if house.redis.set(flag, "1", nx=True, px=_FLAG_MS):
        app.send_task(task, kwargs={"lane": lane.word}, queue=wire.queue(lane), retry=False)
