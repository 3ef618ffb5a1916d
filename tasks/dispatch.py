"""The task that sends: call after call while there is something to send."""

from mailworker.dispatch import Dispatched, Pipeline
from mailworker.errors import TransientError
from mailworker.message import Lane
from mailworker.rules.batch import MAX_MESSAGES
from mailworker.states import State
from tasks.app import app
from tasks.base import DiscreetTask, house, log
from tasks.tickets import heard_dispatch, ring_dispatch

#: How long one ticket keeps its worker's slot, in seconds; then the lane's stream gets its turn.
SLICE_SECONDS = 5.0


@app.task(name="mailworker.dispatch", base=DiscreetTask)
def dispatch(lane: str) -> None:
    """Send what is ready, this lane's first reason, the highest lane's messages first."""
    which, home = Lane.from_word(lane), house()
    heard_dispatch(home, which)

    def report(done: Dispatched) -> None:
        counts = {state.value: number for state, number in done.outcomes.items()}
        log.info("dispatched", lane=lane, called=done.called, **counts)
        for alarm in done.alarms:
            log.error(alarm)
        if done.outcomes.get(State.SENT, 0) >= MAX_MESSAGES:
            ring_dispatch(home, which)  # a full call: files to read and to encode keep one process busy

    try:
        with Pipeline(home.dispatcher, report) as pipeline:
            pipeline.run(which, seconds=SLICE_SECONDS)
            if home.dispatcher.waiting(which):  # the next one goes on while our last answers come
                ring_dispatch(home, which)
    except TransientError as fault:
        log.warning("dispatch stopped, the sweep resumes it", lane=lane, why=str(fault))
