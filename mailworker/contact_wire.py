"""How changes of contacts travel on Redis: like mail, on a stream of their own.

A job is `{"do": "sync_contact", "contact": {...}}`, `{"do": "sync_customer", "customer": {...}}` or
`{"do": "delete_contact", "email": "..."}`, in the envelope of `mailworker.wire`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mailworker import wire
from mailworker.message import Lane

STREAM = "mailworker:jobs:contacts"
AWAKE = "mailworker:awake:contacts"
QUEUE = "contacts"

#: The Celery task that says "look at the stream".
DRAIN_TASK = "mailworker.sync_stream"

SYNC_CONTACT = "sync_contact"
SYNC_CUSTOMER = "sync_customer"
DELETE_CONTACT = "delete_contact"


@dataclass(frozen=True, slots=True)
class Way:
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


CONTACTS = Way(STREAM, AWAKE, DRAIN_TASK, QUEUE)


def mail_way(lane: Lane) -> Way:
    """The way of this lane's mail."""
    return Way(wire.stream(lane), wire.awake_flag(lane), wire.DRAIN_TASK, wire.queue(lane), lane.word)
