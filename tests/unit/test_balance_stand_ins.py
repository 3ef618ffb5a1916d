"""What a customer has left where several balances stand in for each other, and when an expiry is no loss."""

from datetime import timedelta
from decimal import Decimal

import pytest

from mailworker.rules.balance_history import Reading, first_sight
from mailworker.rules.interchangeable_balances import is_replaced, left, usable
from tests.rows import NOW, after

GONE = first_sight(Reading("u", "a", "*data", "d", Decimal(1), NOW), NOW, started=True)
NAMES = {"roam": "Abroad"}


def named(name):
    return NAMES.get(name, "")


def reading(uuid="v", value=1, **changes):
    given = {"account": "a", "type": "*data", "name": "d", "expires_at": after(60)}
    return Reading(uuid, value=Decimal(value), **given | changes)


@pytest.mark.parametrize(
    ("other", "replaced"),
    [
        (reading(), True),
        (reading(value=0), True),
        (reading("u"), False),
        (reading(type="*sms"), False),
        (reading(name="e"), True),
        (reading(name="e", value=0), False),
        (reading(name="e", value=-1), False),
        (reading(name="e", scope="x"), False),
        (reading(scope="x"), True),
        (reading(name="roam"), False),
    ],
)
def test_what_takes_the_place_of_an_expired_balance(other, replaced):
    assert is_replaced(GONE, [reading("u"), other], named) is replaced


def test_what_can_be_used():
    there = [
        reading("forever", expires_at=None),
        reading("later"),
        reading("now", expires_at=NOW),
        reading("before", expires_at=NOW - timedelta(seconds=1)),
        reading("off", disabled=True),
    ]
    assert [one.uuid for one in usable(there, NOW)] == ["forever", "later"]


@pytest.mark.parametrize(
    ("balances", "expected"),
    [
        ([reading("a", 3), reading("b", 4)], {"a": 7, "b": 7}),
        ([reading("a", 3), reading("b", 4, type="*sms")], {"a": 3, "b": 4}),
        ([reading("a", 3), reading("b", 4, scope="x")], {"a": 3, "b": 4}),
        ([reading("a", 3), reading("b", 4, name="roam")], {"a": 3, "b": 4}),
        ([reading("a", 3), reading("b", -4)], {"a": 3, "b": 3}),
        ([reading("a", -3), reading("b", -4)], {"a": -7, "b": -7}),
        ([reading("a", 0), reading("b", 0)], {"a": 0, "b": 0}),
        (
            [
                reading("last", 1, weight=Decimal(1)),
                reading("stop", 2, weight=Decimal(5), blocker=True),
                reading("first", 4, weight=Decimal(9)),
            ],
            {"first": 6, "stop": 6, "last": 1},
        ),
        ([], {}),
    ],
)
def test_what_is_left(balances, expected):
    assert left(balances, named) == expected
