"""Mailjet's events about messages: each once, found by CustomID or else by MessageID."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, bindparam, delete, or_, select, update

from mailworker.ledger.bulk_insert import insert_and_list_new, insert_rows
from mailworker.ledger.run_query import Row, all_rows
from mailworker.ledger.sqlite_write_queue import LedgerUnavailable
from mailworker.ledger.tables import addressed_to, events, messages, timeline
from mailworker.rules.delivery_status import OF_A_COPY

#: PostgreSQL's code where NOWAIT finds a row locked.
_LOCK_NOT_AVAILABLE = "55P03"
_FACTS = [
    messages.c[name]
    for name in ("id", "kind", "state", "to_email", "cc", "bcc", "mailjet_id", "delivery", "variables")
]


def messages_of_events(
    connection: Connection, ids: Collection[str], mailjet_ids: Collection[int]
) -> list[Row]:
    """The messages with these ids, or of these MessageIDs, locked until the transaction ends.

    Where somebody else has one of them at this moment, PostgreSQL refuses (see `is_busy`). Who waited with
    a part of them locked could wait in a circle with a worker, whose answer from Mailjet would be lost then.
    """
    known = or_(messages.c.id.in_(ids), messages.c.mailjet_id.in_(mailjet_ids))
    query = select(*_FACTS).where(known).order_by(messages.c.id).with_for_update(nowait=True)
    return all_rows(connection, query)


def is_busy(fault: LedgerUnavailable) -> bool:
    """Whether only somebody else's lock was in the way."""
    return getattr(getattr(fault.__cause__, "orig", None), "sqlstate", None) == _LOCK_NOT_AVAILABLE


def keep(connection: Connection, rows: Sequence[Row]) -> set[str]:
    """Write events down, and give the ids of those that were not there yet."""
    return insert_and_list_new(connection, events, sorted(rows, key=itemgetter("id")), events.c.id)


def unmatched(connection: Connection, *, since: datetime, limit: int) -> list[Row]:
    """Events received since then whose message was not known, the newest first."""
    query = (
        select(events)
        .where(events.c.message_id.is_(None), events.c.received_at >= since)
        .order_by(events.c.received_at.desc())
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return all_rows(connection, query)


def attach(connection: Connection, message_of: Mapping[str, str]) -> None:
    """Give events their message, now that it is known."""
    if message_of:
        statement = update(events).where(events.c.id == bindparam("of")).values(message_id=bindparam("to"))
        connection.execute(statement, [{"of": id_, "to": message} for id_, message in message_of.items()])


def note_on_timelines(connection: Connection, entries: Sequence[Row]) -> None:
    """Show what happened on the messages' timelines."""
    insert_rows(connection, timeline, entries)


def set_delivery(connection: Connection, ids: Collection[str], values: Mapping[str, Any]) -> None:
    """Write the same delivery status, and the reason where there is one, to all of these messages."""
    connection.execute(update(messages).where(messages.c.id.in_(ids)).values(values))


def set_receipts(connection: Connection, receipts: Sequence[tuple[str, int, str]]) -> None:
    """Keep Mailjet's ids where a message has none yet: (message, MessageID, Message_GUID)."""
    if receipts:
        statement = (
            update(messages)
            .where(messages.c.id == bindparam("of"), messages.c.mailjet_id.is_(None))
            .values(mailjet_id=bindparam("number"), mailjet_uuid=bindparam("uuid"))
        )
        rows = [{"of": of, "number": number, "uuid": uuid} for of, number, uuid in receipts]
        connection.execute(statement, rows)


def history(connection: Connection, emails: Collection[str], words: Collection[str]) -> list[Row]:
    """Every event of these words about mails to these addresses (in their canonical form)."""
    query = (
        select(messages.c.to_email, events.c.message_id, events.c.event, events.c.at, events.c.detail)
        .join(events, events.c.message_id == messages.c.id)
        .where(addressed_to(emails), events.c.event.in_(words))
    )
    return all_rows(connection, query)


def forget_unmatched(connection: Connection, *, before: datetime) -> None:
    """Delete events received before this moment whose message was never found."""
    old = events.c.message_id.is_(None), events.c.received_at < before
    connection.execute(delete(events).where(*old))


@dataclass(frozen=True, slots=True)
class DeliveryNews:
    """When the last such event happened, and Mailjet's words for it."""

    at: datetime
    why: str


def delivery_news(connection: Connection, rows: Iterable[Row]) -> dict[str, DeliveryNews]:
    """By message: the last event of its delivery status. Messages without one are left out."""
    statuses = {row["id"]: row["delivery"] for row in rows if row["delivery"]}
    if not statuses:
        return {}
    step = timeline.c
    query = select(step.message_id, step.what, step.at, step.why).where(step.message_id.in_(statuses))
    query = query.where(step.what.in_(sorted(set(statuses.values())))).order_by(step.at, step.id)
    return {
        id_: DeliveryNews(at, why or "")
        for id_, what, at, why in connection.execute(query)
        if statuses[id_] == what and not (why or "").startswith(OF_A_COPY)
    }
