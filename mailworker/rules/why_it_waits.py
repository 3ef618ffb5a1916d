"""When does a waiting message leave, and what does it wait for?"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailworker.core.states import State
from mailworker.rules.claimable_while_held import Hold

Row = Mapping[str, Any]
#: How a reason ends that only notes what was prepared.
_PREPARED = re.compile(r"PDF of \d+ bytes, sha256 \w+$")
OUTAGE = "Mailjet is out of order"


@dataclass(frozen=True, slots=True)
class LeavingTime:
    """When a message leaves, and why not before: `at` is the earliest moment, None where nobody knows one.

    `until` is what has to happen first, besides that moment having come; empty where nothing has to.
    """

    at: datetime | None
    until: str
    why: str


def reason_to_wait(row: Row) -> str:
    """Why it did not leave yet, as far as its row says; that its invoice is ready is no reason."""
    reason = row["reason"] or ""
    return "" if _PREPARED.search(reason) else reason


def leaving_time(row: Row, *, now: datetime, hold: Hold | None, outage: bool) -> LeavingTime:
    """What is known of a message that is accepted, ready or held.

    `hold` keeps it back; `outage`: Mailjet is out of order, and nothing leaves at all.
    """
    if row["state"] == State.HELD:
        return LeavingTime(None, "when its campaign goes on", row["reason"] or "its campaign is paused")
    later = row["not_before"] if row["not_before"] > now else None
    if hold is not None:
        return _held(hold, later)
    if later is not None:
        return LeavingTime(later, "", reason_to_wait(row) or "it was asked for at this time")
    if outage:
        return LeavingTime(None, "when Mailjet answers again", OUTAGE)
    if row["state"] == State.ACCEPTED:
        return LeavingTime(
            None, "when its invoice is ready", row["reason"] or "its invoice is to be prepared"
        )
    return LeavingTime(None, "in its turn", reason_to_wait(row) or "it waits for its turn to leave")


def _held(hold: Hold, later: datetime | None) -> LeavingTime:
    why = f"mail is held: {hold.reason}"
    if hold.probe_at is None:
        return LeavingTime(later, "when an operator releases it", why)
    return LeavingTime(max(hold.probe_at, later or hold.probe_at), "if the next try succeeds", why)
