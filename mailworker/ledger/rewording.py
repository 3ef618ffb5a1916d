"""Other words for a message that has not left yet, for what it says became untrue while it waited."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, update

from mailworker.ledger.tables import in_state, messages

#: To whom, and what. The fingerprint stays: it is of what the caller asked for, and the caller may repeat it.
WORDS = ("to_email", "to_name", "language", "variables", "content_bytes")


def reworded(row: Mapping[str, Any], fresh: Mapping[str, Any]) -> list[str]:
    """What a message says otherwise than it would if it were written now: names only."""
    before, now = row["variables"] or {}, fresh["variables"] or {}
    names = [name for name in ("to_email", "to_name", "language") if (row[name] or "") != (fresh[name] or "")]
    return names + [name for name in now if before.get(name) != now[name]]


def reword(connection: Connection, row: Mapping[str, Any], fresh: Mapping[str, Any]) -> bool:
    """Give a message the words of a fresh row, if the lease that it was claimed with still holds it."""
    statement = update(messages).where(
        messages.c.id == row["id"], in_state("sending"), messages.c.lease == row["lease"]
    )
    return connection.execute(statement.values({name: fresh[name] for name in WORDS})).rowcount == 1
