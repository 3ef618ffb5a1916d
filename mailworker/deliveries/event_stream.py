"""The events' way from the webhook to the ledger: a Redis Stream, acknowledged after the commit.

One entry is one webhook call, its body untouched: the webhook answers as soon as Redis has it, and whatever
is wrong with it is found here, where nobody waits.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from redis import Redis

from mailworker.deliveries.recorder import Deliveries, Recorded
from mailworker.ledger import Ledger
from mailworker.ledger.insert_messages import reject
from mailworker.mailjet.events import BadEvent, WebhookEvent, parse_events
from mailworker.queue.stream import GroupStream

STREAM = "mailworker:events"
GROUP = "workers"
#: The Celery task that empties the stream; it carries nothing.
DRAIN_TASK = "mailworker.drain_events"
#: While this flag stands, a ticket is on its way and no second one is needed.
AWAKE_FLAG = "mailworker:awake:events"
AWAKE_MS = 2_000
_VERSION = "1"
#: Webhook calls in one go. Few: each may hold thousands of events, and all of them are in memory at once.
_AT_ONCE = 10


def seal(body: bytes, at: datetime) -> dict[Any, Any]:
    """The stream entry for a webhook call's body. What is not UTF-8 in it is replaced."""
    return {"v": _VERSION, "at": at.isoformat(), "body": body.decode("utf-8", "replace")}


class EventStream:
    """The stream of webhook calls, as a worker reads it."""

    def __init__(self, redis: "Redis", ledger: Ledger, deliveries: Deliveries) -> None:
        self._stream = GroupStream(redis, STREAM, GROUP, at_once=_AT_ONCE)
        self._ledger = ledger
        self._deliveries = deliveries

    def drain_some(self, now: datetime) -> Recorded | None:
        """Record the events of up to ten webhook calls; None when the stream is empty.

        Raises StreamUnavailable or LedgerUnavailable; the events stay on the stream then.
        """
        entries = self._stream.read()
        if not entries:
            return None
        parsed = [(entry_id, _parse(fields)) for entry_id, fields in entries]
        events = [event for _, found in parsed for event in found if isinstance(event, WebhookEvent)]
        recorded = self._deliveries.record(events, now=now)
        self._reject(parsed, now)
        self._stream.acknowledge(entries)
        return recorded

    def take_ticket(self) -> None:
        """Say that the ticket was heard: the next webhook call sends another."""
        self._stream.forget_flag(AWAKE_FLAG)

    def waiting(self) -> int:
        """How many webhook calls wait on the stream."""
        return self._stream.waiting()

    def _reject(self, parsed: Sequence[tuple[str, list[WebhookEvent | BadEvent]]], now: datetime) -> None:
        """Keep what was wrong, so that a person finds it."""
        rows = [
            {"entry_id": f"events:{entry_id}", "at": now, "source": "webhook", "faults": faults}
            for entry_id, found in parsed
            if (faults := [bad.reason for bad in found if isinstance(bad, BadEvent)][:20])
        ]
        if rows:
            with self._ledger.write() as connection:
                reject(connection, rows)


def _parse(fields: Any) -> list[WebhookEvent | BadEvent]:
    if fields.get("v") != _VERSION or "body" not in fields:
        return [BadEvent("A stream entry has a version that this worker does not know; update the worker.")]
    return parse_events(fields["body"])
