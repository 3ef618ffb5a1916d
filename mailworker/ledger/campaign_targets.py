"""Whom a campaign's message was written for, as things stand now."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from mailworker.ledger.contact_tables import campaigns, crm_contacts
from mailworker.ledger.run_query import pairs
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
