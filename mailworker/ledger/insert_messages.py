"""Writing new messages: once for each idempotency key, many in one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Connection, delete, select

from mailworker.core.chunks import chunked
from mailworker.core.states import State
from mailworker.ledger.bulk_insert import insert_all, insert_and_list_new, insert_rows
from mailworker.ledger.find_by_invoice_number import remember
from mailworker.ledger.tables import invoice_numbers, messages, timeline


class AcceptVerdict(StrEnum):
    """What became of a job that came in."""

    NEW = "new"
    REPEATED = "repeated"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The message that answers for a job, and whether this job made it."""

    message_id: str
    verdict: AcceptVerdict


# A statement may carry 32,766 values in SQLite; a row of ours has 28.
_ROWS_PER_STATEMENT = 500


def accept(
    connection: Connection,
    rows: Sequence[Mapping[str, Any]],
    now: datetime,
) -> list[Acceptance]:
    """Write messages under their idempotency keys and answer for each, in order.

    A key that is already there, from an earlier call or from this very one, answers with the first message:
    `REPEATED` with the same fingerprint, `CONFLICT` with another. An id that another key's message has is a
    conflict with that message. So is another key's message with the same recipient key.
    """
    first: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        first.setdefault(row["idempotency_key"], row)
    written: set[str] = set()
    # Always in the same order: two workers that write the same keys would else wait for each other for ever.
    fresh = sorted(first.values(), key=_order)
    for some in chunked(fresh, _ROWS_PER_STATEMENT):
        written |= insert_and_list_new(connection, messages, some, messages.c.idempotency_key)
    new = [row for row in fresh if _key(row) in written]
    _note(connection, new, now)
    remember(connection, new)
    known = {key: (row["id"], row["fingerprint"]) for key, row in first.items() if key in written}
    known |= _existing(connection, messages.c.idempotency_key, [key for key in first if key not in known])
    for column in (messages.c.recipient_key, messages.c.id):
        known |= _of_others(connection, column, [row for key, row in first.items() if key not in known])
    return [_answer(row, first, written, known) for row in rows]


def take_back(connection: Connection, ids: Sequence[str]) -> None:
    """Undo what `accept` wrote in this transaction."""
    for table, column in (
        (messages, messages.c.id),
        (timeline, timeline.c.message_id),
        (invoice_numbers, invoice_numbers.c.message_id),
    ):
        connection.execute(delete(table).where(column.in_(ids)))


def missing_keys(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Those of these idempotency keys that no message has."""
    return set(keys) - _existing(connection, messages.c.idempotency_key, list(keys)).keys()


def known_recipients(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Those of these recipient keys that a message has."""
    return set(_existing(connection, messages.c.recipient_key, list(keys)))


def _order(row: Mapping[str, Any]) -> str:
    return row.get("recipient_key") or _key(row)


def _key(row: Mapping[str, Any]) -> str:
    return str(row["idempotency_key"])


def _answer(
    row: Mapping[str, Any],
    first: Mapping[str, Mapping[str, Any]],
    written: set[str],
    known: Mapping[str, tuple[str, str]],
) -> Acceptance:
    key = row["idempotency_key"]
    id_, fingerprint = known[key]
    if first[key] is row and key in written:
        return Acceptance(id_, AcceptVerdict.NEW)
    same = fingerprint == row["fingerprint"]
    return Acceptance(id_, AcceptVerdict.REPEATED if same else AcceptVerdict.CONFLICT)


def _existing(connection: Connection, column: Column[str], values: list[str]) -> dict[str, tuple[str, str]]:
    """By their value of this column: the ids and fingerprints of the messages that are there."""
    known: dict[str, tuple[str, str]] = {}
    query = select(column, messages.c.id, messages.c.fingerprint)
    for some in chunked(values, _ROWS_PER_STATEMENT):
        found = connection.execute(query.where(column.in_(some)))
        known |= {value: (id_, fingerprint) for value, id_, fingerprint in found}
    return known


def _of_others(
    connection: Connection, column: Column[str], rows: list[Mapping[str, Any]]
) -> dict[str, tuple[str, str]]:
    """By key: the messages of other keys that have these rows' value. No fingerprint of theirs will match."""
    values = {_key(row): value for row in rows if (value := row.get(column.name)) is not None}
    there = _existing(connection, column, list(values.values()))
    return {key: (there[value][0], "") for key, value in values.items() if value in there}


def _note(connection: Connection, rows: list[Mapping[str, Any]], now: datetime) -> None:
    entries = [{"message_id": row["id"], "at": now, "what": str(State.ACCEPTED)} for row in rows]
    if not insert_all(connection, timeline, entries):
        insert_rows(connection, timeline, entries)
