import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailworker.rules.balance_key import Alert, balance_key, read_balance_key
from mailworker.rules.balance_thresholds import (
    AlertDue,
    BalanceRules,
    NoAlertReason,
    Threshold,
    armed_since,
    decide,
)
from mailworker.rules.crm_facts import BalanceFacts

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
MONTH = datetime(2026, 11, 1, tzinfo=UTC)
TWENTY = Threshold(Decimal(20), Decimal(30), percent=True)
RULES = BalanceRules((TWENTY,))
BALANCE = BalanceFacts(
    balance_id="B-1",
    customer_id="C-1",
    balance_type="data",
    plan="Fibre",
    amount=Decimal(15),
    allowance=Decimal(100),
    period_start=MONTH,
)


#: What staff read, in all of it.
SENTENCES = {
    NoAlertReason.ENOUGH: r"It is not below \d+(\.\d+)?",
    NoAlertReason.NO_ALLOWANCE: "The threshold is a percentage, but the balance has no allowance",
    NoAlertReason.NO_THRESHOLD: "No threshold is configured for this type and plan",
    NoAlertReason.ALREADY_NOTIFIED: r"An alert was written on 2026-11-\d\d, and no top-up followed",
    NoAlertReason.LONG_EXPIRED: "It expired more than 7 days ago",
    NoAlertReason.EXPIRED_SILENTLY: "Expired balances are not announced here",
    NoAlertReason.EXCLUDED: "The customer is excluded from balance alerts in the configuration",
    NoAlertReason.GONE: "The CRM does not know this balance any more",
    NoAlertReason.OLD_NEWS: "It was as low when this installation first looked at it",
}


def why(found):
    """Why not, once what it says is looked at."""
    assert re.fullmatch(rf"{SENTENCES[found.why]}\.", found.sentence), found
    return found.why


def verdict(rules=RULES, said=None, **change):
    found = decide(replace(BALANCE, **change), rules, NOW, said)
    return found.alert if isinstance(found, AlertDue) else why(found)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("0", Alert.LOW),
        ("-5", Alert.LOW),
        ("19.99", Alert.LOW),
        ("20", NoAlertReason.ENOUGH),  # "below" is below
        ("100", NoAlertReason.ENOUGH),
    ],
)
def test_low_is_below_the_threshold(amount, expected):
    assert verdict(amount=Decimal(amount)) == expected


@pytest.mark.parametrize(
    ("balance_type", "plan", "level"),
    [
        ("data", "Fibre", "4"),  # type and plan
        ("DATA", "fibre", "4"),  # letter case does not matter
        ("voice", "Fibre", "3"),  # plan before type
        ("data", "Mobile", "2"),
        ("voice", "Mobile", "1"),
    ],
)
def test_the_most_telling_threshold_wins(balance_type, plan, level):
    lines = [("", "", 1), ("data", "", 2), ("", "Fibre", 3), ("data", "Fibre", 4)]
    rules = BalanceRules(tuple(Threshold(Decimal(n), Decimal(9), False, kind, p) for kind, p, n in lines))
    found = decide(replace(BALANCE, balance_type=balance_type, plan=plan, amount=Decimal(0)), rules, NOW)
    assert found.threshold == Decimal(level)


def test_a_percentage_of_no_allowance_says_nothing():
    assert verdict(allowance=None) is NoAlertReason.NO_ALLOWANCE


def test_no_threshold_says_nothing():
    assert verdict(BalanceRules()) is NoAlertReason.NO_THRESHOLD


def test_an_absolute_threshold_needs_no_allowance():
    rules = BalanceRules((Threshold(Decimal(16), Decimal(24)),))
    assert verdict(rules, allowance=None) is Alert.LOW


@pytest.mark.parametrize(
    ("change", "said", "expected"),
    [
        ({}, MONTH + timedelta(days=3), NoAlertReason.ALREADY_NOTIFIED),
        ({}, MONTH, NoAlertReason.ALREADY_NOTIFIED),  # in the period's first second
        ({}, MONTH - timedelta(days=3), Alert.LOW),  # last month's alert does not count
        ({"topped_up_at": MONTH + timedelta(days=5)}, MONTH + timedelta(days=3), Alert.LOW),  # re-armed
        (
            {"topped_up_at": MONTH + timedelta(days=2)},
            MONTH + timedelta(days=3),
            NoAlertReason.ALREADY_NOTIFIED,
        ),
        (  # a top-up to 25 %, where 30 % would arm: it hovers
            {"topped_up_at": MONTH + timedelta(days=5), "level_after_top_up": Decimal(25)},
            MONTH + timedelta(days=3),
            NoAlertReason.ALREADY_NOTIFIED,
        ),
        (
            {"topped_up_at": MONTH + timedelta(days=5), "level_after_top_up": Decimal(30)},
            MONTH + timedelta(days=3),
            Alert.LOW,
        ),
    ],
)
def test_said_once_and_again_only_after_a_real_top_up(change, said, expected):
    assert verdict(said=said, **change) == expected


@pytest.mark.parametrize(
    ("expires_at", "expected"),
    [
        (NOW, Alert.EXPIRED),  # at this very moment
        (NOW - timedelta(days=7), Alert.EXPIRED),
        (NOW - timedelta(days=7, seconds=1), NoAlertReason.LONG_EXPIRED),
        (NOW + timedelta(seconds=1), Alert.LOW),
    ],
)
def test_expired_comes_before_low(expires_at, expected):
    assert verdict(expires_at=expires_at) == expected


def test_expired_may_be_left_unsaid():
    assert (
        verdict(BalanceRules((TWENTY,), announce_expired=False), expires_at=NOW)
        is NoAlertReason.EXPIRED_SILENTLY
    )


def test_excluded_customers_and_lost_balances_hear_nothing():
    assert verdict(BalanceRules((TWENTY,), excluded_customers=frozenset({"C-1"}))) is NoAlertReason.EXCLUDED
    assert why(decide(None, RULES, NOW)) is NoAlertReason.GONE


def test_scan_and_real_time_alert_share_the_key():
    paris = datetime(2026, 11, 1, 1, tzinfo=ZoneInfo("Europe/Paris"))
    assert decide(BALANCE, RULES, NOW).key == balance_key(Alert.LOW, "B-1", paris)
    assert balance_key(Alert.LOW, "B-1", paris) == "balance-low:B-1:20261101T000000Z"
    assert decide(replace(BALANCE, expires_at=NOW), RULES, NOW).key == "balance-expired:B-1:20261123T090000Z"


def test_one_of_several_people_has_the_alerts_key_and_their_own():
    key = balance_key(Alert.LOW, "a:7#b", NOW)
    alone, one = read_balance_key(key), read_balance_key(f"{key}#zoe@courriel.example")
    assert (alone.recipient, one.recipient) == ("", "zoe@courriel.example")
    assert (one.key, one.balance_id, one.alert, one.since) == (key, "a:7#b", Alert.LOW, NOW)
    assert read_balance_key(f"{key}zoe@courriel.example") is None


def test_another_period_or_a_renewal_makes_another_key():
    keys = {
        decide(replace(BALANCE, period_start=MONTH), RULES, NOW).key,
        decide(replace(BALANCE, period_start=MONTH + timedelta(days=30)), RULES, NOW).key,
        decide(replace(BALANCE, topped_up_at=NOW), RULES, NOW).key,
        decide(replace(BALANCE, expires_at=NOW), RULES, NOW).key,
        decide(replace(BALANCE, expires_at=NOW - timedelta(days=1)), RULES, NOW).key,
    }
    assert len(keys) == 5


movements = st.lists(st.tuples(st.sampled_from(["use", "top up", "scan"]), st.integers(0, 60)), max_size=60)


@given(movements)
def test_between_two_real_top_ups_a_balance_is_said_once(history):
    """Use, top-ups and scans in any order: one low alert per arming, and none without being low."""
    facts, now, alerts, armings, keys = BALANCE, MONTH, [], 1, set()
    for what, size in history:
        now += timedelta(hours=1)
        if what == "use":
            facts = replace(facts, amount=facts.amount - size)
        elif what == "top up":
            level = facts.amount + size
            facts = replace(facts, amount=level, topped_up_at=now, level_after_top_up=level)
            armings += level >= 30
        else:
            found = decide(facts, RULES, now, alerts[-1] if alerts else None)
            if isinstance(found, AlertDue) and found.key not in keys:
                assert facts.amount < 20
                keys.add(found.key)
                alerts.append(now)
    assert len(alerts) <= armings


def test_a_top_up_of_unknown_height_arms():
    assert armed_since(replace(BALANCE, topped_up_at=NOW), TWENTY) == NOW


def test_a_plan_tells_more_than_a_type():
    lines = [
        Threshold(Decimal(n), Decimal(9), False, kind, plan)
        for kind, plan, n in [("data", "", 2), ("", "Fibre", 3)]
    ]
    for thresholds in (lines, lines[::-1]):
        found = decide(replace(BALANCE, amount=Decimal(0)), BalanceRules(tuple(thresholds)), NOW)
        assert found.threshold == 3


FIVE = Threshold(Decimal(5), Decimal("7.5"), percent=True)
BOTH = BalanceRules((FIVE, TWENTY))


def test_each_of_two_thresholds_has_a_key_of_its_own():
    first = decide(replace(BALANCE, amount=Decimal(19)), BOTH, NOW)
    assert (first.key, tuple(first.implied)) == ("balance-low:B-1:20261101T000000Z", ())
    second = decide(replace(BALANCE, amount=Decimal(4)), BOTH, NOW, NOW)
    assert second.key == "balance-low:B-1:20261101T000000Z:5%"
    assert tuple(second.implied) == ("balance-low:B-1:20261101T000000Z",)
    assert second.threshold == Decimal(5)
    assert (
        decide(replace(BALANCE, amount=Decimal(4)), BOTH, NOW, NOW, {"5%": NOW}).why
        is NoAlertReason.ALREADY_NOTIFIED
    )


def test_a_lower_threshold_is_armed_again_by_less():
    topped_up = replace(BALANCE, amount=Decimal(4), topped_up_at=NOW, level_after_top_up=Decimal(10))
    said = NOW - timedelta(days=1)
    found = decide(topped_up, BOTH, NOW + timedelta(hours=1), said, {"5%": said})
    assert found.key == "balance-low:B-1:20261123T090000Z:5%"
    assert tuple(found.implied) == ("balance-low:B-1:20261101T000000Z",)


@given(st.text("ab:#%.0", min_size=1, max_size=8), st.sampled_from(["", "5%", "2.5", "0.5%"]), st.sampled_from(["", "zoe@courriel.example"]))  # fmt: skip
def test_every_key_can_be_read_back(balance_id, below, recipient):
    key = balance_key(Alert.LOW, balance_id, NOW, below)
    found = read_balance_key(f"{key}#{recipient}" if recipient else key)
    assert (found.key, found.balance_id, found.below, found.recipient) == (key, balance_id, below, recipient)


def test_what_was_low_when_the_installation_began_is_old_news():
    there = replace(BALANCE, amount=Decimal(10), amount_at_start=Decimal(12))
    assert why(decide(there, BOTH, NOW)) is NoAlertReason.OLD_NEWS
    assert decide(replace(there, amount=Decimal(4)), BOTH, NOW).key.endswith(":5%")
    topped_up = replace(there, topped_up_at=NOW, level_after_top_up=Decimal(50))
    assert decide(topped_up, BOTH, NOW + timedelta(days=1)).alert is Alert.LOW
