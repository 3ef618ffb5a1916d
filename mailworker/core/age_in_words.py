"""Spans of time for people."""

from datetime import timedelta


def age(span: timedelta) -> str:
    """How long ago, roughly, two at least of each unit: 12 s, 95 s, 3 min, 5 h, 2 d."""
    seconds = max(0, int(span.total_seconds()))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
