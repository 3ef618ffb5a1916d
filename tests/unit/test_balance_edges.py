"""When a balance is low or expired, at every edge: which threshold speaks, since when, and under which key."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from mailworker.rules.balance_key import Alert, AlertKey, balance_key, read_balance_key
from mailworker.rules.balance_thresholds import (
    AlertDue,
    BalanceRules,
    NoAlert,
    Threshold,
    armed_since,
    decide,
    thresholds_for,
)
from mailworker.rules.crm_facts import BalanceFacts
from mailworker.rules.may_replay import AGAIN

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
START = datetime(2026, 11, 1, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
TOPPED_UP = START + 3 * DAY
KEY = "balance-low:b:20261101T000000Z"


def facts(amount="10", **more):
    known = {"balance_id": "b", "customer_id": "C1", "balance_type": "data", "amount": Decimal(amount)}
    return BalanceFacts(**known | {"period_start": START, "allowance": Decimal(100)} | more)


def threshold(below="20", rearm="50", **more):
    return Threshold(Decimal(below), Decimal(rearm), **more)


def decided(given, *thresholds, notified_at=None, notified_below=None, **rules):
    found = decide(given, BalanceRules(thresholds, **rules), NOW, notified_at, notified_below or {})
    if isinstance(found, NoAlert):
        return found.why
    return found.key


@pytest.mark.parametrize(
    ("amount", "line", "found"),
    [
        ("19.99", threshold("20"), KEY), ("20", threshold("20"), "enough"), ("20.01", threshold("20"), "enough"),
        ("0", threshold("0"), "enough"), ("-0.01", threshold("0"), KEY),
        ("19.99", threshold("20", percent=True), KEY), ("20", threshold("20", percent=True), "enough"),
    ],
)  # fmt: skip
def test_low_is_less_than_the_threshold(amount, line, found):
    assert decided(facts(amount), line) == found


def test_an_alert_names_the_level_that_it_fell_below():
    found = decide(facts("5"), BalanceRules((threshold("20", percent=True),)), NOW)
    assert found == AlertDue(Alert.LOW, KEY, Decimal(20))


@pytest.mark.parametrize(
    ("given", "rules", "why"),
    [
        (None, {}, "gone"),
        (facts(), {"excluded_customers": frozenset({"C1"})}, "excluded"),
        (facts(expires_at=NOW), {"excluded_customers": frozenset({"C1"})}, "excluded"),
        (facts(expires_at=NOW), {"announce_expired": False}, "expired_silently"),
        (facts(expires_at=NOW - 7 * DAY - SECOND), {}, "long_expired"),
        (facts(), {}, "no_threshold"),
    ],
)
def test_why_a_balance_gets_no_alert(given, rules, why):
    assert decided(given, **rules) == why


@pytest.mark.parametrize(
    ("expires_at", "expired"),
    [(NOW, True), (NOW - SECOND, True), (NOW - 7 * DAY, True), (NOW + SECOND, False), (None, False)],
)
def test_an_expired_balance_is_told_of_its_expiry_and_of_nothing_else(expires_at, expired):
    found = decided(facts(expires_at=expires_at), threshold())
    assert found == (f"balance-expired:b:{expires_at:%Y%m%dT%H%M%SZ}" if expired else KEY)


@pytest.mark.parametrize(
    ("amount_at_start", "topped_up_at", "found"),
    [
        (None, None, KEY), ("20", None, KEY), ("19.99", None, "old_news"), ("100", None, KEY),
        ("5", TOPPED_UP, "balance-low:b:20261104T000000Z"),
    ],
)  # fmt: skip
def test_what_was_low_from_the_start_is_no_news(amount_at_start, topped_up_at, found):
    start = None if amount_at_start is None else Decimal(amount_at_start)
    assert decided(facts(amount_at_start=start, topped_up_at=topped_up_at), threshold()) == found


@pytest.mark.parametrize(
    ("topped_up_at", "level", "since"),
    [
        (None, None, START), (START, None, START), (START - SECOND, "99", START), (START + SECOND, None, START + SECOND),
        (TOPPED_UP, "49.99", START), (TOPPED_UP, "50", TOPPED_UP), (TOPPED_UP, "50.01", TOPPED_UP), (TOPPED_UP, None, TOPPED_UP),
    ],
)  # fmt: skip
@pytest.mark.parametrize("percent", [True, False])
def test_only_a_top_up_that_goes_high_enough_arms_again(topped_up_at, level, since, percent):
    given = facts(topped_up_at=topped_up_at, level_after_top_up=None if level is None else Decimal(level))
    assert armed_since(given, threshold(percent=percent)) == since


def test_a_percentage_of_no_allowance_bounds_nothing():
    given = facts("1", allowance=None, topped_up_at=TOPPED_UP, level_after_top_up=Decimal(2))
    assert armed_since(given, threshold(percent=True)) == TOPPED_UP
    assert decided(given, threshold(percent=True)) == "no_allowance"
    assert decided(given, threshold(percent=True), threshold("5")) == "balance-low:b:20261101T000000Z"


@pytest.mark.parametrize(
    ("notified_at", "found"),
    [(None, KEY), (START - SECOND, KEY), (START, "already_said"), (NOW, "already_said")],
)
def test_it_is_said_once_a_period(notified_at, found):
    assert decided(facts(), threshold(), notified_at=notified_at) == found


@pytest.mark.parametrize(
    ("amount", "notified_at", "notified_below", "key", "implied"),
    [
        ("15", None, {}, KEY, ()),
        ("8", None, {}, f"{KEY}:10", (KEY,)),
        ("4", None, {}, f"{KEY}:5%", (KEY, f"{KEY}:10")),
        ("8", NOW, {}, f"{KEY}:10", (KEY,)),
        ("8", NOW, {"10": NOW}, "already_said", ()),
        ("8", NOW, {"10": START - SECOND}, f"{KEY}:10", (KEY,)),
        ("4", NOW, {"10": NOW}, f"{KEY}:5%", (KEY, f"{KEY}:10")),
        ("15", None, {"10": NOW}, KEY, ()),
    ],
)
def test_of_several_thresholds_the_lowest_speaks_and_implies_the_others(
    amount, notified_at, notified_below, key, implied
):
    lines = threshold("10"), threshold("20"), threshold("5", percent=True)
    found = decide(facts(amount), BalanceRules(lines), NOW, notified_at, notified_below)
    if key == "already_said":
        assert found.why == key
    else:
        assert (found.key, tuple(found.implied)) == (key, implied)


@pytest.mark.parametrize(
    ("plan", "chosen"),
    [
        ("gold", ["both"]), ("GOLD", ["both"]), ("silver", ["plan"]), ("none", ["type"]), ("", ["type"]),
    ],
)  # fmt: skip
def test_the_most_telling_threshold_counts(plan, chosen):
    lines = {
        "neither": threshold("1"), "type": threshold("2", balance_type="Data"), "plan": threshold("3", plan="Silver"),
        "both": threshold("4", balance_type="data", plan="gold"), "other": threshold("5", balance_type="sms", plan="gold"),
    }  # fmt: skip
    found = thresholds_for(facts(plan=plan), lines.values())
    assert [name for name, line in lines.items() if line in found] == chosen


@pytest.mark.parametrize(
    ("below", "percent", "text"),
    [("20", True, "20%"), ("2.50", False, "2.5"), ("100", False, "100"), ("0", True, "0%")],
)
def test_a_threshold_as_keys_have_it(below, percent, text):
    assert threshold(below, percent=percent).below_text == text


@pytest.mark.parametrize("alert", Alert)
@pytest.mark.parametrize("below", ["", "5%", "2.5"])
@pytest.mark.parametrize("recipient", ["", "a@x.example"])
def test_a_key_says_what_it_is_about(alert, below, recipient):
    key = balance_key(alert, "7:x", START.astimezone(), below)
    whole = f"{key}#{recipient}" if recipient else key
    assert read_balance_key(whole) == AlertKey(key, alert, "7:x", START, recipient, below)
    assert read_balance_key(whole + AGAIN) == read_balance_key(whole), "a copy is about the same"


@pytest.mark.parametrize(
    "key",
    [
        "", "balance-low:b", "balance-lost:b:20261101T000000Z", "balance-low::20261101T000000Z", "balance-low:b:20261399T000000Z",
        "balance-low:b:00010101T000000Z", "balance-low:b:20261101T000000Z:", "balance-low:b:20261101T000000Z#", "xbalance-low:b:20261101T000000Z",
    ],
)  # fmt: skip
def test_what_is_no_key_of_an_alert(key):
    assert read_balance_key(key) is None
