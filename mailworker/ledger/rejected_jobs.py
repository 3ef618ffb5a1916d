"""Jobs that became no message, and the way back for them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, select

from mailworker.ledger.tables import rejected_jobs


def rejected_with(connection: Connection, numbers: Sequence[int]) -> list[Mapping[str, Any]]:
    """The refused jobs of these numbers, content included, the oldest first."""
    query = select(rejected_jobs).where(rejected_jobs.c.id.in_(numbers)).order_by(rejected_jobs.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]


def forget_rejected(connection: Connection, number: int) -> None:
    """A refused job has become a message, so nobody needs its refusal."""
    connection.execute(delete(rejected_jobs).where(rejected_jobs.c.id == number))
