"""What the ledger holds about one address, and how it is taken out again."""

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    and_,
    bindparam,
    cast,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from mailworker.ledger.contact_tables import crm_contacts, mailjet_contacts
from mailworker.ledger.suppressions import listings, suppress_all
from mailworker.ledger.tables import (
    attempts,
    events,
    messages,
    opt_outs,
    rejected_jobs,
    suppressions,
    timeline,
)
from mailworker.rules.pseudonym import stand_in, stand_ins

Row = Mapping[str, Any]
_AT_ONCE = 200


def messages_with(connection: Connection, email: str) -> Iterator[Row]:
    """Every message to this address, or with a copy to it; whole, in the order of their ids.

    Reads the whole table: the address may stand in a list of copies, in whatever case.
    """
    wanted = or_(
        messages.c.to_email == email,
        func.lower(messages.c.to_email) == email.lower(),
        _mentions(messages.c.cc, email),
        _mentions(messages.c.bcc, email),
    )
    last = ""
    while True:
        query = select(messages).where(wanted, messages.c.id > last).order_by(messages.c.id).limit(_AT_ONCE)
        rows = [dict(row) for row in connection.execute(query).mappings()]
        yield from rows
        if len(rows) < _AT_ONCE:
            return
        last = rows[-1]["id"]


def _mentions(document: ColumnElement[Any], email: str) -> ColumnElement[bool]:
    """Whether a JSON document has this text in it, as Python's JSON writes it."""
    written = json.dumps(email.lower())[1:-1]
    return func.lower(cast(document, String)).contains(written, autoescape=True)


def hanging_on(connection: Connection, ids: Collection[str]) -> dict[str, list[Row]]:
    """The timelines, attempts and events of these messages."""
    return {
        table.name: [
            dict(row)
            for row in connection.execute(select(table).where(table.c.message_id.in_(ids))).mappings()
        ]
        for table in (timeline, attempts, events)
    }


def elsewhere(connection: Connection, email: str) -> dict[str, list[Row]]:
    """What else names the address: stray events, refused jobs, the suppression list, the contacts."""
    name = email.lower()
    queries = {
        "unmatched_events": select(events).where(
            events.c.message_id.is_(None), _mentions(events.c.detail, name)
        ),
        "rejected_jobs": select(rejected_jobs).where(_mentions(rejected_jobs.c.payload, name)),
        "suppressions": select(suppressions).where(suppressions.c.email.in_([name, stand_in(name)])),
        "opt_outs": select(opt_outs).where(opt_outs.c.person.in_(stand_ins(name))),
        "crm_contacts": select(crm_contacts).where(func.lower(crm_contacts.c.email) == name),
        "mailjet_contacts": select(mailjet_contacts).where(func.lower(mailjet_contacts.c.email) == name),
    }
    return {
        what: [dict(row) for row in connection.execute(query).mappings()] for what, query in queries.items()
    }


def blank(connection: Connection, row: Row, email: str, now: datetime) -> None:
    """Take the address, and all that was written to it, out of a message; its counts and states stay."""
    name, instead = email.lower(), stand_in(email)
    values: dict[str, Any] = {
        "cc": _without(row["cc"], name, instead),
        "bcc": _without(row["bcc"], name, instead),
        "idempotency_key": _replaced(row["idempotency_key"], email, instead),
    }
    if (row["to_email"] or "").lower() == name:
        values |= {"to_email": instead, "to_name": None, "cc": None, "bcc": None}
        values |= {"variables": None, "invoice": None, "attachments": None}
    connection.execute(update(messages).where(messages.c.id == row["id"]).values(values))
    told = and_(events.c.message_id == row["id"], _mentions(events.c.detail, name))
    connection.execute(update(events).where(told).values(detail=None))
    entry = {"message_id": row["id"], "at": now, "what": "erased", "why": "personal data, on request"}
    connection.execute(insert(timeline), [entry])


def _without(kept: list[dict[str, str]] | None, name: str, instead: str) -> list[dict[str, str]] | None:
    erased = {"email": instead, "name": ""}
    return [erased if one["email"].lower() == name else one for one in kept or ()] or None


def _replaced(text: str, email: str, instead: str) -> str:
    """The key with the stand-in where the address was: a key of the caller's may hold it in its own way."""
    for written in {email, email.lower()}:
        text = text.replace(written, instead)
    return text


def blank_elsewhere(connection: Connection, email: str, now: datetime) -> None:
    """Take the address out of what hangs on no message; a suppression stays, under the stand-in."""
    found, name = elsewhere(connection, email), email.lower()
    for table, what in ((events, "unmatched_events"), (rejected_jobs, "rejected_jobs")):
        column = "detail" if table is events else "payload"
        rows = [{"of": row["id"]} for row in found[what]]
        if rows:
            statement = update(table).where(table.c.id == bindparam("of")).values({column: None})
            connection.execute(statement, rows)
    if listing := listings(connection, [name]).get(name):
        suppress_all(connection, {stand_in(name): listing}, now=now)
        connection.execute(delete(suppressions).where(suppressions.c.email == name))
