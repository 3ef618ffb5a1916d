"""Jobs that became no message: kept with their faults, listed, and taken in again once mended."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from mailworker.ledger.bulk_insert import insert_new
from mailworker.ledger.run_query import Row, all_rows
from mailworker.ledger.tables import rejected_jobs


def reject(connection: Connection, rejections: Sequence[Row]) -> None:
    """Keep what was wrong with jobs that could not become messages, once for each stream entry."""
    insert_new(connection, rejected_jobs, rejections)


def list_rejected(connection: Connection, *, limit: int) -> list[Row]:
    """Jobs that could not become messages, the latest first, without their content."""
    columns = [rejected_jobs.c[name] for name in ("id", "at", "source", "kind", "message_id", "faults")]
    return all_rows(connection, select(*columns).order_by(rejected_jobs.c.id.desc()).limit(limit))


def rejected_with(connection: Connection, numbers: Sequence[int]) -> list[Row]:
    """The refused jobs of these numbers, content included, the oldest first."""
    query = select(rejected_jobs).where(rejected_jobs.c.id.in_(numbers)).order_by(rejected_jobs.c.id)
    return all_rows(connection, query)


def forget_rejected(connection: Connection, number: int) -> None:
    """A refused job has become a message, so nobody needs its refusal."""
    connection.execute(delete(rejected_jobs).where(rejected_jobs.c.id == number))
