"""The CRM's contacts and customers as they were last upserted."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, text, update

from mailworker.ledger.bulk_insert import upsert
from mailworker.ledger.contact_tables import crm_contacts, crm_customers, erased_contacts
from mailworker.ledger.run_query import count_rows, pairs
from mailworker.rules.contact_diff import Company, ContactPerson, Stamp

# Any number will do, so long as every mailworker asks for the same one.
_POSTGRES_LOCK = 7_401_226_002
_PAGE = 1000
_PERSON_NAMES = [one.name for one in fields(ContactPerson) if one.name != "stamp"]
_COMPANY_NAMES = [one.name for one in fields(Company) if one.name != "stamp"]
_PERSON = [crm_contacts.c[name] for name in ("updated_at", "version", *_PERSON_NAMES)]
_COMPANY = [crm_customers.c[name] for name in ("updated_at", "version", *_COMPANY_NAMES)]


def alone(connection: Connection) -> None:
    """Let only one at a time upsert, until its transaction ends.

    An address may be shared by contacts that two of them would write at once. SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})


def known_people(connection: Connection, ids: Collection[str]) -> dict[str, ContactPerson]:
    """The contacts of these ids."""
    rows = connection.execute(select(*_PERSON).where(crm_contacts.c.contact_id.in_(ids)))
    return {one.contact_id: one for one in map(_person, rows)}


def count_known(connection: Connection, ids: Collection[str]) -> int:
    """How many of these contacts are known."""
    return count_rows(connection, crm_contacts, crm_contacts.c.contact_id.in_(ids))


def known_companies(connection: Connection, ids: Collection[str]) -> dict[str, Company]:
    """The customers of these ids."""
    rows = connection.execute(select(*_COMPANY).where(crm_customers.c.customer_id.in_(ids)))
    return {one.customer_id: one for one in map(_company, rows)}


def addresses_of(connection: Connection, customer_ids: Collection[str]) -> set[str]:
    """The addresses of these customers' contacts."""
    query = select(crm_contacts.c.email).where(crm_contacts.c.customer_id.in_(customer_ids))
    return set(connection.execute(query).scalars())


def people_at(
    connection: Connection, emails: Collection[str]
) -> dict[str, list[tuple[ContactPerson, Company | None]]]:
    """For each address, the contacts that have it, with their customers."""
    rows = connection.execute(select(*_PERSON).where(crm_contacts.c.email.in_(emails)))
    people = [_person(row) for row in rows]
    companies = known_companies(connection, {one.customer_id for one in people})
    found: dict[str, list[tuple[ContactPerson, Company | None]]] = {email: [] for email in emails}
    for one in people:
        found[one.email].append((one, companies.get(one.customer_id)))
    return found


def write_people(connection: Connection, people: Iterable[ContactPerson], now: datetime) -> None:
    """Keep these contacts, each in place of what was known of it."""
    rows = [{**_plain(one, _PERSON_NAMES), "heard_at": now} for one in people]
    upsert(connection, crm_contacts, rows, key="contact_id")


def write_companies(connection: Connection, companies: Iterable[Company]) -> None:
    """Keep these customers, each in place of what was known of it."""
    rows = [_plain(one, _COMPANY_NAMES) for one in companies]
    upsert(connection, crm_customers, rows, key="customer_id")


def still_there(connection: Connection, ids: Collection[str], now: datetime) -> None:
    """Note that the CRM spoke of these contacts, though nothing new."""
    connection.execute(update(crm_contacts).where(crm_contacts.c.contact_id.in_(ids)).values(heard_at=now))


def count_people(connection: Connection, *, known_before: datetime | None = None) -> int:
    """How many contacts are known; only those that the CRM was silent about since then."""
    silent = [] if known_before is None else [crm_contacts.c.heard_at < known_before]
    return count_rows(connection, crm_contacts, *silent)


def forget_silent(
    connection: Connection, *, known_before: datetime, limit: int = _PAGE
) -> list[ContactPerson]:
    """Delete contacts that the CRM was silent about since then, up to `limit`; gives them."""
    query = select(*_PERSON).where(crm_contacts.c.heard_at < known_before)
    people = [
        _person(row) for row in connection.execute(query.order_by(crm_contacts.c.heard_at).limit(limit))
    ]
    ids = [one.contact_id for one in people]
    connection.execute(delete(crm_contacts).where(crm_contacts.c.contact_id.in_(ids)))
    return people


def erase_people(connection: Connection, email: str, stand_in: str, now: datetime) -> None:
    """Forget every contact of this address, but for a stand-in that keeps since when."""
    connection.execute(delete(crm_contacts).where(crm_contacts.c.email == email))
    upsert(connection, erased_contacts, [{"stand_in": stand_in, "erased_at": now}], key="stand_in")


def erased_at(connection: Connection, pseudonyms: Collection[str]) -> dict[str, datetime]:
    """Of these stand-ins, the erased ones and since when."""
    query = select(erased_contacts.c.stand_in, erased_contacts.c.erased_at)
    return pairs(connection, query.where(erased_contacts.c.stand_in.in_(pseudonyms)))


def _person(row: Sequence[Any]) -> ContactPerson:
    """Out of a row of `_PERSON`. By position: names cost a million contacts a minute."""
    at, version, *rest = row
    return ContactPerson(stamp=Stamp(at, version), **dict(zip(_PERSON_NAMES, rest, strict=True)))


def _company(row: Sequence[Any]) -> Company:
    at, version, *rest = row
    return Company(stamp=Stamp(at, version), **dict(zip(_COMPANY_NAMES, rest, strict=True)))


def _plain(record: ContactPerson | Company, names: Iterable[str]) -> dict[str, Any]:
    stamp = {"version": record.stamp.version, "updated_at": record.stamp.at}
    return {name: getattr(record, name) for name in names} | stamp
