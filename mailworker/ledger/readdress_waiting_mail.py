"""An address that passes from one contact to another takes no mail with it that waits for the former one."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Index, String, Table, bindparam, delete, select, update

from mailworker.core.canonical_address import canonical_address
from mailworker.core.settlement import Settlement
from mailworker.core.states import State
from mailworker.ledger.bulk_insert import insert_rows
from mailworker.ledger.contact_tables import campaigns, crm_contacts
from mailworker.ledger.run_query import Row, all_rows, pairs
from mailworker.ledger.settle_messages import settle
from mailworker.ledger.tables import RowId, UtcDateTime, addressed_to, messages, metadata, timeline
from mailworker.rules.campaign_rules import key_of
from mailworker.rules.contact_diff import ContactPerson

#: Which contact had an address until when; kept while mail to it could still wait.
former_addresses = Table(
    "former_addresses",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("email", String(320), nullable=False),
    Column("contact_id", String(320), nullable=False),
    Column("customer_id", String(64), nullable=False),
    Column("left_at", UtcDateTime, nullable=False),
    Index("former_addresses_email", "email"),
    Index("former_addresses_left_at", "left_at"),
)

#: Out of these a message can still leave, and nobody holds it.
_WAITING = tuple(str(state) for state in (State.ACCEPTED, State.READY, State.HELD, State.FAILED))
_FORMER = former_addresses.c


def note_left(connection: Connection, people: Collection[ContactPerson], now: datetime) -> None:
    """These contacts do not have their address any more."""
    rows = [
        {"email": one.email, "contact_id": one.contact_id, "customer_id": one.customer_id, "left_at": now}
        for one in people
    ]
    insert_rows(connection, former_addresses, rows)


def forget_left(connection: Connection, *, before: datetime) -> None:
    """Forget who had an address before this moment."""
    connection.execute(delete(former_addresses).where(_FORMER.left_at < before))


def follow_contact(connection: Connection, contact_id: str, email: str, *, now: datetime) -> None:
    """Send campaigns' messages that wait for a contact to the address it has now."""
    query = select(campaigns.c.id).where(campaigns.c.state.in_(("sending", "paused")))
    keys = [key_of(id_, contact_id) for id_ in connection.execute(query).scalars()]
    where = messages.c.idempotency_key.in_(keys), messages.c.state.in_(_WAITING)
    rows = all_rows(connection, select(messages).where(*where).with_for_update())
    _readdress(connection, [(row, email) for row in rows], now)


def pass_on(connection: Connection, arrivals: Sequence[ContactPerson], *, now: datetime) -> None:
    """What waits at these contacts' new addresses for somebody who had them before follows its contact.

    Where the former contact has no address any more, it is cancelled.
    """
    newcomers = {one.email: one for one in arrivals}
    query = select(former_addresses).where(_FORMER.email.in_(newcomers)).order_by(_FORMER.left_at)
    former = {row["email"]: row for row in all_rows(connection, query)}
    former = {email: row for email, row in former.items() if row["contact_id"] != newcomers[email].contact_id}
    if not former:
        return
    waiting = select(messages).where(addressed_to(former), messages.c.state.in_(_WAITING))
    ids = {row["contact_id"] for row in former.values()}
    now_at = select(crm_contacts.c.contact_id, crm_contacts.c.email).where(crm_contacts.c.contact_id.in_(ids))
    current = pairs(connection, now_at)
    theirs = [
        (row, current.get(owner["contact_id"]))
        for row in all_rows(connection, waiting.with_for_update())
        if _was_for(row, owner := former[_canonical(row)], newcomers[_canonical(row)])
    ]
    _readdress(connection, [(row, email) for row, email in theirs if email is not None], now)
    _cancel(connection, [row for row, email in theirs if email is None], now)


def _canonical(row: Row) -> str:
    return canonical_address(row["to_email"])


def _was_for(row: Row, owner: Row, newcomer: ContactPerson) -> bool:
    """Whether a message was written while the former contact had the address, or names its customer."""
    if row["customer_id"] and row["customer_id"] != owner["customer_id"]:
        return bool(row["customer_id"] != newcomer.customer_id)
    return bool(row["accepted_at"] <= owner["left_at"] or row["customer_id"])


def _readdress(connection: Connection, moved: Sequence[tuple[Row, str]], now: datetime) -> None:
    if not moved:
        return
    # Contacts are known by the canonical form of their addresses.
    changes = [{"of": row["id"], "email": email, "values": _variables(row, email)} for row, email in moved]
    new: dict[str, Any] = dict.fromkeys(("to_email", "to_canonical"), bindparam("email"))
    new |= {"variables": bindparam("values")}
    connection.execute(update(messages).where(messages.c.id == bindparam("of")).values(new), changes)
    why = "its contact has another address now"
    entries = [{"message_id": row["id"], "at": now, "what": "readdressed", "why": why} for row, _ in moved]
    insert_rows(connection, timeline, entries)


def _variables(row: Row, email: str) -> dict[str, Any] | None:
    """The variables, with the new address where the former one was printed."""
    former, values = _canonical(row), row["variables"]
    if values is None:
        return None
    return {
        name: email if isinstance(value, str) and canonical_address(value) == former else value
        for name, value in values.items()
    }


def _cancel(connection: Connection, rows: Sequence[Row], now: datetime) -> None:
    why = "its address belongs to another contact now"
    for state in _WAITING:
        ended = [Settlement(row["id"], State.CANCELLED, why) for row in rows if row["state"] == state]
        settle(connection, ended, now=now, expected=State(state))
