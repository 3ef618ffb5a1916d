"""Full syncs of contacts that were asked for: one at a time, under the lease of who does it."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, select, update

from mailworker.ledger.bulk_insert import insert_rows
from mailworker.ledger.contact_tables import contact_syncs
from mailworker.ledger.run_query import Row, any_row, first_row

_S = contact_syncs.c


def open_sync(connection: Connection, id_: str, now: datetime) -> bool:
    """Ask for a full sync in the background; False where one is asked for already."""
    if any_row(connection, select(_S.id).where(_S.state == "running")):
        return False
    insert_rows(connection, contact_syncs, [{"id": id_, "state": "running", "started_at": now}])
    return True


def take_sync(connection: Connection, lease: str, *, now: datetime, until: datetime) -> Row | None:
    """Take the full sync that nobody works on, if there is one."""
    query = select(contact_syncs).where(*_free(now)).with_for_update(skip_locked=True)
    row = first_row(connection, query)
    if row is not None:
        taken = update(contact_syncs).where(_S.id == row["id"])
        connection.execute(taken.values(lease=lease, lease_until=until))
    return row


def keep_sync(connection: Connection, id_: str, lease: str, *, until: datetime, report: Any) -> bool:
    """Keep how far a full sync is, and stay at it until then; False where somebody else took it."""
    statement = update(contact_syncs).where(_S.id == id_, _S.lease == lease)
    return connection.execute(statement.values(lease_until=until, report=report)).rowcount > 0


def end_sync(
    connection: Connection, id_: str, *, now: datetime, report: Any, error: str | None = None
) -> None:
    """A full sync has read everything; what is left is pushed by the usual calls."""
    change = {"state": "failed" if error else "done", "finished_at": now, "report": report, "error": error}
    connection.execute(update(contact_syncs).where(_S.id == id_).values(change))


def latest_sync(connection: Connection) -> Row | None:
    """The full sync that was asked for last; None where none ever was."""
    return first_row(connection, select(contact_syncs).order_by(_S.started_at.desc()))


def any_sync_free(connection: Connection, now: datetime) -> bool:
    """Whether a full sync is asked for that nobody works on."""
    return any_row(connection, select(_S.id).where(*_free(now)))


def _free(now: datetime) -> list[ColumnElement[bool]]:
    return [_S.state == "running", _S.lease_until.is_(None) | (_S.lease_until < now)]
