"""Mailjet's events: from the webhook's stream, or as a plain task, onto the messages' timelines."""

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from mailworker.clock import utc_now
from mailworker.deliveries import Deliveries, EventStream, Recorded
from mailworker.errors import TransientError
from mailworker.house import House
from mailworker.mailjet.events import BadEvent, Event, parse_events
from mailworker.watch.counters import count
from tasks.app import app
from tasks.base import DiscreetTask, house, log
from tasks.emails import DoorTask
from tasks.tickets import ring_events

SLICE_SECONDS = 5.0
#: Labels of metrics must not come from outside.
_WORDS = frozenset({"sent", "open", "click", "bounce", "blocked", "spam", "unsub"})


def deliveries(home: House) -> Deliveries:
    """What records events in this house."""
    return Deliveries(home.ledger, home.settings.kinds)


def event_stream(home: House) -> EventStream:
    """The webhook's stream."""
    return EventStream(home.redis, home.ledger, deliveries(home))


@app.task(name="mailworker.record_events", base=DoorTask)
def record_events(events: list[dict[str, Any]] | dict[str, Any]) -> dict[str, Any]:
    """Record Mailjet's events as its webhook posts them; one bad one spoils none of the others.

    Gives how many were `new` and `repeated`, and what was wrong with the rest in `faults`.
    """
    home, parsed = house(), parse_events(events)
    good = [event for event in parsed if isinstance(event, Event)]
    recorded = deliveries(home).record(good, now=utc_now())
    _tell(home, recorded)
    faults = [bad.reason for bad in parsed if isinstance(bad, BadEvent)]
    return {"new": recorded.new, "repeated": recorded.repeated, "faults": faults}


@app.task(name="mailworker.drain_events", base=DiscreetTask)
def drain_events() -> None:
    """Move events from the webhook's stream into the ledger."""
    home = house()
    stream = event_stream(home)
    deadline = time.monotonic() + SLICE_SECONDS
    try:
        stream.take_ticket()
        while (recorded := stream.drain_some(utc_now())) is not None:
            _tell(home, recorded)
            if time.monotonic() > deadline:
                ring_events(home)
                break
    except TransientError as fault:
        log.warning("events wait, the sweep resumes them", why=str(fault))


@app.task(name="mailworker.match_events", base=DiscreetTask)
def match_events() -> None:
    """Find the messages of events that came too early for them."""
    home = house()
    try:
        _tell(home, deliveries(home).match_late(now=utc_now()))
    except TransientError as fault:
        log.warning("matching stopped, the next round resumes it", why=str(fault))


def _tell(home: House, recorded: Recorded) -> None:
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
    count(home.redis, "events", _known(recorded.words), label="event")


def _known(words: Mapping[str, int]) -> Counter[str]:
    known: Counter[str] = Counter()
    for word, number in words.items():
        known[word if word in _WORDS else "other"] += number
    return known
