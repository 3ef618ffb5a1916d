"""What Mailjet counted for the whole API key (`statcounters`, CounterSource APIKey)."""

from datetime import datetime
from typing import NamedTuple

from mailworker.mailjet.rest_api import RestApi, RestCall
from mailworker.mailjet.rest_rows import Row, number_of, rows_of


class AccountCounters(NamedTuple):
    """Messages by fate. Mailjet's `MessageSentCount` is what it delivered; the others are apart from it."""

    delivered: int
    opened: int
    clicked: int
    bounced: int
    blocked: int
    complained: int
    unsubscribed: int


def account_counters(api: RestApi, *, since: datetime, until: datetime) -> AccountCounters:
    """The key's figures between two moments, day by day at Mailjet, added up here. One call."""
    filters = {
        "CounterSource": "APIKey",
        "CounterTiming": "Message",
        "CounterResolution": "Day",
        "FromTS": int(since.timestamp()),
        "ToTS": int(until.timestamp()),
        "Limit": 1000,
    }
    days = rows_of(api.rest(RestCall("statcounters", filters=filters)))
    return AccountCounters(
        delivered=_sum(days, "Sent"),
        opened=_sum(days, "Opened"),
        clicked=_sum(days, "Clicked"),
        bounced=_sum(days, "HardBounced") + _sum(days, "SoftBounced"),
        blocked=_sum(days, "Blocked"),
        complained=_sum(days, "Spam"),
        unsubscribed=_sum(days, "Unsubscribed"),
    )


def _sum(days: list[Row], name: str) -> int:
    return sum(number_of(day, f"Message{name}Count") or 0 for day in days)
