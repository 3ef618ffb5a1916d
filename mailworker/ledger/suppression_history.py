"""The suppression list as people read it, and what they did to it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from mailworker.ledger.contact_tables import mailjet_contacts
from mailworker.ledger.tables import suppression_changes, suppressions

Row = Mapping[str, Any]

_M = mailjet_contacts.c


def latest(connection: Connection, *, reason: str, limit: int, skip: int = 0) -> list[Row]:
    """The youngest entries beyond the first `skip`, of one reason only where it is given.

    Erased addresses are pseudonyms.
    """
    query = select(suppressions)
    if reason:
        query = query.where(suppressions.c.reason == reason)
    ordered = query.order_by(suppressions.c.since.desc(), suppressions.c.email).limit(limit).offset(skip)
    return [dict(row) for row in connection.execute(ordered).mappings()]


def history(connection: Connection, name: str) -> list[Row]:
    """What people did about an address, the first first."""
    query = select(suppression_changes).where(suppression_changes.c.email == name)
    ordered = query.order_by(suppression_changes.c.at, suppression_changes.c.id)
    return [dict(row) for row in connection.execute(ordered).mappings()]


def lists_of(connection: Connection, name: str) -> list[str]:
    """The contact types of the contact that has this address."""
    return connection.execute(select(_M.lists).where(_M.email == name)).scalar() or []
