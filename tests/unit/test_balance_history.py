"""What is remembered of a balance from one sight to the next."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from mailworker.rules.balance_history import Reading, SeenBalance, first_sight, seen_again
from tests.rows import NOW, after

READING = Reading("u1", "cgrates.org:1001", "*monetary", "main", Decimal(10), expires_at=after(3600))
SEEN = first_sight(READING, NOW, started=True)


@pytest.mark.parametrize("started", [True, False])
def test_the_first_sight_keeps_all_of_it(started):
    assert first_sight(READING, NOW, started=started) == SeenBalance(
        uuid="u1",
        account="cgrates.org:1001",
        type="*monetary",
        name="main",
        value=Decimal(10),
        highest=Decimal(10),
        first_seen=NOW,
        last_seen=NOW,
        expires_at=after(3600),
        at_start=None if started else Decimal(10),
        version=0,
    )


def test_what_did_not_change_is_the_same_object():
    assert seen_again(SEEN, READING, after(60)) is SEEN
    assert seen_again(SEEN, replace(READING, weight=Decimal(9), blocker=True), after(60)) is SEEN


def test_what_does_not_change_is_noted_as_seen_every_thirty_days():
    later = NOW + timedelta(days=30)
    assert seen_again(SEEN, READING, later - timedelta(seconds=1)) is SEEN
    assert seen_again(SEEN, READING, later) == replace(SEEN, last_seen=later, version=1)


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"value": Decimal(4)}, {"value": Decimal(4)}),
        (
            {"value": Decimal(15)},
            {"value": Decimal(15), "highest": Decimal(15), "topped_up_at": after(60), "level_after_top_up": Decimal(15)},
        ),
        ({"expires_at": None}, {"expires_at": None}),
        ({"expires_at": after(7200)}, {"expires_at": after(7200)}),
        ({"account": "cgrates.org:1002"}, {"account": "cgrates.org:1002"}),
        ({"name": "renamed"}, {"name": "renamed"}),
        ({"disabled": True}, {"expires_at": None}),
    ],
)  # fmt: skip
def test_what_changed_is_written_once_more(change, differs):
    again = seen_again(SEEN, replace(READING, **change), after(60))
    assert again == replace(SEEN, last_seen=after(60), version=1, **differs)


def test_a_top_up_is_remembered_while_the_value_falls_and_no_moment_goes_back():
    up = seen_again(SEEN, replace(READING, value=Decimal(20)), after(60))
    down = seen_again(up, replace(READING, value=Decimal(3)), after(30))
    assert (down.topped_up_at, down.level_after_top_up) == (after(60), Decimal(20))
    assert (down.highest, down.last_seen, down.version) == (Decimal(20), after(60), 2)
