"""The only reader of the clock. What decides takes `now` as a parameter instead."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)
