"""The task that prepares messages about invoices: fetch, render, fit."""

import time
from collections.abc import Mapping
from typing import Any

from celery import Task

from mailworker.container import Container
from mailworker.core.lane import Lane
from mailworker.core.settlement import Settlement
from mailworker.core.states import State
from mailworker.dispatch import SentMail
from mailworker.observability.metric_definitions import OWN, PREPARE_SECONDS, RENDERED
from mailworker.observability.redis_counters import CounterTally, count_outcomes
from mailworker.queue.celery_queues import DISPATCH, RENDER
from mailworker.tasks.app import app
from mailworker.tasks.base import SHOWN_IDS, ShownTask, current_container, log
from mailworker.tasks.flower_mail_events import MailEvents
from mailworker.tasks.time_slices import run_slice, wake

#: One invoice may take some seconds.
RENDER_SECONDS = 20.0


@app.task(name=RENDER.task, base=ShownTask, bind=True)
def render(self: Task) -> dict[str, Any]:  # type: ignore[type-arg] # generic in its stubs only
    """Prepare messages, a few at a time, while any waits; give their ids, and those of what failed."""
    container = current_container()
    report = _Report(container, MailEvents(self.request.hostname or ""))
    run_slice(container, RENDER, report.prepare_some, report, seconds=RENDER_SECONDS)
    report.tally.write(container.redis)
    return report.result()


class _Report:
    """Has messages prepared, and takes what became of them: to the log, metrics and result."""

    def __init__(self, container: Container, events: MailEvents) -> None:
        self.tally = CounterTally()
        self._events = events
        self._container = container
        self._prepared: list[str] = []
        self._failed: list[str] = []
        self._put_back: set[str] = set()

    def prepare_some(self) -> list[str] | None:
        """Prepare a few; give their ids, None where none waits."""
        before, self._put_back = time.monotonic(), set()
        ids = self._container.preparer.prepare(put_back=self._note)
        for _ in ids:
            self.tally.observe(PREPARE_SECONDS, (time.monotonic() - before) / len(ids))
        return ids or None

    def __call__(self, ids: list[str]) -> None:
        done = [id_ for id_ in ids if id_ not in self._put_back]
        for id_ in done:
            log.info("prepared", message=id_)
        self.tally.count(RENDERED, len(done))
        self._prepared += done
        wake(self._container, DISPATCH[Lane.NORMAL])

    def _note(self, row: Mapping[str, Any], fate: Settlement) -> None:
        self._put_back.add(fate.id)
        count_outcomes(self.tally, {fate.state: 1}, [fate.code])
        if fate.state is State.FAILED:
            waited = (self._container.clock() - row["accepted_at"]).total_seconds()
            mail = SentMail(fate.id, row["kind"], Lane(row["lane"]), waited, fate.state, fate.code)
            self._events.announce([mail])
            log.error("could not be prepared, see messages show", message=fate.id, code=fate.code or OWN)
            self._failed.append(fate.id)

    def result(self) -> dict[str, Any]:
        """What the task did: counts and message ids, never a person."""
        failed = {"failed": self._failed[:SHOWN_IDS]} if self._failed else {}
        return {"prepared": len(self._prepared), "messages": self._prepared[:SHOWN_IDS]} | failed
