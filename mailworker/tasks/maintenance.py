"""The sweep: every few seconds beat has somebody look whether anything stands still."""

from collections.abc import Mapping
from datetime import timedelta

from celery import Task

from mailworker.container import Container
from mailworker.core.lane import Lane
from mailworker.core.states import State
from mailworker.errors import TransientError
from mailworker.ledger.callback_rows import forget as forget_callbacks
from mailworker.ledger.forget_old_messages import forget as forget_rows
from mailworker.ledger.hourly_statistics import SETTLES
from mailworker.ledger.hourly_statistics import roll_up as count_hours
from mailworker.ledger.readdress_waiting_mail import forget_left
from mailworker.ledger.stuck_messages import anything_due
from mailworker.observability.redis_counters import CounterTally, count_outcomes
from mailworker.queue import envelope
from mailworker.queue.celery_queues import DISPATCH, EVENTS, MAIL, OCS, RECONCILE, RENDER
from mailworker.queue.rewrite_append_only_file import rewrite_log
from mailworker.tasks.app import app
from mailworker.tasks.base import DiscreetTask, HousekeepingTask, current_container, log
from mailworker.tasks.events import deliveries, event_stream
from mailworker.tasks.time_slices import wake

#: Which beats had a sweep started is remembered for so long.
_BEATS_KEPT = timedelta(minutes=5)


@app.task(name="mailworker.sweep", base=HousekeepingTask, bind=True)
def sweep(self: Task) -> None:  # type: ignore[type-arg] # generic in its stubs only
    """Take back what dead workers held, end what is too late, and wake each channel that has work waiting."""
    container = current_container()
    _note_beat(container, self.request.origin)
    try:
        taken_back = {state: count for state, count in container.reconciler.take_back().items() if count}
        if taken_back:
            log.warning(
                "taken back from workers that are gone", **{s.value: n for s, n in taken_back.items()}
            )
            _count(container, taken_back)
        _wake_all(container)
        for kept in container.kept() if container.keeping.period else ():
            kept.forget_old()
    except TransientError as fault:
        log.warning("sweep stopped, the next one resumes it", why=str(fault))


def _note_beat(container: Container, origin: str | None) -> None:
    """Leave word that beat beats, and which one: Celery names a message's sender `gen<pid>@<host>`."""
    now = container.clock()
    with container.redis.pipeline() as pipe:
        pipe.set(envelope.BEAT_KEY, now.isoformat())
        if origin:
            pipe.zadd(envelope.BEATS_KEY, {origin.removeprefix("gen"): now.timestamp()})
            pipe.zremrangebyscore(envelope.BEATS_KEY, "-inf", (now - _BEATS_KEPT).timestamp())
        pipe.execute()


def _wake_all(container: Container) -> None:
    now = container.clock()
    if late := container.reconciler.expire():
        log.info("expired", messages=late)
        _count(container, {State.EXPIRED: late})
    with container.ledger.read() as connection:
        to_render = anything_due(connection, State.ACCEPTED, now)
        to_reconcile = anything_due(connection, State.UNKNOWN, now)
    for lane in Lane:
        if container.stream(lane).waiting():
            wake(container, MAIL[lane])
        if container.dispatcher.waiting(lane):
            wake(container, DISPATCH[lane])
    _wake_for_posts(container)
    if to_render:
        wake(container, RENDER)
    if to_reconcile:
        wake(container, RECONCILE)


def _count(container: Container, outcomes: Mapping[State, int]) -> None:
    tally = CounterTally()
    count_outcomes(tally, outcomes)
    tally.write(container.redis)


def _wake_for_posts(container: Container) -> None:
    if event_stream(container).waiting():
        wake(container, EVENTS)
    if container.settings.balances.cgrates.url and container.ocs_stream.waiting():
        wake(container, OCS)


@app.task(name=RECONCILE.task, base=DiscreetTask)
def reconcile() -> None:
    """Ask Mailjet about messages of unknown outcome."""
    try:
        container = current_container()
        done = container.reconciler.reconcile()
        if done.found:
            container.breaker.found(done.found)
        _count(container, {State.SENT: done.found, State.READY: done.again})
        log.info("reconciled", asked=done.asked, found=done.found, again=done.again)
    except TransientError as fault:
        log.warning("reconciliation stopped, the sweep resumes it", why=str(fault))


@app.task(name="mailworker.roll_up", base=HousekeepingTask)
def roll_up(hours: int = 2) -> None:
    """Count the messages of the last hours anew, for statistics."""
    container = current_container()
    now = container.clock()
    try:
        with container.ledger.write() as connection:
            count_hours(connection, since=now - timedelta(hours=hours), now=now)
    except TransientError as fault:
        log.warning("statistics wait for the next time", why=str(fault))


@app.task(name="mailworker.forget", base=HousekeepingTask)
def forget() -> None:
    """Let old final messages, and the files they had, be forgotten."""
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
    secrets = container.reconciler.forget_secrets()
    with container.ledger.write() as connection:
        forget_left(connection, before=before)
        forget_callbacks(connection, now)
    deliveries(container).tidy(now=now)
    files = container.store.sweep(
        now=now, older_than=timedelta(days=container.settings.invoice.retention_days)
    )
    roll_up(int(SETTLES / timedelta(hours=1)))
    rewritten = rewrite_log(container.redis, every=container.settings.worker.rewrite_redis_log)
    log.info("forgotten", messages=gone, files=files, secrets=secrets, redis_log=rewritten.value)
