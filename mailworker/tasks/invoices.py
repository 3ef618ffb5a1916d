"""The task that prepares messages about invoices: fetch, render, fit."""

import time

from mailworker.core.message import Lane
from mailworker.errors import TransientError
from mailworker.tasks.app import app
from mailworker.tasks.base import DiscreetTask, current_container, log
from mailworker.tasks.wakeups import heard_render, ring_dispatch, ring_render

SLICE_SECONDS = 20.0


@app.task(name="mailworker.render", base=DiscreetTask)
def render() -> None:
    """Prepare messages one after the other while any waits."""
    container = current_container()
    heard_render(container)
    deadline = time.monotonic() + SLICE_SECONDS
    try:
        while id_ := container.preparer.prepare_one():
            log.info("prepared", message=id_)
            ring_dispatch(container, Lane.NORMAL)
            if time.monotonic() > deadline:
                ring_render(container)
                return
    except TransientError as fault:
        log.warning("rendering stopped, the sweep resumes it", why=str(fault))
