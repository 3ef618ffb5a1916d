"""The task that prepares messages about invoices: fetch, render, fit."""

import time
from typing import Any

from mailworker.container import Container
from mailworker.core.message import Lane
from mailworker.errors import TransientError
from mailworker.observability.counters import CounterTally
from mailworker.observability.instruments import PREPARE_SECONDS, RENDERED
from mailworker.tasks.app import app
from mailworker.tasks.base import current_container, log
from mailworker.tasks.shown_result import ShownTask
from mailworker.tasks.wakeups import wake_dispatch, wake_render, woke_render

SLICE_SECONDS = 20.0


@app.task(name="mailworker.render", base=ShownTask)
def render() -> dict[str, Any]:
    """Prepare messages one after the other while any waits; give their ids."""
    container, tally = current_container(), CounterTally()
    woke_render(container)
    deadline, done = time.monotonic() + SLICE_SECONDS, list[str]()
    try:
        while id_ := _prepare_one(container, tally):
            done.append(id_)
            log.info("prepared", message=id_)
            wake_dispatch(container, Lane.NORMAL)
            if time.monotonic() > deadline:
                wake_render(container)
                break
    except TransientError as fault:
        log.warning("rendering stopped, the sweep resumes it", why=str(fault))
    tally.write(container.redis)
    return {"prepared": len(done), "messages": done}


def _prepare_one(container: Container, tally: CounterTally) -> str | None:
    before = time.monotonic()
    id_ = container.preparer.prepare_one()
    if id_:
        tally.count(RENDERED)
        tally.observe(PREPARE_SECONDS, time.monotonic() - before)
    return id_
