"""`--since`: the same words in every command that looks back."""

from datetime import UTC, datetime, tzinfo

from mailworker.config.duration import parse_duration
from mailworker.core.calendar_range import within_calendar
from mailworker.errors import BadInput


def moment_of(option: str, text: str, *, now: datetime, zone: tzinfo) -> datetime:
    """`2h` ago, or a day or moment of the operator's zone or its own, in UTC. Raises BadInput."""
    try:
        return now - parse_duration(text)
    except (ValueError, OverflowError):
        pass
    try:
        moment = within_calendar(datetime.fromisoformat(text))
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput(f"{option}: write 2h, 3d, 2026-11-30 or 2026-11-30T09:00.") from None
