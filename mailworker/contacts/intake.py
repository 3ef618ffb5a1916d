"""The way in for changes of contacts: from the stream, or one by one from who has only Celery."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from redis import Redis

from mailworker.contacts.full_sync import records_of
from mailworker.contacts.upsert import ContactUpsert, UpsertResult
from mailworker.core.summable import Summable
from mailworker.crm import CrmSource
from mailworker.errors import BadInput
from mailworker.ledger import Ledger, crm_contact_rows
from mailworker.ledger.rejected_jobs import reject
from mailworker.queue import envelope
from mailworker.queue.celery_queues import CONTACTS
from mailworker.queue.drain import ChannelReader
from mailworker.queue.envelope import open_envelope
from mailworker.queue.stream import Entry, GroupStream
from mailworker.rules.contact_diff import Company, ContactPerson
from mailworker.rules.contact_input import check_contact, check_customer, check_email

AT_ONCE = 500


@dataclass(slots=True)
class _Batch:
    """What one go at the stream brought, in the order in which it must be written."""

    people: list[ContactPerson] = field(default_factory=list)
    companies: list[Company] = field(default_factory=list)
    erased: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ContactsDrained(Summable):
    """What one go at the stream found; `alarms` are for people."""

    entries: int = 0
    upserted: UpsertResult = field(default_factory=UpsertResult)
    rejected: int = 0
    alarms: tuple[str, ...] = ()


class ContactIntake:
    """Takes jobs about contacts. `crm` is asked for customers that a job only names."""

    def __init__(self, ledger: Ledger, upserts: ContactUpsert, crm: CrmSource) -> None:
        self._ledger = ledger
        self._upserts = upserts
        self._crm = crm

    def take(self, job: Any, *, now: datetime, asked_at: datetime) -> UpsertResult:
        """Keep one job, `{"do": ..., ...}`. Raises BadInput with every fault."""
        batch = _Batch()
        self._read(job, batch, asked_at)
        return self._write(batch, now)

    def write(self, entries: Sequence[Entry], now: datetime) -> ContactsDrained:
        """Keep stream entries, in one transaction but for those that are plainly wrong."""
        batch, rejections = _Batch(), list[dict[str, Any]]()
        for entry_id, fields in entries:
            try:
                opened = open_envelope(fields)
                self._read(opened.job, batch, opened.at)
            except BadInput as fault:
                rejections.append(rejection(entry_id, fault.faults, now))
        upserted = self._write(batch, now)
        self.reject(rejections)
        return ContactsDrained(len(entries), upserted, len(rejections))

    def reject(self, rejections: Sequence[Mapping[str, Any]]) -> None:
        """Keep for people what was wrong."""
        if rejections:
            with self._ledger.write() as connection:
                reject(connection, rejections)

    def _read(self, job: Any, batch: _Batch, asked_at: datetime) -> None:
        wanted = job.get("do") if isinstance(job, Mapping) else None
        if wanted == envelope.SYNC_CONTACT:
            self._read_contact(job.get("contact"), batch, asked_at)
        elif wanted == envelope.SYNC_CUSTOMER:
            company, people = self._customer(job.get("customer"), asked_at)
            batch.companies.append(company)
            batch.people += people
        elif wanted == envelope.DELETE_CONTACT:
            email = check_email(job.get("email"))
            batch.erased.append(email)
            # What came before it in this batch must not bring anybody back.
            batch.people = [one for one in batch.people if one.email != email]
        else:
            raise BadInput("job: this worker does not know what to do with it; update the worker.")

    def _read_contact(self, raw: Any, batch: _Batch, asked_at: datetime) -> None:
        person = check_contact(raw, asked_at=asked_at)
        batch.people.append(person)
        if person.customer_id:
            with self._ledger.read() as connection:
                known = crm_contact_rows.known_companies(connection, [person.customer_id])
            customer = None if known else self._crm.customer(person.customer_id)
            if customer is not None:
                batch.companies.append(records_of(customer, asked_at)[0])

    def _customer(self, raw: Any, asked_at: datetime) -> tuple[Company, list[ContactPerson]]:
        company, people = check_customer(raw, asked_at=asked_at)
        if not set(raw) <= {"customer_id", "version", "updated_at"}:
            return company, people
        customer = self._crm.customer(company.customer_id)
        if customer is None:
            raise BadInput(
                "customer: only its customer_id was given, and the CRM does not know it; give its details, "
                "or connect the CRM under `crm:`."
            )
        return records_of(customer, asked_at)

    def _write(self, batch: _Batch, now: datetime) -> UpsertResult:
        with self._ledger.write() as connection:
            for email in batch.erased:
                self._upserts.erase(connection, email, now=now)
            return self._upserts.upsert(connection, batch.people, batch.companies, now=now)


class _Ledgered:
    """Stream entries become contacts that are to be pushed to Mailjet."""

    def __init__(self, intake: ContactIntake, now: datetime) -> None:
        self._intake = intake
        self._now = now

    def write(self, entries: Sequence[Entry]) -> ContactsDrained:
        """Keep all of them."""
        return self._intake.write(entries, self._now)

    def reject(self, entry: Entry, fault: str) -> ContactsDrained:
        """Note for people what could not be taken."""
        self._intake.reject([rejection(entry[0], [fault], self._now)])
        return ContactsDrained(entries=1, rejected=1)


def rejection(entry_id: str, faults: Sequence[str], now: datetime) -> dict[str, Any]:
    """The row that keeps for people what was wrong with a stream entry, without the person in it."""
    return {
        "at": now,
        "source": "contacts",
        "entry_id": f"contacts:{entry_id}",
        "kind": "contact",
        "message_id": None,
        "faults": list(faults),
        "payload": None,
    }


class ContactStream(ChannelReader[ContactsDrained]):
    """The stream of contact jobs, as a worker reads it."""

    def __init__(self, redis: "Redis", intake: ContactIntake) -> None:
        super().__init__(
            GroupStream(redis, CONTACTS.stream, at_once=AT_ONCE),
            sink=lambda now: _Ledgered(intake, now),
            total=lambda found: sum(found.results, ContactsDrained(entries=found.newer, alarms=found.alarms)),
        )
