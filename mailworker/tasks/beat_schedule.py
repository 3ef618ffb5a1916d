"""What beat starts, and how often. Each of these may run twice, or after a week of standing still."""

from typing import Any

_EVERY = 5.0

#: A wake-up that nobody took for so long is thrown away. A worker compares beat's clock with its own, and one
#: that is further ahead would throw every one away, and nothing be swept. A clock a day wrong is a mistake
#: that people make; that a queue without a worker does not grow meanwhile is BoundedScheduler's care.
_STALE = {"expires": 2 * 86_400}

#: Beat has the scans looked at every minute; when one is really due stands in crm_config.yaml, and whether it
#: was done in the ledger. So a scan that was missed is done as soon as beat is back, and two beats make one.
_MINUTE = 60.0

SCHEDULE: dict[str, dict[str, Any]] = {
    "sweep": {"task": "mailworker.sweep", "schedule": _EVERY, "options": _STALE},
    "contacts": {"task": "mailworker.sync_sweep", "schedule": _EVERY, "options": _STALE},
    "callbacks": {"task": "mailworker.tell_callbacks", "schedule": _EVERY, "options": _STALE},
    "campaigns": {"task": "mailworker.campaign_step", "schedule": _EVERY, "options": _STALE},
    "match-events": {"task": "mailworker.match_events", "schedule": _MINUTE, "options": _STALE},
    "scans": {"task": "mailworker.scan_when_due", "schedule": _MINUTE, "options": _STALE},
    "statistics": {"task": "mailworker.roll_up", "schedule": 300.0, "options": _STALE},
    "forget": {"task": "mailworker.forget", "schedule": 3600.0, "options": _STALE},
}
