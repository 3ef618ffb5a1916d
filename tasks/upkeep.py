"""The sweep: every few seconds beat has somebody look whether anything stands still."""

from datetime import timedelta

from mailworker import wire
from mailworker.errors import TransientError
from mailworker.house import House
from mailworker.ledger.sweeping import anything_to_render, unknown_due
from mailworker.ledger.sweeping import forget as forget_rows
from mailworker.message import Lane
from tasks.app import app
from tasks.base import DiscreetTask, house, log
from tasks.events import deliveries, event_stream
from tasks.tickets import ring_dispatch, ring_drain, ring_events, ring_reconcile, ring_render


@app.task(name="mailworker.sweep", base=DiscreetTask)
def sweep() -> None:
    """Take back what dead workers held, end what is too late, and wake whoever has work waiting."""
    home = house()
    home.redis.set(wire.BEAT_KEY, home.clock().isoformat())
    try:
        taken_back = {state: count for state, count in home.reconciler.take_back().items() if count}
        if taken_back:
            log.warning(
                "taken back from workers that are gone", **{s.value: n for s, n in taken_back.items()}
            )
        _wake(home)
    except TransientError as fault:
        log.warning("sweep stopped, the next one resumes it", why=str(fault))


def _wake(home: House) -> None:
    now = home.clock()
    if late := home.reconciler.expire():
        log.info("expired", messages=late)
    with home.ledger.read() as connection:
        to_render, to_reconcile = anything_to_render(connection, now), unknown_due(connection, now)
    for lane in Lane:
        if home.stream(lane).waiting():
            ring_drain(home, lane)
        if home.dispatcher.waiting(lane):
            ring_dispatch(home, lane)
    if event_stream(home).waiting():
        ring_events(home)
    if to_render:
        ring_render(home)
    if to_reconcile:
        ring_reconcile(home)


@app.task(name="mailworker.reconcile", base=DiscreetTask)
def reconcile() -> None:
    """Ask Mailjet about messages of unknown outcome."""
    try:
        done = house().reconciler.reconcile()
        log.info("reconciled", asked=done.asked, found=done.found, again=done.again)
    except TransientError as fault:
        log.warning("reconciliation stopped, the sweep resumes it", why=str(fault))


@app.task(name="mailworker.forget", base=DiscreetTask)
def forget() -> None:
    """Let old final messages, and the files they had, leave the house."""
    home = house()
    now = home.clock()
    before = now - timedelta(days=home.settings.worker.retention_days)
    gone = 0
    while True:
        with home.ledger.write() as connection:
            batch = forget_rows(connection, before=before)
        gone += batch
        if not batch:
            break
    deliveries(home).tidy(now=now)
    files = home.store.sweep(now=now, older_than=timedelta(days=home.settings.invoice.retention_days))
    log.info("forgotten", messages=gone, files=files)
