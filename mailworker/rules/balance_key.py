"""The idempotency key of a balance alert, which OmniCRM makes of the same facts."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from mailworker.core.calendar_range import within_calendar
from mailworker.rules.may_replay import first_key

_KEY = re.compile(r"(balance-(low|expired):(.+):(\d{8}T\d{6}Z)(?::(\d+(?:\.\d+)?%?))?)(?:#(.+))?")


class Alert(StrEnum):
    """The alerts about a balance."""

    LOW = "low"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class AlertKey:
    """The parts of an alert's idempotency key.

    `key` is the alert's own; the message's has the `recipient` after it where one job reaches several people.
    `below` is the threshold, empty for the highest of a balance.
    """

    key: str
    alert: Alert
    balance_id: str
    since: datetime
    recipient: str
    below: str


def balance_key(alert: Alert, balance_id: str, since: datetime, below: str = "") -> str:
    """The key of this alert: the same from a scan and from OmniCRM's own real-time alert.

    `since` is the expiry for EXPIRED, and `armed_since` for LOW; whole seconds of UTC count. `below` is only
    in the keys of thresholds under the highest of a balance.
    """
    key = f"balance-{alert}:{balance_id}:{since.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return f"{key}:{below}" if below else key


def read_balance_key(key: str) -> AlertKey | None:
    """The parts of this idempotency key, or None where it is no alert's."""
    match = _KEY.fullmatch(first_key(key))
    if match is None:
        return None
    try:
        since = datetime.strptime(match[4], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        within_calendar(since)
    except ValueError:
        return None
    return AlertKey(match[1], Alert(match[2]), match[3], since, match[6] or "", match[5] or "")
