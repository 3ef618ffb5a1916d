"""Pauses grow, are jittered, and are capped."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailworker.rules.retry_backoff import SOONEST, backoff

BASE, CAP = timedelta(seconds=15), timedelta(hours=1)


@pytest.mark.parametrize(
    ("attempts", "chance", "seconds"),
    [(1, 1, 15), (2, 1, 30), (3, 1, 60), (3, 0.5, 30), (9, 1, 3600), (10**6, 1, 3600), (5, 0, 1), (0, 1, 15), (-3, 1, 15)],
)  # fmt: skip
def test_the_pause(attempts, chance, seconds):
    assert backoff(attempts, base=BASE, cap=CAP, chance=chance) == timedelta(seconds=seconds)


@given(st.integers(0, 100), st.floats(0, 1))
def test_it_lies_between_a_second_and_the_cap_and_grows(attempts, chance):
    pause = backoff(attempts, base=BASE, cap=CAP, chance=chance)
    assert SOONEST <= pause <= CAP
    assert pause <= backoff(attempts + 1, base=BASE, cap=CAP, chance=chance)
