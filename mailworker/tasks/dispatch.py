"""The task that sends: call after call while there is something to send."""

from mailworker.core.message import Lane
from mailworker.core.states import State
from mailworker.dispatch import Dispatched, Pipeline
from mailworker.errors import TransientError
from mailworker.rules.batch import MAX_MESSAGES
from mailworker.tasks.app import app
from mailworker.tasks.base import DiscreetTask, current_container, log
from mailworker.tasks.wakeups import heard_dispatch, ring_dispatch

#: How long one ticket keeps its worker's slot, in seconds; then the lane's stream gets its turn.
SLICE_SECONDS = 5.0


@app.task(name="mailworker.dispatch", base=DiscreetTask)
def dispatch(lane: str) -> None:
    """Send what is ready, this lane's first reason, the highest lane's messages first."""
    which, container = Lane.from_word(lane), current_container()
    heard_dispatch(container, which)

    def report(done: Dispatched) -> None:
        counts = {state.value: number for state, number in done.outcomes.items()}
        log.info("dispatched", lane=lane, called=done.called, **counts)
        for alarm in done.alarms:
            log.error(alarm)
        if done.outcomes.get(State.SENT, 0) >= MAX_MESSAGES:
            ring_dispatch(container, which)  # a full call: files to read and to encode keep one process busy

    try:
        with Pipeline(container.dispatcher, report) as pipeline:
            pipeline.run(which, seconds=SLICE_SECONDS)
            if container.dispatcher.waiting(which):  # the next one goes on while our last answers come
                ring_dispatch(container, which)
    except TransientError as fault:
        log.warning("dispatch stopped, the sweep resumes it", lane=lane, why=str(fault))
