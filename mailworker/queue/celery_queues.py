"""Which Celery queue each sort of work is worked on from: the queues, and the channels with their tasks.

A channel is where work waits: a Redis Stream, or the ledger. Its task only wakes a worker: losing one costs
seconds, never work, for the sweep finds what waits.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mailworker.core.lane import Lane


@dataclass(frozen=True, slots=True)
class Channel:
    """Where work waits, and the Celery task that works on it.

    `stream` is the Redis Stream on which it waits, empty where it waits in the ledger. While the `flag` is up
    in Redis, a wake-up is on its way and no second one is needed. `lane` is the task's only argument.
    """

    task: str
    queue: str
    flag: str
    stream: str = ""
    lane: Lane | None = None

    @property
    def kwargs(self) -> Mapping[str, str]:
        """What the task carries: nothing personal."""
        return {} if self.lane is None else {"lane": self.lane.word}


def _mail_queue(lane: Lane) -> str:
    return f"mail.{lane.word}"


URGENT, NORMAL, BULK = (_mail_queue(lane) for lane in Lane)
RENDERING = "render"
CONTACT_JOBS = "contacts"
SCANS = "scans"
#: Where `send_task` puts a job when its caller names no queue: Celery's own default. The worker of
#: `mail.normal` serves it too, so that such a job does not wait where nobody looks.
CELERYS_DEFAULT = "celery"
#: Every one of them must have a worker.
QUEUES = (URGENT, NORMAL, BULK, RENDERING, CONTACT_JOBS, SCANS, CELERYS_DEFAULT)


def _stream_of(name: str, task: str, queue: str, lane: Lane | None = None) -> Channel:
    return Channel(task, queue, f"mailworker:awake:{name}", f"mailworker:jobs:{name}", lane)


#: Jobs of MailClient's.
MAIL: Mapping[Lane, Channel] = {
    lane: _stream_of(lane.word, "mailworker.drain", _mail_queue(lane), lane) for lane in Lane
}
#: Changes of contacts.
CONTACTS = _stream_of("contacts", "mailworker.sync_stream", CONTACT_JOBS)
#: What Mailjet's webhook calls bring.
EVENTS = Channel("mailworker.drain_events", NORMAL, "mailworker:awake:events", "mailworker:events")
#: What CGRateS posts.
OCS = Channel("mailworker.drain_ocs", NORMAL, "mailworker:awake:ocs", "mailworker:ocs")
#: Every channel with a stream, by the word that metrics have for it.
STREAMS: Mapping[str, Channel] = {
    **{lane.word: channel for lane, channel in MAIL.items()},
    "events": EVENTS,
    "contacts": CONTACTS,
    "ocs": OCS,
}


def _in_ledger(name: str, task: str, queue: str, lane: Lane | None = None) -> Channel:
    return Channel(task, queue, f"mailworker:ringing:{name}", lane=lane)


#: Messages that are ready.
DISPATCH: Mapping[Lane, Channel] = {
    lane: _in_ledger(f"dispatch:{lane.word}", "mailworker.dispatch", _mail_queue(lane), lane) for lane in Lane
}
#: Invoices to be rendered.
RENDER = _in_ledger("render", "mailworker.render", RENDERING)
#: Messages of unknown outcome.
RECONCILE = _in_ledger("reconcile", "mailworker.reconcile", SCANS)
#: Contacts that Mailjet does not know as they are now.
CONTACT_PUSH = _in_ledger("contacts:tell", "mailworker.sync_tell", CONTACT_JOBS)
#: The full sync that somebody asked for.
CONTACT_SYNC = _in_ledger("contacts:full", "mailworker.sync_in_background", CONTACT_JOBS)
#: Campaigns whose messages are still to be written.
CAMPAIGNS = _in_ledger("campaigns", "mailworker.campaign_step", CONTACT_JOBS)
#: Callbacks to the CRM that are due.
CALLBACKS = _in_ledger("callbacks", "mailworker.tell_callbacks", SCANS)
