"""The task that prepares messages about invoices: fetch, render, fit."""

import time

from mailworker.errors import TransientError
from mailworker.message import Lane
from tasks.app import app
from tasks.base import DiscreetTask, house, log
from tasks.tickets import heard_render, ring_dispatch, ring_render

SLICE_SECONDS = 20.0


@app.task(name="mailworker.render", base=DiscreetTask)
def render() -> None:
    """Prepare messages one after the other while any waits."""
    home = house()
    heard_render(home)
    deadline = time.monotonic() + SLICE_SECONDS
    try:
        while id_ := home.preparer.prepare_one():
            log.info("prepared", message=id_)
            ring_dispatch(home, Lane.NORMAL)
            if time.monotonic() > deadline:
                ring_render(home)
                return
    except TransientError as fault:
        log.warning("rendering stopped, the sweep resumes it", why=str(fault))
