"""Sending anew what Mailjet took and then blocked for a fault of our own: template, content, sender.

The first message stays what it was, with all of its events; a copy with an id of its own leaves in
its place, so that Mailjet's word about the one is never taken for the other's.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from mailworker.core.states import State
from mailworker.ledger.failure_reasons import blocked_by_us
from mailworker.ledger.insert_messages import AcceptVerdict, accept
from mailworker.ledger.notification_log import move_all
from mailworker.ledger.run_query import Row
from mailworker.ledger.tables import messages
from mailworker.ledger.timeline_notes import note
from mailworker.rules.delivery_status import OUR_FAULT, SENT_ANEW
from mailworker.rules.job.idempotency_key import message_id
from mailworker.rules.may_replay import AGAIN

_LONGEST_KEY = 600
_OF_THE_CALL = ("lease", "lease_until", "called_at", "last_call_at", "mailjet_id", "mailjet_uuid", "delivery")
_FRESH: Row = {
    **dict.fromkeys(("reason", *_OF_THE_CALL)),
    "attempts": 0,
    "lookups": 0,
    "batch_limit": 50,
    "recipient_key": None,  # the first message keeps it
}


def is_blocked_by_us(row: Row) -> bool:
    """Whether this row looks like one of these; what happened to it since is asked when it is sent."""
    blocked = row["state"] == str(State.SENT) and row["delivery"] == "blocked"
    return blocked and OUR_FAULT in (row["reason"] or "")


def resend_blocked(connection: Connection, rows: Sequence[Row], *, now: datetime) -> int:
    """Send copies of these; give how many. One that has a copy already, or arrived meanwhile, gets none."""
    ids = [row["id"] for row in rows]
    query = select(messages.c.id).where(messages.c.id.in_(ids), *blocked_by_us())
    still = set(connection.execute(query).scalars())
    chosen = [row for row in rows if row["id"] in still]
    copies = [_copy(row, now) for row in chosen]
    given = accept(connection, copies, now)
    notes: dict[str, str] = {}
    for row, copy, answer in zip(chosen, copies, given, strict=True):
        if answer.verdict is AcceptVerdict.NEW:
            notes[row["id"]] = f"{SENT_ANEW}{copy['id']}"
            notes[copy["id"]] = f"sent anew for {row['id']}, which Mailjet blocked for a fault of ours"
            move_all(connection, old=row["id"], new=copy["id"])
    note(connection, notes, now=now)
    return len(notes) // 2


def _copy(row: Row, now: datetime) -> dict[str, Any]:
    key = f"{row['idempotency_key']}{AGAIN}"
    if len(key) > _LONGEST_KEY:
        key = hashlib.sha256(key.encode()).hexdigest()
    about_invoice = row["invoice"] is not None or row["invoice_id"] is not None
    state = State.ACCEPTED if about_invoice else State.READY
    changed = {"id": message_id(key), "idempotency_key": key, "state": str(state)}
    moments = dict.fromkeys(("not_before", "accepted_at", "changed_at"), now)
    return {**row, **_FRESH, **changed, **moments}
