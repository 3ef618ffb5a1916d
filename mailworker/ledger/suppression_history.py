"""The suppression list as people read it, and what they did to it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, select, update

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


def forget_mailjets_word(connection: Connection, name: str, *, now: datetime) -> bool:
    """A contact did not unsubscribe, and is not left out by hand, as far as we know; whether it was so."""
    said_no = _M.unsubscribed_at.is_not(None) | _M.left_out
    statement = update(mailjet_contacts).where(_M.email == name, said_no)
    told_anew = case((_M.state.in_(("in_step", "refused")), "pending"), else_=_M.state)
    change = {"unsubscribed_at": None, "left_out": False, "told_excluded": True, "changed_at": now}
    return connection.execute(statement.values(**change, state=told_anew, due_at=now)).rowcount > 0
