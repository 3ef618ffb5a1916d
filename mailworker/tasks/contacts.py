"""Contacts: how OmniCRM's changes come in, and the tasks that push them to Mailjet."""

import uuid
from datetime import timedelta
from typing import Any

from mailworker.contacts import ContactStream
from mailworker.contacts.full_sync_in_background import BackgroundSync, SyncSlice
from mailworker.contacts.intake import ContactsDrained
from mailworker.contacts.push_to_mailjet import PushResult
from mailworker.errors import TransientError
from mailworker.ledger import contact_sync_runs
from mailworker.limits import NoCallFree
from mailworker.queue import envelope
from mailworker.queue.celery_queues import CONTACT_PUSH, CONTACT_SYNC, CONTACTS
from mailworker.tasks.app import app
from mailworker.tasks.base import DiscreetTask, HousekeepingTask, current_container, log
from mailworker.tasks.emails import IntakeTask
from mailworker.tasks.time_slices import SLICE_SECONDS, run_slice, wake

#: One page of a full sync, where a REST API lists contacts for one customer at a time.
PAGE_SECONDS = 600


@app.task(name="mailworker.sync_contact", base=IntakeTask)
def sync_contact(contact: dict[str, Any]) -> None:
    """Have Mailjet know a contact as it is now."""
    _take({"do": envelope.SYNC_CONTACT, "contact": contact})


@app.task(name="mailworker.sync_customer", base=IntakeTask)
def sync_customer(customer: dict[str, Any]) -> None:
    """Have Mailjet know a customer's details on all of its contacts; those given are synchronised too."""
    _take({"do": envelope.SYNC_CUSTOMER, "customer": customer})


@app.task(name="mailworker.delete_contact", base=IntakeTask)
def delete_contact(email: str) -> None:
    """Erase an address for good: at Mailjet, and among the ledger's contacts."""
    _take({"do": envelope.DELETE_CONTACT, "email": email})


@app.task(name="mailworker.sync_all_contacts", base=IntakeTask)
def sync_all_contacts() -> str:
    """Bring all contacts into line with the CRM, in the background; gives whether one runs already."""
    container = current_container()
    with container.ledger.write() as connection:
        began = contact_sync_runs.open_sync(connection, str(uuid.uuid4()), container.clock())
    wake(container, CONTACT_SYNC)
    return "started" if began else "one runs already"


@app.task(name=CONTACTS.task, base=DiscreetTask)
def drain() -> None:
    """Move contact jobs from the stream into the ledger, then have them pushed."""
    container = current_container()
    stream = ContactStream(container.redis, container.contacts.intake)

    def report(drained: ContactsDrained) -> None:
        log.info("contact jobs taken", jobs=drained.entries, rejected=drained.rejected)
        for alarm in drained.alarms:
            log.error(alarm)
        wake(container, CONTACT_PUSH, after=container.contacts.debounce)

    run_slice(container, CONTACTS, lambda: stream.drain_some(container.clock()), report)


@app.task(name=CONTACT_PUSH.task, base=DiscreetTask)
def push() -> None:
    """Push to Mailjet what changed, and follow its jobs, for a few seconds."""
    container = current_container()

    def step() -> PushResult | None:
        try:
            return container.contacts.step()
        except NoCallFree as pause:
            wake(container, CONTACT_PUSH, after=timedelta(seconds=pause.retry_after))
            return None

    def report(done: PushResult) -> None:
        if done.contacts:
            log.info("contacts pushed", contacts=done.contacts)
        if done.alarm:
            log.error(done.alarm)

    run_slice(container, CONTACT_PUSH, step, report)


@app.task(name=CONTACT_SYNC.task, base=DiscreetTask, time_limit=PAGE_SECONDS)
def in_background() -> None:
    """Go on for a few seconds with the full sync that was requested, if no other task does."""
    container = current_container()
    lease = 2 * container.settings.worker.lease
    sync = BackgroundSync(container.ledger, container.contacts, container.clock, lease=lease)

    def report(done: SyncSlice) -> None:
        wake(container, CONTACT_PUSH)
        if done.finished:
            log.info("full contact sync has read everything", **done.report)

    run_slice(container, CONTACT_SYNC, lambda: sync.run(seconds=SLICE_SECONDS), report)


@app.task(name="mailworker.sync_sweep", base=HousekeepingTask)
def sweep() -> None:
    """Wake the tasks for which contacts wait."""
    container = current_container()
    try:
        if ContactStream(container.redis, container.contacts.intake).waiting():
            wake(container, CONTACTS)
        if container.contacts.anything_due():
            wake(container, CONTACT_PUSH)
        with container.ledger.read() as connection:
            free = contact_sync_runs.any_sync_free(connection, container.clock())
        if free:
            wake(container, CONTACT_SYNC)
    except TransientError as fault:
        log.warning("contact sweep stopped, the next one resumes it", why=str(fault))


def _take(job: dict[str, Any]) -> None:
    container = current_container()
    now = container.clock()
    container.contacts.intake.take(job, now=now, asked_at=now)
    wake(container, CONTACT_PUSH, after=container.contacts.debounce)
