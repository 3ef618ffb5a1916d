"""An alert and the doctor name a fault from the same age, or the same fullness, on."""

import re
from pathlib import Path

import pytest
import yaml

from mailworker.cli.doctor_checks import redis, scans
from mailworker.core.lane import Lane
from mailworker.queue.envelope import BEAT_SILENCE
from mailworker.rules.late_after import LATE, STREAM_LATE, STUCK

RULES = Path(__file__).parents[2] / "deploy/prometheus/mailworker.rules.yml"
EXPRESSIONS = {
    rule["alert"]: rule["expr"]
    for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    for rule in group["rules"]
}


@pytest.mark.parametrize(
    ("alert", "series", "doctor"),
    [
        ("UrgentMailWaits", 'oldest_ready_seconds{lane="urgent"}', LATE[Lane.URGENT]),
        ("MailWaits", 'oldest_ready_seconds{lane="normal"}', LATE[Lane.NORMAL]),
        ("MailWaits", 'oldest_ready_seconds{lane="bulk"}', LATE[Lane.BULK]),
        ("InvoicesWait", 'oldest_seconds{state=~"accepted|rendering"}', STUCK),
        ("JobsWaitOnRedis", "oldest_stream_seconds", STREAM_LATE),
        ("ContactsWait", "oldest_contact_seconds", LATE[Lane.NORMAL]),
        ("ScanLate", "scan_late_seconds", scans.LATE),
        ("NoBeat", "beat_age_seconds", BEAT_SILENCE),
    ],
)
def test_one_age(alert, series, doctor):
    given = re.search(re.escape(f"mailworker_{series}") + r" > (\d+)", EXPRESSIONS[f"Mailworker{alert}"])
    assert given is not None
    assert int(given[1]) == doctor.total_seconds()


def test_one_fullness():
    expected = f"mailworker_redis_memory_used_ratio >= {redis._ALMOST_FULL}"
    assert EXPRESSIONS["MailworkerRedisFull"] == expected
