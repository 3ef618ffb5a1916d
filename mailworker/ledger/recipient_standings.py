"""What is known of an address that somebody wants to write to: its suppression, its contact, its own choices.

Addresses stand here in their canonical form; one that was erased stays listed under its pseudonym.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, select

from mailworker.core.canonical_address import canonical_address
from mailworker.core.chunks import chunked
from mailworker.ledger.contact_tables import mailjet_contacts
from mailworker.ledger.switched_off_kinds import switched_off
from mailworker.ledger.tables import suppressions
from mailworker.rules.pseudonym import pseudonyms
from mailworker.rules.recipient_gate import Standing
from mailworker.rules.suppression_reasons import Listing, weightier

_S = suppressions.c
_M = mailjet_contacts.c
#: SQLite takes 32,766 values in a statement.
_AT_ONCE = 5_000


def standings(connection: Connection, emails: Iterable[str]) -> dict[str, Standing]:
    """What is known of each of these addresses, by their canonical form."""
    names = {canonical_address(email) for email in emails}
    reasons = _reasons(connection, names)
    contacts = _contacts(connection, names)
    off = switched_off(connection, names)
    known = {name: _standing(reasons.get(name), contacts.get(name)) for name in names}
    return known | {name: replace(known[name], switched_off=kinds) for name, kinds in off.items()}


def suppressed(connection: Connection, emails: Iterable[str]) -> dict[str, str]:
    """Of these addresses, the listed ones and why, by their canonical form."""
    return _reasons(connection, {canonical_address(email) for email in emails})


def _reasons(connection: Connection, names: Collection[str]) -> dict[str, str]:
    spellings = {spelled: name for name in names for spelled in (name, *pseudonyms(name))}
    found: dict[str, Listing] = {}
    for spelled, listing in listings(connection, spellings).items():
        name = spellings[spelled]
        found[name] = weightier(found[name], listing) if name in found else listing
    return {name: listing.reason for name, listing in found.items()}


def _contacts(connection: Connection, names: Collection[str]) -> dict[str, Any]:
    query = select(_M.email, _M.unsubscribed_at, _M.left_out, _M.excluded, _M.lists, _M.task)
    parts = chunked(names, _AT_ONCE)
    return {row.email: row for some in parts for row in connection.execute(query.where(_M.email.in_(some)))}


def _standing(reason: str | None, contact: Any) -> Standing:
    if contact is None:
        return Standing(suppressed=reason)
    return Standing(
        suppressed=reason,
        unsubscribed=contact.unsubscribed_at is not None,
        left_out=contact.left_out,
        consents=None if contact.excluded is None else not contact.excluded,
        lists=frozenset() if contact.task == "erase" else frozenset(contact.lists),
    )


def listings(connection: Connection, names: Collection[str]) -> dict[str, Listing]:
    """Of these addresses (in their canonical form) or pseudonyms, the rows on the list."""
    query = select(_S.email, _S.reason, _S.since, _S.source)
    found: dict[str, Listing] = {}
    for some in chunked(names, _AT_ONCE):
        for email, reason, since, source in connection.execute(query.where(_S.email.in_(some))):
            found[email] = Listing(reason, since, source or "")
    return found
