"""Mailjet's events: from the webhook's stream, or as a plain task, onto the messages' timelines."""

from functools import partial
from typing import Any

from mailworker.container import Container
from mailworker.core.clock import utc_now
from mailworker.deliveries import Deliveries, EventStream, Recorded
from mailworker.errors import TransientError
from mailworker.ledger.webhook_log import known_words
from mailworker.mailjet.parse_webhook import BadEvent, WebhookEvent, parse_events
from mailworker.observability.metric_definitions import EVENTS as EVENT_COUNTS
from mailworker.observability.metric_definitions import WEBHOOK_LAG
from mailworker.observability.redis_counters import CounterTally
from mailworker.queue.celery_queues import EVENTS
from mailworker.tasks.app import app
from mailworker.tasks.base import DiscreetTask, HousekeepingTask, current_container, log
from mailworker.tasks.emails import IntakeTask
from mailworker.tasks.time_slices import run_slice


def deliveries(container: Container) -> Deliveries:
    """What records events here."""
    return Deliveries(container.ledger, container.settings.kinds)


def event_stream(container: Container) -> EventStream:
    """The webhook's stream."""
    return EventStream(container.redis, container.ledger, deliveries(container), keeping=container.keeping)


@app.task(name="mailworker.record_events", base=IntakeTask)
def record_events(events: list[dict[str, Any]] | dict[str, Any]) -> dict[str, Any]:
    """Record Mailjet's events as its webhook posts them; one bad one spoils none of the others.

    Gives how many were `new` and `repeated`, and what was wrong with the rest in `faults`.
    """
    container, parsed = current_container(), parse_events(events)
    good = [event for event in parsed if isinstance(event, WebhookEvent)]
    recorded = deliveries(container).record(good, now=utc_now())
    _report(container, recorded)
    faults = [bad.reason for bad in parsed if isinstance(bad, BadEvent)]
    return {"new": recorded.new, "repeated": recorded.repeated, "faults": faults}


@app.task(name=EVENTS.task, base=DiscreetTask)
def drain_events() -> None:
    """Move events from the webhook's stream into the ledger."""
    container = current_container()
    stream = event_stream(container)
    run_slice(container, EVENTS, lambda: stream.drain_some(utc_now()), partial(_report, container))


@app.task(name="mailworker.match_events", base=HousekeepingTask)
def match_events() -> None:
    """Find the messages of events that came too early for them."""
    container = current_container()
    try:
        _report(container, deliveries(container).match_late(now=utc_now()))
    except TransientError as fault:
        log.warning("matching stopped, the next round resumes it", why=str(fault))


def _report(container: Container, recorded: Recorded) -> None:
    for alarm in recorded.alarms:
        log.error(alarm)
    if recorded.new or recorded.proved:
        log.info(
            "events",
            new=recorded.new,
            repeated=recorded.repeated,
            unmatched=recorded.unmatched,
            proved=recorded.proved,
            suppressed=recorded.suppressed,
        )
    tally = CounterTally()
    for word, number in known_words(recorded.words).items():
        tally.count(EVENT_COUNTS, number, event=word)
    for seconds in recorded.lags:
        tally.observe(WEBHOOK_LAG, seconds)
    tally.write(container.redis)
