"""Full syncs of contacts that were asked for: one at a time, under the lease of who does it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from mailworker.ledger.contact_tables import contact_syncs

Row = Mapping[str, Any]
_S = contact_syncs.c


def open_sync(connection: Connection, id_: str, now: datetime) -> bool:
    """Ask for a full sync in the background; False where one is asked for already."""
    if connection.execute(select(_S.id).where(_S.state == "running").limit(1)).first():
        return False
    connection.execute(contact_syncs.insert().values(id=id_, state="running", started_at=now))
    return True


def take_sync(connection: Connection, lease: str, *, now: datetime, until: datetime) -> Row | None:
    """Take the full sync that nobody works on, if there is one."""
    free = _S.lease_until.is_(None) | (_S.lease_until < now)
    query = select(contact_syncs).where(_S.state == "running", free).limit(1)
    row = connection.execute(query.with_for_update(skip_locked=True)).mappings().first()
    if row is not None:
        taken = update(contact_syncs).where(_S.id == row["id"])
        connection.execute(taken.values(lease=lease, lease_until=until))
    return dict(row) if row is not None else None


def keep_sync(connection: Connection, id_: str, lease: str, *, until: datetime, report: Any) -> bool:
    """Keep how far a full sync is, and stay at it until then; False where somebody else took it."""
    statement = update(contact_syncs).where(_S.id == id_, _S.lease == lease)
    return connection.execute(statement.values(lease_until=until, report=report)).rowcount > 0


def end_sync(
    connection: Connection, id_: str, *, now: datetime, report: Any, error: str | None = None
) -> None:
    """A full sync has read everything; what is left is told by the usual calls."""
    change = {"state": "failed" if error else "done", "finished_at": now, "report": report, "error": error}
    connection.execute(update(contact_syncs).where(_S.id == id_).values(change))


def latest_sync(connection: Connection) -> Row | None:
    """The full sync that was asked for last; None where none ever was."""
    query = select(contact_syncs).order_by(_S.started_at.desc()).limit(1)
    row = connection.execute(query).mappings().first()
    return dict(row) if row is not None else None


def any_sync_free(connection: Connection, now: datetime) -> bool:
    """Whether a full sync is asked for that nobody works on."""
    free = _S.lease_until.is_(None) | (_S.lease_until < now)
    return connection.execute(select(_S.id).where(_S.state == "running", free).limit(1)).first() is not None
