"""Suppressions of contacts, noted on them so that they are pushed to Mailjet as exclusions."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, select, update

from mailworker.core.chunks import chunked
from mailworker.ledger.contact_tables import mailjet_contacts
from mailworker.ledger.mailjet_contact_rows import add_entries, change_entries, new_entry
from mailworker.ledger.run_query import Row, all_rows
from mailworker.rules.contact_diff import TargetContact, audience_of

#: The owner's own no: it is pushed also where the address is no contact of the CRM, for somebody may
#: have put it on a list there.
_OWN_REASONS = frozenset({"unsubscribed", "spam", "blocked"})
_M = mailjet_contacts.c
_NEEDED = [
    _M[name]
    for name in ("email", "name", "properties", "lists", "excluded", "barred", "state", "task", "due_at")
]
_AT_ONCE = 1_000


def bar(connection: Connection, reasons: Mapping[str, str], *, now: datetime) -> None:
    """Note why campaigns leave these addresses out (canonical form); it is pushed as soon as can be."""
    known = _noted(connection, reasons, now)
    strangers = {
        email: reason
        for email, reason in reasons.items()
        if email not in known and reason in _OWN_REASONS and "@" in email
    }
    add_entries(connection, [_stranger(email, reason, now) for email, reason in strangers.items()])


def unbar(connection: Connection, emails: Collection[str], *, now: datetime) -> None:
    """Campaigns need not leave these addresses out any more; an exclusion that was pushed is taken back."""
    _noted(connection, dict.fromkeys(emails), now)


def note_pushed(connection: Connection, emails: Collection[str]) -> None:
    """Mailjet leaves these out of campaigns because we pushed it; it is taken back where the reason goes."""
    statement = update(mailjet_contacts).where(_M.email.in_(list(emails)))
    connection.execute(statement.values(told_excluded=True))


def fingerprint_of(row: Row) -> str:
    """The digest of what Mailjet should know of a contact, its bar included."""
    known = (row["name"], row["properties"], tuple(row["lists"]), row["excluded"])
    return TargetContact(*known, barred=row["barred"]).fingerprint


def _noted(connection: Connection, reasons: Mapping[str, str | None], now: datetime) -> set[str]:
    known: set[str] = set()
    for emails in chunked(sorted(reasons), _AT_ONCE):
        query = select(*_NEEDED).where(_M.email.in_(emails)).order_by(_M.email).with_for_update()
        rows = all_rows(connection, query)
        known |= {row["email"] for row in rows}
        differing = [row for row in rows if row["barred"] != reasons[row["email"]]]
        changes = [_change({**row, "barred": reasons[row["email"]]}, now) for row in differing]
        change_entries(connection, changes)
    return known


def _change(row: Row, now: datetime) -> dict[str, Any]:
    due_again = row["state"] in {"in_step", "refused"} and row["task"] == "tell"
    return {
        "email": row["email"],
        "barred": row["barred"],
        "fingerprint": fingerprint_of(row),
        "state": "pending" if due_again else row["state"],
        "due_at": now if due_again or row["state"] == "pending" else row["due_at"],
        "changed_at": now,
    }


def _stranger(email: str, reason: str, now: datetime) -> dict[str, Any]:
    """An address that Mailjet may know, and the CRM does not."""
    empty: dict[str, Any] = {"name": "", "properties": {}, "lists": [], "excluded": None, "barred": reason}
    push = {"task": "bar", "audience": audience_of((), ()), "due_at": now, "changed_at": now}
    return new_entry(**empty, **push, email=email, fingerprint=fingerprint_of(empty))


def forget_unsubscribe(connection: Connection, name: str, *, now: datetime) -> bool:
    """Note that a contact did not unsubscribe at Mailjet, nor is left out there; gives whether it was so."""
    opted_out = _M.unsubscribed_at.is_not(None) | _M.left_out
    statement = update(mailjet_contacts).where(_M.email == name, opted_out)
    due_again = case((_M.state.in_(("in_step", "refused")), "pending"), else_=_M.state)
    change = {"unsubscribed_at": None, "left_out": False, "told_excluded": True, "changed_at": now}
    return connection.execute(statement.values(**change, state=due_again, due_at=now)).rowcount > 0
