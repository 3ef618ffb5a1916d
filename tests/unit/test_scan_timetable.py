"""Timetables: what they mean, also when clocks change, and what is wrong with those that mean nothing."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailworker.config.scan_schedule import read_timetable

PARIS = ZoneInfo("Europe/Paris")


def paris(*parts, fold=0):
    return datetime(*parts, tzinfo=PARIS, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("text", "now", "latest", "following"),
    [
        ("0 6 * * *", paris(2026, 11, 30, 10), paris(2026, 11, 30, 6), paris(2026, 12, 1, 6)),
        ("0 6 * * *", paris(2026, 11, 30, 5, 59), paris(2026, 11, 29, 6), paris(2026, 11, 30, 6)),
        ("0 6 * * *", paris(2026, 11, 30, 6), paris(2026, 11, 30, 6), paris(2026, 12, 1, 6)),
        ("*/15 8-9 * * *", paris(2026, 11, 30, 8, 20), paris(2026, 11, 30, 8, 15), paris(2026, 11, 30, 8, 30)),
        ("30 7,19 * * *", paris(2026, 11, 30, 12), paris(2026, 11, 30, 7, 30), paris(2026, 11, 30, 19, 30)),
        ("0 6 * * mon-fri", paris(2026, 11, 29, 12), paris(2026, 11, 27, 6), paris(2026, 11, 30, 6)),
        ("0 6 * * 7", paris(2026, 11, 30, 12), paris(2026, 11, 29, 6), paris(2026, 12, 6, 6)),
        ("0 6 1 * *", paris(2026, 11, 30, 12), paris(2026, 11, 1, 6), paris(2026, 12, 1, 6)),
        ("0 6 13 * fri", paris(2026, 11, 12, 12), paris(2026, 11, 6, 6), paris(2026, 11, 13, 6)),
        ("0 6 29 2 *", paris(2026, 11, 30, 12), paris(2024, 2, 29, 6), paris(2028, 2, 29, 6)),
        # Spring leaves out 02:30: it comes when the hour has passed. Autumn has it twice, and it counts once.
        ("30 2 * * *", paris(2026, 3, 29, 12), paris(2026, 3, 29, 3), paris(2026, 3, 30, 2, 30)),
        ("30 2 * * *", paris(2026, 10, 25, 2, 15, fold=1), paris(2026, 10, 25, 2, 30), paris(2026, 10, 26, 2, 30)),
        ("30 2 * * *", paris(2026, 10, 25, 2, 45, fold=1), paris(2026, 10, 25, 2, 30), paris(2026, 10, 26, 2, 30)),
        ("1h", paris(2026, 11, 30, 10, 20), paris(2026, 11, 30, 10), paris(2026, 11, 30, 11)),
        ("15m", paris(2026, 11, 30, 10, 20), paris(2026, 11, 30, 10, 15), paris(2026, 11, 30, 10, 30)),
    ],
)  # fmt: skip
def test_when_it_was_and_when_it_will_be(text, now, latest, following):
    timetable = read_timetable(text)
    assert timetable.latest(now, PARIS) == latest
    assert timetable.following(now, PARIS) == following


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("daily", "is not a schedule"),
        ("0 6 * *", "is not a schedule"),
        ("60 6 * * *", "minute must be 0 to 59"),
        ("0 24 * * *", "hour must be 0 to 23"),
        ("0 6 0 * *", "day of month must be 1 to 31"),
        ("0 6 * * 8", "weekday must be 0 to 7"),
        ("0 6 * * */0", "weekday must be 0 to 7"),
        ("0 9-6 * * *", "hour must be 0 to 23"),
        ("0 6 30 2 *", "never comes"),
        ("0 6 31 4,6 *", "never comes"),
        ("0 6 30,31 2 *", "never comes"),
        ("0 6 30-31 2 *", "never comes"),
        ("0 6 32 2 *", "day of month must be 1 to 31"),
        ("0 6 31-30 1 *", "day of month must be 1 to 31"),
        ("0 0 6 * * *", "is not a schedule"),  # six fields: seconds are nobody's business here
        ("0 6 * foo *", "month must be 1 to 12"),
        ("30s", "a minute at least"),
        (True, "is not a schedule"),
    ],
)
def test_what_is_wrong_is_told(text, told):
    with pytest.raises(ValueError, match=told):
        read_timetable(text)


@settings(max_examples=60)
@given(
    st.sampled_from(["0 6 * * *", "30 2 * * *", "*/20 1-3 * * *", "0 0 * * sun", "5m"]),
    st.integers(0, 235 * 24 * 60).map(lambda minutes: paris(2026, 3, 20) + timedelta(minutes=minutes)),
)
def test_the_next_moment_is_the_latest_once_it_has_come(text, now):
    timetable = read_timetable(text)
    coming = timetable.following(now, PARIS)
    assert coming > now >= timetable.latest(now, PARIS)
    assert timetable.latest(coming, PARIS) == coming
    assert timetable.latest(coming - timedelta(seconds=1), PARIS) <= now
