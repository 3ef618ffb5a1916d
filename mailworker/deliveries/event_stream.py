"""The events' way from the webhook to the ledger: a Redis Stream, acknowledged after the commit.

One entry is one webhook call, its body untouched: the webhook answers as soon as Redis has it, and whatever
is wrong with it is found here, where nobody waits.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from redis import Redis

from mailworker.core.fault_place import place_of
from mailworker.deliveries.recorder import AT_ONCE, Deliveries, Recorded
from mailworker.errors import TransientError
from mailworker.ledger import Ledger
from mailworker.ledger.insert_messages import reject
from mailworker.mailjet.events import BadEvent, WebhookEvent, read_events
from mailworker.queue.drain import drain
from mailworker.queue.stream import Entry, GroupStream

STREAM = "mailworker:events"
GROUP = "workers"
#: The Celery task that empties the stream; it carries nothing.
DRAIN_TASK = "mailworker.drain_events"
#: While this flag stands, a ticket is on its way and no second one is needed.
AWAKE_FLAG = "mailworker:awake:events"
AWAKE_MS = 2_000
_VERSION = "1"
#: Webhook calls in one go, so long as they are small.
_AT_ONCE = 10
#: The most faults of one call that are kept for people.
_TOLD = 20


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
        """Record the events of up to ten webhook calls; None when there is nothing to do.

        Raises StreamUnavailable or LedgerUnavailable; the events stay on the stream then.
        """
        found = drain(self._stream, _Ledgered(self._ledger, self._deliveries, now), now)
        return sum(found.results, Recorded(alarms=found.quarantined)) if found else None

    def clear_wake_up(self) -> None:
        """Say that the ticket was heard: the next webhook call sends another."""
        self._stream.forget_flag(AWAKE_FLAG)

    def waiting(self) -> int:
        """How many webhook calls wait on the stream."""
        return self._stream.waiting()


class _Ledgered:
    """Webhook calls become rows, some hundred events at a time: a call may hold very many."""

    def __init__(self, ledger: Ledger, deliveries: Deliveries, now: datetime) -> None:
        self._ledger = ledger
        self._deliveries = deliveries
        self._now = now

    def write(self, entries: Sequence[Entry]) -> Recorded:
        """Record every event, and keep for people what was wrong with others."""
        done = Recorded()
        for entry_id, fields in entries:
            faults: list[str] = []
            events = _read(fields)
            while some := list(islice(events, AT_ONCE)):
                good = [event for event in some if isinstance(event, WebhookEvent)]
                faults += [bad.reason for bad in some if isinstance(bad, BadEvent)][: _TOLD - len(faults)]
                done += self._record(good, faults, alone=len(entries) == 1)
            self._reject(entry_id, faults[:_TOLD])
        return done

    def reject(self, entry: Entry, fault: str) -> Recorded:
        """Note that a webhook call could not be read at all."""
        self._reject(entry[0], [fault])
        return Recorded()

    def _record(self, events: list[WebhookEvent], faults: list[str], *, alone: bool) -> Recorded:
        """Record events; where a call that is alone fails, one by one, so that only the guilty are lost."""
        if not events:
            return Recorded()
        try:
            return self._deliveries.record(events, now=self._now)
        except TransientError:
            raise
        except Exception as fault:
            if not alone:
                raise
            if len(events) == 1:
                faults.append(f"An event could not be recorded: {place_of(fault)}.")
                return Recorded()
        return sum((self._record([event], faults, alone=True) for event in events), Recorded())

    def _reject(self, entry_id: str, faults: list[str]) -> None:
        if faults:
            row = {
                "entry_id": f"events:{entry_id}",
                "at": self._now,
                "source": "webhook",
                "faults": faults,
            }
            with self._ledger.write() as connection:
                reject(connection, [row])


def _read(fields: Any) -> Iterator[WebhookEvent | BadEvent]:
    if fields.get("v") != _VERSION or "body" not in fields:
        return iter([BadEvent("A stream entry is none of ours: only the webhook adds to this stream.")])
    return read_events(fields["body"])
