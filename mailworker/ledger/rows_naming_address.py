"""What the ledger holds about one address, however it is written, and how it is taken out again."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    String,
    Table,
    cast,
    delete,
    func,
    or_,
    select,
    update,
)

from mailworker.core.canonical_address import canonical_address
from mailworker.ledger.bulk_insert import insert_rows
from mailworker.ledger.contact_tables import campaigns, crm_contacts, mailjet_contacts
from mailworker.ledger.readdress_waiting_mail import former_addresses
from mailworker.ledger.recipient_standings import listings
from mailworker.ledger.run_query import Row, all_rows
from mailworker.ledger.suppressions import suppress_all
from mailworker.ledger.tables import (
    addressed_to,
    attempts,
    events,
    messages,
    opt_outs,
    rejected_jobs,
    suppression_changes,
    suppressions,
    timeline,
)
from mailworker.rules.address_mentions import mentions, probe, without_mentions
from mailworker.rules.pseudonym import pseudonym, pseudonyms

_AT_ONCE = 200
#: What a message may hold of somebody beside its recipient.
_COPIES, _CONTENT = ("cc", "bcc"), ("variables", "invoice")
#: The columns in which a contact at Mailjet has addresses.
_ADDRESSES = ("email", "moved_from", "waits_for")


def messages_with(connection: Connection, email: str) -> Iterator[Row]:
    """Every message that names the address: as its recipient, as a copy, in its content, or in its key.

    Reads the whole table: the database finds what may be meant, and each of these is looked at.
    """
    name = canonical_address(email)
    columns = [messages.c[one] for one in (*_COPIES, *_CONTENT, "idempotency_key")]
    wanted = or_(addressed_to([name]), *(_may_mention(column, name) for column in columns))
    last = ""
    while True:
        query = select(messages).where(wanted, messages.c.id > last).order_by(messages.c.id).limit(_AT_ONCE)
        rows = all_rows(connection, query)
        yield from (row for row in rows if is_named(row, name))
        if len(rows) < _AT_ONCE:
            return
        last = rows[-1]["id"]


def is_named(row: Row, name: str) -> bool:
    """Whether a message names the address anywhere."""
    named = any(mentions(row[one], name) for one in (*_COPIES, "idempotency_key"))
    return is_recipient(row, name) or is_about(row, name) or named


def is_recipient(row: Row, name: str) -> bool:
    """Whether the message is to this address (in its canonical form)."""
    return canonical_address(row["to_email"] or "") == name


def is_about(row: Row, name: str) -> bool:
    """Whether the message holds something of this person, whoever gets it."""
    return any(mentions(row[one], name) for one in _CONTENT)


def _may_mention(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    # A probe is plain letters and figures, or an @: nothing in it is a pattern.
    return func.lower(cast(column, String)).contains(probe(name))


def hanging_on(connection: Connection, ids: Collection[str]) -> dict[str, list[Row]]:
    """The timelines, attempts and events of these messages."""
    return {
        table.name: all_rows(connection, select(table).where(table.c.message_id.in_(ids)))
        for table in (timeline, attempts, events)
    }


def elsewhere(connection: Connection, email: str) -> dict[str, list[Row]]:
    """What else names the address: stray events, refused jobs, the suppression list, the contacts."""
    name = canonical_address(email)
    spellings = [name, *pseudonyms(name)]
    contact = mailjet_contacts.c
    reported = _mentioning(connection, events, events.c.detail, name)
    found: dict[str, list[Row]] = {
        "unmatched_events": [row for row in reported if row["message_id"] is None],
        "rejected_jobs": _mentioning(connection, rejected_jobs, rejected_jobs.c.payload, name),
    }
    exact = {
        "suppressions": (suppressions, suppressions.c.email.in_(spellings)),
        "suppression_changes": (suppression_changes, suppression_changes.c.email.in_(spellings)),
        "opt_outs": (opt_outs, opt_outs.c.person.in_(pseudonyms(name))),
        "crm_contacts": (crm_contacts, crm_contacts.c.email == name),
        "mailjet_contacts": (mailjet_contacts, or_(*(contact[one] == name for one in _ADDRESSES))),
        "former_addresses": (former_addresses, former_addresses.c.email == name),
    }
    for what, (table, where) in exact.items():
        found[what] = all_rows(connection, select(table).where(where))
    return found


def _mentioning(connection: Connection, table: Table, column: Column[Any], name: str) -> list[Row]:
    rows = all_rows(connection, select(table).where(_may_mention(column, name)))
    return [row for row in rows if mentions(row[column.name], name)]


def blank(connection: Connection, row: Row, email: str, now: datetime) -> None:
    """Take the address, and all that was written to it or about it, out of a message; its states stay."""
    name, instead = canonical_address(email), pseudonym(email)
    values: dict[str, Any] = {one: _without(row[one], name, instead) for one in _COPIES}
    values["idempotency_key"] = without_mentions(row["idempotency_key"], name, instead)
    if is_recipient(row, name):
        values |= {"to_email": instead, "to_canonical": instead, "to_name": None, "cc": None, "bcc": None}
    if is_recipient(row, name) or is_about(row, name):
        values |= {"variables": None, "invoice": None, "attachments": None}
    connection.execute(update(messages).where(messages.c.id == row["id"]).values(values))
    query = select(events.c.id, events.c.detail).where(events.c.message_id == row["id"])
    ids = [one.id for one in connection.execute(query) if mentions(one.detail, name)]
    connection.execute(update(events).where(events.c.id.in_(ids)).values(detail=None))
    entry = {"message_id": row["id"], "at": now, "what": "erased", "why": "personal data, on request"}
    insert_rows(connection, timeline, [entry])


def _without(kept: Sequence[Row] | None, name: str, instead: str) -> list[Row] | None:
    erased = {"email": instead, "name": ""}
    return [erased if canonical_address(one["email"]) == name else one for one in kept or ()] or None


def blank_elsewhere(connection: Connection, email: str, now: datetime) -> None:
    """Take the address out of what hangs on no message; a suppression stays, under the stand-in."""
    found, name = elsewhere(connection, email), canonical_address(email)
    stray, refused = ([row["id"] for row in found[what]] for what in ("unmatched_events", "rejected_jobs"))
    connection.execute(update(events).where(events.c.id.in_(stray)).values(detail=None))
    connection.execute(update(rejected_jobs).where(rejected_jobs.c.id.in_(refused)).values(payload=None))
    if listing := listings(connection, [name]).get(name):
        suppress_all(connection, {pseudonym(name): listing}, now=now)
        connection.execute(delete(suppressions).where(suppressions.c.email == name))
    change = update(suppression_changes).where(suppression_changes.c.email == name)
    connection.execute(change.values(email=pseudonym(name)))
    connection.execute(delete(former_addresses).where(former_addresses.c.email == name))
    ended = campaigns.c.state.in_(("sent", "cancelled")), campaigns.c.checkpoint == name
    connection.execute(update(campaigns).where(*ended).values(checkpoint=None))
