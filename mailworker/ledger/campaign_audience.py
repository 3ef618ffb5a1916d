"""Whom a campaign is for: contacts by address, their language, and whom a message of it was written for."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, func, select

from mailworker.ledger.contact_tables import campaigns, crm_contacts, mailjet_contacts
from mailworker.ledger.crm_contact_rows import people_at
from mailworker.ledger.run_query import Row, all_rows, first_row, pairs
from mailworker.rules.campaign_rules import contact_in_key
from mailworker.rules.contact_diff import field_of

_M = mailjet_contacts.c
#: What is read of a contact to decide whether a campaign's message goes to it, and to write that.
_CONTACT = [_M.email, _M.name, _M.properties, _M.lists, _M.excluded, _M.barred]
_CONTACT += [_M.left_out, _M.unsubscribed_at, _M.state, _M.task]


def owners(connection: Connection, emails: Collection[str]) -> dict[str, str]:
    """By address, the CRM's id of the contact that has it; of several, always the same; or the address."""
    query = select(crm_contacts.c.email, func.min(crm_contacts.c.contact_id))
    rows = connection.execute(query.where(crm_contacts.c.email.in_(emails)).group_by(crm_contacts.c.email))
    return {email: email for email in emails} | {email: str(id_) for email, id_ in rows}


def languages(connection: Connection, emails: Collection[str]) -> dict[str, str]:
    """By address, the language of the contact that was changed last there; who has none is left out."""
    found: dict[str, str] = {}
    for email, people in people_at(connection, emails).items():
        if people:
            person, company = max(people, key=lambda one: (one[0].stamp.at, one[0].contact_id))
            if language := field_of("contact.language", person, company):
                found[email] = language
    return found


def contacts_after(
    connection: Connection,
    email: str,
    *,
    limit: int,
    changed_since: datetime | None = None,
) -> list[Row]:
    """The next contacts by address: all, or those that changed since then.

    Those that belong to nobody are left in: `lists` is empty then.
    """
    query = select(*_CONTACT).where(_M.email > email)
    if changed_since is not None:
        query = query.where(_M.changed_at >= changed_since)
    return all_rows(connection, query.order_by(_M.email).limit(limit))


def contact_at(connection: Connection, email: str) -> Row | None:
    """The contact with this canonical address, as `contacts_after` gives it; None where there is none."""
    return first_row(connection, select(*_CONTACT).where(_M.email == email))


@dataclass(frozen=True, slots=True)
class Target:
    """A contact of a campaign: the list it is for, and the address that the contact has by now.

    `email` is None where the CRM has no contact of that id: then the address itself stood for one.
    """

    contact_type: str
    email: str | None = field(repr=False)


def targets(connection: Connection, keys: Iterable[str]) -> dict[str, Target]:
    """For each of these idempotency keys that is a campaign message's, its target."""
    named = {key: found for key in keys if (found := contact_in_key(key)) is not None}
    if not named:
        return {}
    ids = {campaign for campaign, _ in named.values()}
    query = select(campaigns.c.id, campaigns.c.contact_type).where(campaigns.c.id.in_(ids))
    types = pairs(connection, query)
    contacts = {contact for _, contact in named.values()}
    query = select(crm_contacts.c.contact_id, crm_contacts.c.email)
    emails = pairs(connection, query.where(crm_contacts.c.contact_id.in_(contacts)))
    return {
        key: Target(types[campaign], emails.get(contact))
        for key, (campaign, contact) in named.items()
        if campaign in types
    }
