"""Contacts that Mailjet does not have as they are, and campaigns that stopped."""

import shlex
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from mailworker.core.age_in_words import age
from mailworker.core.lane import Lane
from mailworker.core.plural import counted
from mailworker.ledger.campaign_rows import stopped
from mailworker.ledger.contact_counts import contact_backlog
from mailworker.rules.late_after import LATE


def contact_faults(connection: Connection, now: datetime) -> Iterator[str]:
    """Contacts that were not pushed to Mailjet, or that it would not take."""
    state = contact_backlog(connection, now)
    if state.since is not None and now - state.since > LATE[Lane.NORMAL]:
        why = f" ({state.error.rstrip('.')})" if state.error else ""
        contacts = counted(state.pending, "contact waits", "contacts wait")
        yield (
            f"{contacts} to be pushed to Mailjet, the oldest for {age(now - state.since)}{why}: "
            "is a worker up for the queue contacts? See mailworker contacts status."
        )
    if state.refused:
        yield (
            f"Mailjet refused {counted(state.refused, 'contact')}: `mailworker contacts status` says why; "
            "mend them in the CRM, then mailworker contacts retry."
        )


def campaign_faults(connection: Connection) -> Iterator[str]:
    """Campaigns that stopped by themselves and wait for a person, or that wait for Mailjet at their time."""
    for row in stopped(connection):
        if row["state"] == "scheduled":
            yield f"The campaign {row['name']} waits: {row['note'].rstrip('.')}."
            continue
        verb = "resume" if row["state"] == "paused" else "send"
        yield (
            f"The campaign {row['name']} stopped: {row['note'].rstrip('.')}. Once that is mended: "
            f"`mailworker campaign {verb} {shlex.quote(row['name'])}`."
        )
