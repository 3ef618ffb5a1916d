"""The events' way from the webhook to the ledger: a Redis Stream, acknowledged after the commit.

One entry is one webhook call, its body untouched: the webhook answers as soon as Redis has it, and whatever
is wrong with it is found here, where nobody waits.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from redis import Redis

from mailworker.core.chunks import chunked
from mailworker.core.exception_location import place_of
from mailworker.deliveries.record_events import AT_ONCE, Deliveries, Recorded
from mailworker.errors import TransientError
from mailworker.ledger import Ledger
from mailworker.ledger.rejected_jobs import reject
from mailworker.ledger.webhook_log import POSTS, REPEATED, UNMATCHED, UNREADABLE, WebhookTally
from mailworker.mailjet.parse_webhook import BadEvent, WebhookEvent, read_events
from mailworker.observability.logs import get_log
from mailworker.queue.celery_queues import EVENTS
from mailworker.queue.drain import ChannelReader
from mailworker.queue.envelope import VERSION, added_at
from mailworker.queue.refill_log import Keeping
from mailworker.queue.stream import Entry, GroupStream

#: Webhook calls in one go, so long as they are small.
_AT_ONCE = 10
#: The most faults of one call that are kept for people.
_MOST = 20
log = get_log("mailworker.deliveries")


class EventStream(ChannelReader[Recorded]):
    """The stream of webhook calls, as a worker reads it."""

    def __init__(
        self, redis: "Redis", ledger: Ledger, deliveries: Deliveries, *, keeping: Keeping | None = None
    ) -> None:
        super().__init__(
            GroupStream(redis, EVENTS.stream, at_once=_AT_ONCE),
            sink=lambda now: _Ledgered(ledger, deliveries, now),
            total=lambda found: sum(found.results, Recorded(alarms=found.alarms)),
            keeping=keeping,
        )


class _Ledgered:
    """Webhook calls become rows, some hundred events at a time: a call may hold very many."""

    def __init__(self, ledger: Ledger, deliveries: Deliveries, now: datetime) -> None:
        self._ledger = ledger
        self._deliveries = deliveries
        self._now = now

    def write(self, entries: Sequence[Entry]) -> Recorded:
        """Record every event, and keep for people what was wrong with others."""
        done, tally = Recorded(), WebhookTally()
        for entry_id, fields in entries:
            found, unreadable = Recorded(), 0
            faults: list[str] = []
            for some in chunked(_read(fields), AT_ONCE):
                good = [event for event in some if isinstance(event, WebhookEvent)]
                unreadable += len(some) - len(good)
                faults += [bad.reason for bad in some if isinstance(bad, BadEvent)][: _MOST - len(faults)]
                found += self._record(good, faults, alone=len(entries) == 1)
            self._reject(entry_id, faults[:_MOST])
            _count(tally, added_at(entry_id), found, unreadable=unreadable)
            done += found
        self._log(tally)
        return done

    def reject(self, entry: Entry, fault: str) -> Recorded:
        """Note that a webhook call could not be read at all."""
        self._reject(entry[0], [fault])
        tally = WebhookTally()
        _count(tally, added_at(entry[0]), Recorded(), unreadable=1)
        self._log(tally)
        return Recorded()

    def _log(self, tally: WebhookTally) -> None:
        """Count what came; counts that the ledger does not take are lost, for the events are recorded."""
        try:
            with self._ledger.write() as connection:
                tally.write(connection)
        except TransientError as fault:
            log.warning("counts of posts lost", why=str(fault))

    def _record(self, events: list[WebhookEvent], faults: list[str], *, alone: bool) -> Recorded:
        """Record events; where a call that is alone fails, one by one, so that only the guilty are lost."""
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
            row = {"entry_id": f"events:{entry_id}", "at": self._now, "source": "webhook", "faults": faults}
            with self._ledger.write() as connection:
                reject(connection, [row])


def _count(tally: WebhookTally, at: datetime, found: Recorded, *, unreadable: int) -> None:
    tally.count(at, POSTS)
    tally.count_events(at, found.words)
    tally.count(at, REPEATED, found.repeated)
    tally.count(at, UNMATCHED, found.unmatched)
    tally.count(at, UNREADABLE, unreadable)


def _read(fields: Any) -> Iterator[WebhookEvent | BadEvent]:
    if fields.get("v") != VERSION or "body" not in fields:
        return iter([BadEvent("A stream entry is none of ours: only the webhook adds to this stream.")])
    return read_events(fields["body"])
