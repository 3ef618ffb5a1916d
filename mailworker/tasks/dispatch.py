"""The task that sends: call after call while there is something to send."""

from collections import Counter
from threading import Lock
from typing import Any

from celery import Task

from mailworker.container import Container
from mailworker.core.lane import Lane
from mailworker.core.mailjet_limits import MESSAGES_PER_CALL
from mailworker.core.states import State
from mailworker.dispatch import Dispatched, Pipeline
from mailworker.errors import TransientError
from mailworker.observability.metric_definitions import ACCEPT_TO_CALL, CALL_MESSAGES, CALL_SECONDS, CALLS
from mailworker.observability.redis_counters import CounterTally, count_outcomes
from mailworker.queue.celery_queues import DISPATCH
from mailworker.queue.wake import lower_flag
from mailworker.tasks.app import app
from mailworker.tasks.base import SHOWN_IDS, ShownTask, current_container, log
from mailworker.tasks.flower_mail_events import MailEvents
from mailworker.tasks.message_traces import trace_called
from mailworker.tasks.time_slices import SLICE_SECONDS, wake


@app.task(name="mailworker.dispatch", base=ShownTask, bind=True)
def dispatch(self: Task, lane: str) -> dict[str, Any]:  # type: ignore[type-arg] # generic in its stubs only
    """Send what is ready, this lane's first reason, the highest lane's messages first."""
    which, container = Lane.from_word(lane), current_container()
    report = _Report(container, which, self.request.hostname or "")
    try:
        lower_flag(container.redis, DISPATCH[which])
        with Pipeline(container.dispatcher, report) as pipeline:
            pipeline.run(which, seconds=SLICE_SECONDS)
            if container.dispatcher.waiting(which):  # the next one goes on while our last answers come
                wake(container, DISPATCH[which])
        if container.dispatcher.waiting(which):  # a call of ours may have found out that Mailjet is back
            wake(container, DISPATCH[which])
    except TransientError as fault:
        log.warning("dispatch stopped, the sweep resumes it", lane=lane, why=str(fault))
        report.stopped = str(fault)
    return report.result()


class _Report:
    """Takes what each call did, in that call's thread: to the log, the metrics, and the task's result."""

    def __init__(self, container: Container, lane: Lane, hostname: str) -> None:
        self._container = container
        self._lane = lane
        self._events = MailEvents(hostname)
        self._lock = Lock()
        self._calls = 0
        self._outcomes: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()
        self._ids: list[str] = []
        self.stopped = ""

    def __call__(self, done: Dispatched) -> None:
        counts = {state.value: number for state, number in done.outcomes.items()}
        log.info("dispatched", lane=self._lane.word, called=done.called, **counts)
        for alarm in done.alarms:
            log.error(alarm)
        _measure(done).write(self._container.redis)
        trace_called(self._container, done)
        self._events.announce(done.mails)
        with self._lock:
            self._add(done, counts)
        if done.outcomes.get(State.SENT, 0) >= MESSAGES_PER_CALL:
            # A full call: files to read and to encode keep one process busy.
            wake(self._container, DISPATCH[self._lane])

    def _add(self, done: Dispatched, counts: dict[str, int]) -> None:
        self._outcomes.update(counts)
        self._calls += done.call is not None
        self._kinds.update(mail.kind for mail in done.mails)
        self._ids += [mail.id for mail in done.mails][: SHOWN_IDS - len(self._ids)]

    def result(self) -> dict[str, Any]:
        """What the task did: kinds, counts and message ids, never a person."""
        figures = {
            "calls": self._calls,
            "outcomes": dict(self._outcomes),
            "kinds": dict(self._kinds),
            "messages": self._ids,
            "stopped": self.stopped,
        }
        return {name: value for name, value in figures.items() if value}


def _measure(done: Dispatched) -> CounterTally:
    tally = CounterTally()
    mails = done.call.mails if done.call else ()
    count_outcomes(tally, done.outcomes, [mail.code for mail in mails if mail.state is State.FAILED])
    if done.call is None:
        return tally
    tally.count(CALLS, result=_result_of(done))
    tally.observe(CALL_SECONDS, done.call.seconds)
    tally.observe(CALL_MESSAGES, len(done.call.mails))
    for mail in mails:
        tally.observe(ACCEPT_TO_CALL, mail.waited, lane=mail.lane.word)
    return tally


def _result_of(done: Dispatched) -> str:
    """How the call ended, by what it did to its messages: the best of it counts."""
    for state in (State.SENT, State.FAILED, State.UNKNOWN):
        if done.outcomes.get(state):
            return state.value
    return "put_back"
