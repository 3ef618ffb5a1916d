"""Contacts that came to an address or left one: their opt-outs, and what waits for them, go with them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from mailworker.ledger.readdress_waiting_mail import follow_contact, note_left, pass_on
from mailworker.ledger.recipient_standings import standings
from mailworker.ledger.suppressions import suppress_all
from mailworker.rules.contact_diff import ContactPerson
from mailworker.rules.suppression_reasons import Listing

#: The owner's own no, whatever their address. A bounce of one mailbox is none of another.
_OWN_REASONS = frozenset({"unsubscribed", "spam"})


def follow_moves(
    connection: Connection,
    changed: Sequence[ContactPerson],
    known: Mapping[str, ContactPerson],
    *,
    now: datetime,
) -> None:
    """Look after contacts that are new, or have another address than the known ones."""
    arrived = [one for one in changed if _former_address(one, known) != one.email]
    moved = [(known[one.contact_id], one) for one in arrived if one.contact_id in known]
    _keep_opt_outs(connection, moved, now)
    note_left(connection, [before for before, _ in moved], now)
    for _, one in moved:
        follow_contact(connection, one.contact_id, one.email, now=now)
    pass_on(connection, arrived, now=now)


def _former_address(one: ContactPerson, known: Mapping[str, ContactPerson]) -> str | None:
    return known[one.contact_id].email if one.contact_id in known else None


def _keep_opt_outs(
    connection: Connection, moved: Sequence[tuple[ContactPerson, ContactPerson]], now: datetime
) -> None:
    """Who wanted no campaigns at the former address wants none at the new one."""
    found = standings(connection, [before.email for before, _ in moved])
    opted_out = {
        after.email: Listing("unsubscribed", now, "moved address")
        for before, after in moved
        if (standing := found[before.email]).unsubscribed
        or standing.left_out
        or standing.suppressed in _OWN_REASONS
    }
    suppress_all(connection, opted_out, now=now)
