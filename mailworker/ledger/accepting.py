"""Writing new messages: once for each idempotency key, many in one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from mailworker.ledger.tables import messages, rejected_jobs, timeline
from mailworker.states import State


class Verdict(StrEnum):
    """What became of a job at the door."""

    NEW = "new"
    REPEATED = "repeated"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The message that answers for a job, and whether this job made it."""

    message_id: str
    verdict: Verdict


# A statement may carry 32,766 values in SQLite; a row of ours has 28.
_ROWS_PER_STATEMENT = 500


def accept(connection: Connection, rows: Sequence[Mapping[str, Any]], now: datetime) -> list[Acceptance]:
    """Write messages under their idempotency keys and answer for each, in order.

    A key that is already there, from an earlier call or from this very one, answers with the first message:
    `REPEATED` with the same fingerprint, `CONFLICT` with another.
    """
    first: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        first.setdefault(row["idempotency_key"], row)
    written: set[str] = set()
    fresh = list(first.values())
    for start in range(0, len(fresh), _ROWS_PER_STATEMENT):
        written |= _insert(connection, fresh[start : start + _ROWS_PER_STATEMENT])
    _note(connection, [row for row in fresh if row["id"] in written], now)
    known = {key: (row["id"], row["fingerprint"]) for key, row in first.items() if row["id"] in written}
    known |= _existing(connection, [key for key in first if key not in known])
    return [_answer(row, first, written, known) for row in rows]


def _answer(
    row: Mapping[str, Any],
    first: Mapping[str, Mapping[str, Any]],
    written: set[str],
    known: Mapping[str, tuple[str, str]],
) -> Acceptance:
    key = row["idempotency_key"]
    id_, fingerprint = known[key]
    if first[key] is row and row["id"] in written:
        return Acceptance(id_, Verdict.NEW)
    same = fingerprint == row["fingerprint"]
    return Acceptance(id_, Verdict.REPEATED if same else Verdict.CONFLICT)


def _insert(connection: Connection, rows: list[Mapping[str, Any]]) -> set[str]:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(messages).on_conflict_do_nothing().returning(messages.c.id)
    return set(connection.execute(statement, [dict(row) for row in rows]).scalars())


def _existing(connection: Connection, keys: list[str]) -> dict[str, tuple[str, str]]:
    columns = (messages.c.idempotency_key, messages.c.id, messages.c.fingerprint)
    found = connection.execute(select(*columns).where(messages.c.idempotency_key.in_(keys))) if keys else ()
    return {key: (id_, fingerprint) for key, id_, fingerprint in found}


def _note(connection: Connection, rows: list[Mapping[str, Any]], now: datetime) -> None:
    if rows:
        entries = [{"message_id": row["id"], "at": now, "what": State.ACCEPTED} for row in rows]
        connection.execute(insert(timeline), entries)


def reject(connection: Connection, rejections: Sequence[Mapping[str, Any]]) -> None:
    """Keep what was wrong with jobs that could not become messages, once for each stream entry."""
    if rejections:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(rejected_jobs).on_conflict_do_nothing(), list(rejections))
