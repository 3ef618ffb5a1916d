"""What a reader's own click does: no campaign to this address any more, whoever sends it."""

from datetime import datetime

from sqlalchemy import Connection, select

from mailworker.ledger.suppressions import suppress
from mailworker.ledger.tables import messages
from mailworker.ledger.timeline_notes import note


def unsubscribe(connection: Connection, message_id: str, *, now: datetime) -> bool:
    """List the message's recipient as unsubscribed; False where the ledger has forgotten the message."""
    query = select(messages.c.to_canonical).where(messages.c.id == message_id)
    address = connection.execute(query).scalar()
    if address is None:
        return False

    suppress(connection, address, reason="unsubscribed", source="link of a campaign", now=now)
    note(connection, {message_id: "its reader unsubscribed by its link"}, now=now)
    return True
