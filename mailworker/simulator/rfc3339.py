"""Times as Mailjet's REST API reads and writes them."""

from datetime import UTC, datetime


def rfc3339(when: datetime | None) -> str:
    """`2026-06-28T10:45:08Z`; empty for None."""
    return "" if when is None else when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str | None) -> datetime | None:
    """Unix seconds or RFC 3339; None for neither. A time without a zone is UTC."""
    if not text:
        return None
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        pass
    try:
        when = datetime.fromisoformat(text)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
