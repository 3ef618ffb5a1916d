"""How changes of contacts travel on Redis: like mail, on a stream of their own.

A job is `{"do": "sync_contact", "contact": {...}}`, `{"do": "sync_customer", "customer": {...}}` or
`{"do": "delete_contact", "email": "..."}`, in the envelope of `mailworker.queue.envelope`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mailworker.core.message import Lane
from mailworker.queue import envelope

STREAM = "mailworker:jobs:contacts"
AWAKE = "mailworker:awake:contacts"
QUEUE = "contacts"

#: The Celery task that says "look at the stream".
DRAIN_TASK = "mailworker.sync_stream"

SYNC_CONTACT = "sync_contact"
SYNC_CUSTOMER = "sync_customer"
DELETE_CONTACT = "delete_contact"


@dataclass(frozen=True, slots=True)
class StreamRoute:
    """Where a job goes: its stream, the flag of its ticket, and the Celery task that is the ticket."""

    stream: str
    awake_flag: str
    task: str
    queue: str
    lane: str | None = None

    @property
    def kwargs(self) -> Mapping[str, str]:
        """What the ticket carries."""
        return MappingProxyType({"lane": self.lane} if self.lane else {})


CONTACTS = StreamRoute(STREAM, AWAKE, DRAIN_TASK, QUEUE)


def mail_way(lane: Lane) -> StreamRoute:
    """The way of this lane's mail."""
    return StreamRoute(
        envelope.stream(lane), envelope.awake_flag(lane), envelope.DRAIN_TASK, envelope.queue(lane), lane.word
    )
