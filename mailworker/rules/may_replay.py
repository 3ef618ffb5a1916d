"""May a message be sent again?"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mailworker.core.kind import Kind

#: What a copy's idempotency key adds to that of the message which Mailjet blocked for a fault of ours.
AGAIN = "#again"


def first_key(key: str) -> str:
    """The key of the message of which this is a copy, or a copy's copy; its own key where it is none."""
    while key.endswith(AGAIN):
        key = key.removesuffix(AGAIN)
    return key


def replay_hindrance(row: Mapping[str, Any], kind: Kind | None, now: datetime) -> str:
    """Why a message cannot be sent again; empty where it can."""
    if kind is None:
        return f"{row['kind']} is not in the configuration any more: add it again."
    if row["expires_at"] is not None and row["expires_at"] <= now:
        return "it is too late to be useful; its caller has to ask for a new one."
    missing = sorted((kind.secrets & kind.required) - (row["variables"] or {}).keys())
    if missing and row["invoice"] is None and row["invoice_id"] is None:
        return f"its {', '.join(missing)} was wiped; its caller has to ask for a new one."
    return ""
