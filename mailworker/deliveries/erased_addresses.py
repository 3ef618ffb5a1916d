"""Events that name somebody who was erased: they count, under the stand-in, and bring no address back."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from mailworker.deliveries.kept_event_fields import EventRecord
from mailworker.ledger.crm_contact_rows import erased_at
from mailworker.ledger.recipient_standings import listings
from mailworker.rules.pseudonym import is_pseudonym, pseudonym, pseudonyms

Pair = tuple[EventRecord, Mapping[str, Any] | None]


def under_stand_ins(connection: Connection, pairs: Sequence[Pair]) -> list[Pair]:
    """The same, with the stand-in where an address would be kept of somebody whom the ledger has erased.

    That is so where its message has a stand-in for the address, the suppression list, or the contacts. Of a
    message's own recipient nothing is kept with the event.
    """
    named = {
        one.email: pseudonyms(one.email)
        for one, row in pairs
        if one.email and (row is None or not one.is_for(row))
    }
    if not named:
        return list(pairs)
    names = {spelled for spellings in named.values() for spelled in spellings}
    erased = listings(connection, names).keys() | erased_at(connection, names).keys()
    erased |= {email for _, row in pairs for email in _copies(row) if is_pseudonym(email)}
    gone = {email: pseudonym(email) for email, spellings in named.items() if not erased.isdisjoint(spellings)}
    return [
        (replace(one, email=gone[one.email]), row)
        if one.email in gone and (row is None or not one.is_for(row))
        else (one, row)
        for one, row in pairs
    ]


def _copies(row: Mapping[str, Any] | None) -> list[str]:
    return [] if row is None else [one["email"] for name in ("cc", "bcc") for one in row[name] or ()]
