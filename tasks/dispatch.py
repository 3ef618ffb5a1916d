"""The task that sends: call after call while there is something to send."""

import time

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
    deadline = time.monotonic() + SLICE_SECONDS
    try:
        while (left := deadline - time.monotonic()) > 0:
            done = home.dispatcher.dispatch_once(which, patience=left)
            if done is None:
                break
            log.info(
                "dispatched", lane=lane, called=done.called, **{s.value: n for s, n in done.outcomes.items()}
            )
            for alarm in done.alarms:
                log.error(alarm)
            if done.outcomes.get(State.SENT, 0) >= MAX_MESSAGES:
                ring_dispatch(home, which)  # a full call: there is work for one more of us
        if home.dispatcher.waiting(which):
            ring_dispatch(home, which)
    except TransientError as fault:
        log.warning("dispatch stopped, the sweep resumes it", lane=lane, why=str(fault))
