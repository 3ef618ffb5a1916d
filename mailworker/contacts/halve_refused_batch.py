"""A batch of contacts that Mailjet refuses whole: halved until the one who is to blame stands alone."""

from datetime import datetime

from sqlalchemy import Connection

from mailworker.ledger import contact_push_queue


def halve_or_refuse(connection: Connection, call_id: str, contacts: int, why: str, *, now: datetime) -> None:
    """Have a call's contacts pushed again in two calls; one alone waits until somebody changes it."""
    if contacts > 1:
        contact_push_queue.give_back(connection, call_id, due_at=now, why=why, batch_limit=contacts // 2)
    else:
        contact_push_queue.refuse(connection, call_id, why, now=now)
