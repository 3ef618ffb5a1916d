"""Writing down what a message was prepared with: its PDF, its variables, its recipient."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from mailworker.core.states import State
from mailworker.ledger.bulk_insert import insert_rows
from mailworker.ledger.find_by_invoice_number import remember
from mailworker.ledger.tables import in_state, messages, timeline


def prepared(
    connection: Connection, id_: str, lease: str, *, values: Mapping[str, Any], note: str, now: datetime
) -> bool:
    """Make a message ready with what was prepared, if this lease still holds it; give whether it does."""
    statement = (
        update(messages)
        .where(messages.c.id == id_, in_state("rendering"), messages.c.lease == lease)
        .values(**values, state=State.READY, reason=note, lease=None, lease_until=None, changed_at=now)
        .values(attempts=0)
    )
    if connection.execute(statement).rowcount == 0:
        return False
    remember(connection, [{"id": id_, **values}])
    insert_rows(connection, timeline, [{"message_id": id_, "at": now, "what": State.READY, "why": note}])
    return True


def attachments_of(connection: Connection, id_: str) -> Any:
    """The references to files that a message has now; None for none."""
    return connection.execute(select(messages.c.attachments).where(messages.c.id == id_)).scalar()
