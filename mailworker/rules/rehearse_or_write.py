"""May a scan write to customers on its own, or does it only rehearse until an operator starts it?

Connecting a CRM must mail nobody by itself, and a changed ladder, threshold or query must not surprise
thousands: until an operator has started a scan, and while a change makes more due than was foreseen, its
timetable only rehearses.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class ScanMode(StrEnum):
    """What a run does with what it finds: write the mails, only count them, or note them as sent."""

    REAL = "real"
    REHEARSAL = "rehearsal"
    BASELINE = "baseline"


@dataclass(frozen=True, slots=True)
class Arming:
    """An operator's start of a scan.

    `start_from` is the day before which nothing is sent, None for no such day. `policy` is what the scan went
    by when it was allowed to write (empty: whatever holds now). `waiting_policy` is a changed one that made
    `waiting_due` due, too many to go on without a person.
    """

    scan: str
    armed_at: datetime
    start_from: date | None = None
    policy: str = ""
    waiting_policy: str = ""
    waiting_due: int = 0


def mode_of(arming: Arming | None, policy: str) -> ScanMode:
    """What the timetable's next run of a scan that goes by `policy` may do."""
    if arming is None or arming.policy not in {"", policy}:
        return ScanMode.REHEARSAL
    return ScanMode.REAL


def why_it_rehearses(arming: Arming | None, policy: str, command: str) -> str:
    """A sentence for operators; empty where the scan writes."""
    if mode_of(arming, policy) is ScanMode.REAL:
        return ""
    if arming is None:
        return (
            "It only rehearses, and writes to nobody: it was never started. Look at "
            f"`mailworker {command} run --dry-run`, then `mailworker {command} start`."
        )
    if arming.waiting_policy == policy:
        return (
            f"It stopped to ask: since the configuration or the query changed, {arming.waiting_due} are due. "
            f"Look at `mailworker {command} run --dry-run`, then `mailworker {command} start`."
        )
    return "Its configuration or query changed: it counts first who would be due."
