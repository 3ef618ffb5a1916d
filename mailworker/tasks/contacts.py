"""Contacts: the doors of OmniCRM's changes, and the tasks that tell Mailjet of them."""

import time
import uuid
from datetime import timedelta
from typing import Any

from mailworker.contacts import NoTokenYet, contact_stream
from mailworker.contacts.background_sync import BackgroundSync
from mailworker.errors import TransientError
from mailworker.ledger import contact_stats as report
from mailworker.queue import contact_envelope
from mailworker.tasks.app import app
from mailworker.tasks.base import DiscreetTask, HousekeepingTask, current_container, log
from mailworker.tasks.emails import DoorTask
from mailworker.tasks.wakeups import (
    wake_contacts_drain,
    wake_contacts_push,
    wake_contacts_sync,
    woke_contacts_push,
    woke_contacts_sync,
)

SLICE_SECONDS = 5.0
#: One page of a full sync, where a REST API has to be asked for each customer's contacts.
PAGE_SECONDS = 600


@app.task(name="mailworker.sync_contact", base=DoorTask)
def sync_contact(contact: dict[str, Any]) -> None:
    """Have Mailjet know a contact as it is now."""
    _take({"do": contact_envelope.SYNC_CONTACT, "contact": contact})


@app.task(name="mailworker.sync_customer", base=DoorTask)
def sync_customer(customer: dict[str, Any]) -> None:
    """Have Mailjet know a customer's details on all of its contacts; those given are synchronised too."""
    _take({"do": contact_envelope.SYNC_CUSTOMER, "customer": customer})


@app.task(name="mailworker.delete_contact", base=DoorTask)
def delete_contact(email: str) -> None:
    """Erase an address for good: at Mailjet, and among the ledger's contacts."""
    _take({"do": contact_envelope.DELETE_CONTACT, "email": email})


@app.task(name="mailworker.sync_all_contacts", base=DoorTask)
def sync_all_contacts() -> str:
    """Bring all contacts into line with the CRM, in the background; says whether one runs already."""
    container = current_container()
    with container.ledger.write() as connection:
        began = report.open_sync(connection, str(uuid.uuid4()), container.clock())
    wake_contacts_sync(container)
    return "started" if began else "one runs already"


@app.task(name=contact_envelope.DRAIN_TASK, base=DiscreetTask)
def drain() -> None:
    """Move contact jobs from the stream into the ledger, then have Mailjet told."""
    container = current_container()
    stream = contact_stream(container.redis)
    deadline = time.monotonic() + SLICE_SECONDS
    try:
        stream.forget_flag(contact_envelope.AWAKE)
        while (drained := container.contacts.door.drain_some(stream, container.clock())).entries:
            log.info("contacts heard of", jobs=drained.entries, rejected=drained.rejected)
            for alarm in drained.alarms:
                log.error(alarm)
            if time.monotonic() > deadline:
                wake_contacts_drain(container)
                break
        wake_contacts_push(container, after=container.contacts.settle)
    except TransientError as fault:
        log.warning("contact jobs wait, the sweep resumes them", why=str(fault))


@app.task(name="mailworker.sync_tell", base=DiscreetTask)
def tell() -> None:
    """Tell Mailjet what changed, and follow its jobs, for a few seconds."""
    container = current_container()
    woke_contacts_push(container)
    deadline = time.monotonic() + SLICE_SECONDS
    try:
        while (told := container.contacts.step()) is not None:
            if told.contacts:
                log.info("contacts told", contacts=told.contacts)
            if told.alarm:
                log.error(told.alarm)
            if time.monotonic() > deadline:
                wake_contacts_push(container)
                return
    except NoTokenYet:
        wake_contacts_push(container, after=timedelta(seconds=1))
    except TransientError as fault:
        log.warning("contacts wait, the sweep resumes them", why=str(fault))


@app.task(name="mailworker.sync_in_background", base=DiscreetTask, time_limit=PAGE_SECONDS)
def in_background() -> None:
    """Go on for a few seconds with the full sync that was asked for, if nobody else does."""
    container = current_container()
    woke_contacts_sync(container)
    try:
        lease = 2 * container.settings.worker.lease
        sync = BackgroundSync(container.ledger, container.contacts, container.clock, lease=lease)
        done = sync.run(seconds=SLICE_SECONDS)
    except TransientError as fault:
        log.warning("the full contact sync stopped, the sweep resumes it", why=str(fault))
        return
    if done is None:
        return
    wake_contacts_push(container)
    if done.finished:
        log.info("full contact sync has read everything", **done.report)
    else:
        wake_contacts_sync(container)


@app.task(name="mailworker.sync_sweep", base=HousekeepingTask)
def sweep() -> None:
    """Wake whoever has contacts waiting."""
    container = current_container()
    try:
        if contact_stream(container.redis).waiting():
            wake_contacts_drain(container)
        if container.contacts.anything_due():
            wake_contacts_push(container)
        with container.ledger.read() as connection:
            free = report.any_sync_free(connection, container.clock())
        if free:
            wake_contacts_sync(container)
    except TransientError as fault:
        log.warning("contact sweep stopped, the next one resumes it", why=str(fault))


def _take(job: dict[str, Any]) -> None:
    container = current_container()
    now = container.clock()
    container.contacts.door.take(job, now=now, asked_at=now)
    wake_contacts_push(container, after=container.contacts.settle)
