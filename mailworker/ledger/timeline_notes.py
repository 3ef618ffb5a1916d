"""What else happened around a message, on its own timeline."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, select

from mailworker.ledger.bulk_insert import insert_rows
from mailworker.ledger.tables import messages, timeline


def note(connection: Connection, notes: Mapping[str, str], *, now: datetime) -> None:
    """Write a note on the timelines of these messages, by id; of ids that no message has, nothing."""
    if not notes:
        return
    known = connection.execute(select(messages.c.id).where(messages.c.id.in_(notes))).scalars()
    rows = [{"message_id": id_, "at": now, "what": "note", "why": notes[id_]} for id_ in known]
    insert_rows(connection, timeline, rows)
