"""The sweep: every few seconds beat has somebody look whether anything stands still."""

from datetime import timedelta

from mailworker.container import Container
from mailworker.core.message import Lane
from mailworker.errors import TransientError
from mailworker.ledger.stuck_messages import anything_to_render, unknown_due
from mailworker.ledger.stuck_messages import forget as forget_rows
from mailworker.queue import envelope
from mailworker.tasks.app import app
from mailworker.tasks.base import DiscreetTask, current_container, log
from mailworker.tasks.events import deliveries, event_stream
from mailworker.tasks.wakeups import ring_dispatch, ring_drain, ring_events, ring_reconcile, ring_render


@app.task(name="mailworker.sweep", base=DiscreetTask)
def sweep() -> None:
    """Take back what dead workers held, end what is too late, and wake whoever has work waiting."""
    container = current_container()
    container.redis.set(envelope.BEAT_KEY, container.clock().isoformat())
    try:
        taken_back = {state: count for state, count in container.reconciler.take_back().items() if count}
        if taken_back:
            log.warning(
                "taken back from workers that are gone", **{s.value: n for s, n in taken_back.items()}
            )
        _wake(container)
    except TransientError as fault:
        log.warning("sweep stopped, the next one resumes it", why=str(fault))


def _wake(container: Container) -> None:
    now = container.clock()
    if late := container.reconciler.expire():
        log.info("expired", messages=late)
    with container.ledger.read() as connection:
        to_render, to_reconcile = anything_to_render(connection, now), unknown_due(connection, now)
    for lane in Lane:
        if container.stream(lane).waiting():
            ring_drain(container, lane)
        if container.dispatcher.waiting(lane):
            ring_dispatch(container, lane)
    if event_stream(container).waiting():
        ring_events(container)
    if to_render:
        ring_render(container)
    if to_reconcile:
        ring_reconcile(container)


@app.task(name="mailworker.reconcile", base=DiscreetTask)
def reconcile() -> None:
    """Ask Mailjet about messages of unknown outcome."""
    try:
        done = current_container().reconciler.reconcile()
        log.info("reconciled", asked=done.asked, found=done.found, again=done.again)
    except TransientError as fault:
        log.warning("reconciliation stopped, the sweep resumes it", why=str(fault))


@app.task(name="mailworker.forget", base=DiscreetTask)
def forget() -> None:
    """Let old final messages, and the files they had, leave the house."""
    container = current_container()
    now = container.clock()
    before = now - timedelta(days=container.settings.worker.retention_days)
    gone = 0
    while True:
        with container.ledger.write() as connection:
            batch = forget_rows(connection, before=before)
        gone += batch
        if not batch:
            break
    deliveries(container).tidy(now=now)
    files = container.store.sweep(
        now=now, older_than=timedelta(days=container.settings.invoice.retention_days)
    )
    log.info("forgotten", messages=gone, files=files)
