"""A full reading of the CRM: every contact upserted, whoever is gone noted, in the memory of one page."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from mailworker.config.contacts import ContactSettings
from mailworker.contacts.upsert import ContactUpsert, UpsertResult, rules_of
from mailworker.core.plural import counted
from mailworker.crm import CrmSource, RecordPage
from mailworker.crm.records import CrmContact, Customer
from mailworker.crm.row_source_interface import Cursor
from mailworker.errors import BadInput
from mailworker.ledger import Ledger, crm_contact_rows
from mailworker.rules.contact_diff import Company, ContactPerson, Stamp
from mailworker.rules.contact_input import contact_address
from mailworker.rules.contact_sync_cost_and_pauses import removes_too_much
from mailworker.rules.pseudonym import pseudonym

#: At most so many sentences about unreadable records are kept; the others are counted.
_SENTENCES = 20


@dataclass(slots=True)
class FullSyncResult:
    """What reading found. `silent` are contacts that the CRM has no more; a dry run alone counts `known`.

    `faults` are records that could not be read, `untraced` those of which it is not known whose they are: any
    contact may be one of them, so that nobody counts as gone.
    """

    upserted: UpsertResult = field(default_factory=UpsertResult)
    customers: int = 0
    contacts: int = 0
    known: int = 0
    silent: int = 0
    faults: int = 0
    untraced: int = 0
    sentences: list[str] = field(default_factory=list)

    def __add__(self, other: "FullSyncResult") -> "FullSyncResult":
        names = ("customers", "contacts", "known", "silent", "faults", "untraced")
        sums = {name: getattr(self, name) + getattr(other, name) for name in names}
        sentences = (self.sentences + other.sentences)[:_SENTENCES]
        return FullSyncResult(self.upserted + other.upserted, sentences=sentences, **sums)

    def note(self, faults: Sequence[str]) -> None:
        """Keep what could not be read."""
        self.faults += len(faults)
        self.sentences += list(faults)[: _SENTENCES - len(self.sentences)]


class _DryRunDone(Exception):
    """Ends a dry run's transaction."""


class CrmReader:
    """Reads all of the CRM into the ledger. `largest_removal` is in percent of the known contacts."""

    def __init__(
        self, ledger: Ledger, crm: CrmSource, upserts: ContactUpsert, *, largest_removal: int
    ) -> None:
        self._ledger = ledger
        self._crm = crm
        self._upserts = upserts
        self._largest_removal = largest_removal

    def total(self, since: datetime | None = None) -> int | None:
        """How many customers are read, for a progress bar; None where that is not known."""
        return None if since and self.can_list_changes else self._crm.count("customers")

    @property
    def can_list_changes(self) -> bool:
        """Whether the CRM can list what changed, so that not all of it is read for that."""
        return self._crm.offers("changed_customers")

    def read(
        self,
        *,
        clock: Callable[[], datetime],
        since: datetime | None = None,
        dry_run: bool = False,
        progress: Callable[[int], None] = lambda _customers: None,
    ) -> FullSyncResult:
        """Upsert every customer and contact, or only those changed `since`. Reading again changes nothing."""
        began, found = clock(), FullSyncResult()
        for page, chosen in self._pages(since):
            found += self._take(page, chosen, began, dry_run=dry_run)
            progress(len(page.records))
        if since is None and not found.untraced:
            with self._ledger.read() as connection:
                found.silent = (
                    crm_contact_rows.count_people(connection) - found.known
                    if dry_run
                    else crm_contact_rows.count_people(connection, known_before=began)
                )
        return found

    def steps(
        self, after: Cursor | None, clock: Callable[[], datetime]
    ) -> Iterator[tuple[FullSyncResult, Cursor | None]]:
        """Upsert every customer and contact after a cursor; gives each page's result, and the next cursor."""
        for page in self._crm.customers(after=after):
            yield self._take(page, page.records, clock(), dry_run=False), page.end

    def _pages(self, since: datetime | None) -> Iterator[tuple[RecordPage[Customer], Sequence[Customer]]]:
        """Each page, and those of its records that are wanted."""
        if since is None or self.can_list_changes:
            pages = self._crm.customers() if since is None else self._crm.changed_customers(since)
            yield from ((page, page.records) for page in pages)
            return
        for page in self._crm.customers():
            yield page, [one for one in page.records if _changed_since(one, since)]

    def forget_silent(
        self, *, known_before: datetime, clock: Callable[[], datetime], force: bool
    ) -> Iterator[int]:
        """Take contacts that the CRM has no more off Mailjet's lists; gives how many addresses, page by page.

        BadInput where so many are missing that the CRM's query looks broken, unless `force`.
        """
        with self._ledger.read() as connection:
            silent = crm_contact_rows.count_people(connection, known_before=known_before)
            known = crm_contact_rows.count_people(connection)
        if not force and removes_too_much(silent, known, percent=self._largest_removal):
            raise BadInput(
                f"The CRM is silent about {silent} of {counted(known, 'contact')}, more than "
                f"{self._largest_removal} %: nothing was removed. Look at crm.sql.queries "
                "or crm.http; if they really are gone, repeat with --allow-removals."
            )
        while silent > 0:
            with self._ledger.write() as connection:
                done = self._upserts.forget_silent(connection, known_before=known_before, now=clock())
                silent = crm_contact_rows.count_people(connection, known_before=known_before)
            yield done.removed

    def _take(
        self, page: RecordPage[Customer], chosen: Sequence[Customer], read_at: datetime, *, dry_run: bool
    ) -> FullSyncResult:
        people, faults = _people(chosen, read_at)
        companies = [_company(one, read_at) for one in chosen]
        kept = self._not_erased(people, chosen)
        # The CRM has them, though with an address that is none: what is known of them stays.
        unread = {*page.unread, *(one.contact_id for one in _contacts(chosen))}
        unread -= {one.contact_id for one in people}
        upserted, known = self._upsert_page(kept, companies, unread, read_at, dry_run=dry_run)
        found = FullSyncResult(upserted, len(page.records), len(people), known)
        found.untraced = len(page.faults) - page.traced
        found.note(page.faults)
        found.note(faults)
        return found

    def _not_erased(
        self, people: Sequence[ContactPerson], customers: Sequence[Customer]
    ) -> list[ContactPerson]:
        """Without those who were erased, where the CRM has no date that shows them back later."""
        dated = {one.contact_id for one in _contacts(customers) if one.updated_at is not None}
        undated = {pseudonym(one.email) for one in people if one.contact_id not in dated}
        with self._ledger.read() as connection:
            gone = crm_contact_rows.erased_at(connection, undated) if undated else {}
        return [one for one in people if one.contact_id in dated or pseudonym(one.email) not in gone]

    def _upsert_page(
        self,
        people: Sequence[ContactPerson],
        companies: Sequence[Company],
        unread: Collection[str],
        now: datetime,
        *,
        dry_run: bool,
    ) -> tuple[UpsertResult, int]:
        """What the upsert changed, or would change; for a dry run, how many of them were known before."""
        with suppress(_DryRunDone), self._ledger.write() as connection:
            ids = {*unread, *(one.contact_id for one in people)}
            known = crm_contact_rows.count_known(connection, ids) if dry_run else 0
            crm_contact_rows.still_there(connection, unread, now)
            done = self._upserts.upsert(connection, people, companies, now=now, thorough=True)
            if dry_run:
                _roll_back()
        return done, known


def crm_reader(ledger: Ledger, crm: CrmSource, settings: ContactSettings) -> CrmReader:
    """What reads this CRM, as `contacts:` has it."""
    upserts = ContactUpsert(rules_of(settings), settings.settle)
    return CrmReader(ledger, crm, upserts, largest_removal=settings.largest_removal)


def _roll_back() -> None:
    raise _DryRunDone


def _changed_since(customer: Customer, since: datetime) -> bool:
    moments = [customer.updated_at, *(one.updated_at for one in customer.contacts)]
    return any(moment is None or moment >= since for moment in moments)


def _people(customers: Sequence[Customer], read_at: datetime) -> tuple[list[ContactPerson], list[str]]:
    people: list[ContactPerson] = []
    faults: list[str] = []
    for contact in _contacts(customers):
        try:
            people.append(person_of(contact, read_at))
        except BadInput as fault:
            faults += fault.faults
    return people, faults


def _contacts(customers: Sequence[Customer]) -> Iterator[CrmContact]:
    for customer in customers:
        yield from customer.contacts


def person_of(contact: CrmContact, read_at: datetime) -> ContactPerson:
    """A CRM record as the rules ask for it. BadInput where its address is none."""
    try:
        email = contact_address(contact.email)
    except ValueError as fault:
        raise BadInput(f"Contact {contact.contact_id}: email is not an e-mail address: {fault}.") from None
    return ContactPerson(
        contact_id=contact.contact_id,
        email=email,
        stamp=Stamp(contact.updated_at or read_at),
        customer_id=contact.customer_id,
        name=contact.name,
        contact_type=contact.contact_type,
        language=contact.language,
        custom_fields=dict(contact.custom_fields),
    )


def _company(customer: Customer, read_at: datetime) -> Company:
    return Company(
        customer_id=customer.customer_id,
        stamp=Stamp(customer.updated_at or read_at, customer.version),
        name=customer.name,
        city=customer.city,
        postal_code=customer.postal_code,
        country=customer.country,
        language=customer.language,
        timezone=customer.timezone,
        custom_fields=dict(customer.custom_fields),
    )


def records_of(customer: Customer, read_at: datetime) -> tuple[Company, list[ContactPerson]]:
    """A customer of the CRM with those of its contacts that can be read."""
    return _company(customer, read_at), _people([customer], read_at)[0]
