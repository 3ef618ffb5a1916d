"""Whom a campaign's message was written for, as things stand now."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from mailworker.ledger.contact_tables import campaigns, crm_contacts
from mailworker.rules.campaign_rules import contact_in_key


@dataclass(frozen=True, slots=True)
class Target:
    """A contact of a campaign: the list it is for, and the address that the contact has by now.

    `email` is None where the CRM has no contact of that id: then the address itself stood for one.
    """

    contact_type: str
    email: str | None = field(repr=False)


def targets(connection: Connection, keys: Iterable[str]) -> dict[str, Target]:
    """For each of these idempotency keys that is a campaign message's, its target."""
    parts = {key: found for key in keys if (found := contact_in_key(key)) is not None}
    if not parts:
        return {}
    ids = {campaign for campaign, _ in parts.values()}
    query = select(campaigns.c.id, campaigns.c.contact_type).where(campaigns.c.id.in_(ids))
    types = {row.id: row.contact_type for row in connection.execute(query)}
    contacts = {contact for _, contact in parts.values()}
    query = select(crm_contacts.c.contact_id, crm_contacts.c.email).where(
        crm_contacts.c.contact_id.in_(contacts)
    )
    emails = {row.contact_id: row.email for row in connection.execute(query)}
    return {
        key: Target(types[campaign], emails.get(contact))
        for key, (campaign, contact) in parts.items()
        if campaign in types
    }
