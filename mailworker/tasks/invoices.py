"""The task that prepares messages about invoices: fetch, render, fit."""

import time
from typing import Any

from mailworker.container import Container
from mailworker.core.message import Lane
from mailworker.observability.counters import CounterTally
from mailworker.observability.instruments import PREPARE_SECONDS, RENDERED
from mailworker.queue.channels import DISPATCH, RENDER
from mailworker.tasks.app import app
from mailworker.tasks.base import ShownTask, current_container, log
from mailworker.tasks.slices import run_slice, wake

#: One invoice may take some seconds.
RENDER_SECONDS = 20.0


@app.task(name=RENDER.task, base=ShownTask)
def render() -> dict[str, Any]:
    """Prepare messages, a few at a time, while any waits; give their ids."""
    container, tally = current_container(), CounterTally()
    done = list[str]()

    def report(ids: list[str]) -> None:
        done.extend(ids)
        for id_ in ids:
            log.info("prepared", message=id_)
        wake(container, DISPATCH[Lane.NORMAL])

    run_slice(container, RENDER, lambda: _prepare_some(container, tally), report, seconds=RENDER_SECONDS)
    tally.write(container.redis)
    return {"prepared": len(done), "messages": done}


def _prepare_some(container: Container, tally: CounterTally) -> list[str] | None:
    before = time.monotonic()
    ids = container.preparer.prepare()
    each = (time.monotonic() - before) / max(len(ids), 1)
    for _ in ids:
        tally.count(RENDERED)
        tally.observe(PREPARE_SECONDS, each)
    return ids or None
