"""What beat starts, and how often. Each of these may run twice, or after a week of standing still."""

from typing import Any

#: A ticket that nobody took before the next one came is thrown away.
_EVERY = 5.0

SCHEDULE: dict[str, dict[str, Any]] = {
    "sweep": {"task": "mailworker.sweep", "schedule": _EVERY, "options": {"expires": 2 * _EVERY}},
    "match-events": {"task": "mailworker.match_events", "schedule": 60.0, "options": {"expires": 60}},
    "forget": {"task": "mailworker.forget", "schedule": 3600.0, "options": {"expires": 3600}},
}
