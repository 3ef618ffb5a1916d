"""What may be claimed while something is held."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from mailworker.rules.claimable_while_held import EVERYTHING, ClaimPlan, plan_claim

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
DUE, LATER = NOW, NOW + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("holds", "plan"),
    [
        ([], ClaimPlan()),
        ([("a", LATER)], ClaimPlan(held=frozenset("a"))),
        ([("a", None)], ClaimPlan(held=frozenset("a"))),  # by hand: never probed
        ([("a", DUE)], ClaimPlan(probe="a", held=frozenset("a"))),
        ([("a", LATER), ("b", DUE)], ClaimPlan(probe="b", held=frozenset("ab"))),
        ([("a", DUE), ("b", DUE)], ClaimPlan(probe="a", held=frozenset("ab"))),
        ([(EVERYTHING, LATER)], ClaimPlan(stopped=True)),
        ([(EVERYTHING, None)], ClaimPlan(stopped=True)),
        ([(EVERYTHING, DUE)], ClaimPlan(probe=EVERYTHING)),
        ([(EVERYTHING, LATER), ("a", DUE)], ClaimPlan(stopped=True)),  # no probe of a kind while all is held
        ([("lane:bulk", None)], ClaimPlan(lanes=frozenset({"bulk"}))),
        (
            [("lane:bulk", None), ("a", DUE)],
            ClaimPlan(probe="a", held=frozenset("a"), lanes=frozenset({"bulk"})),
        ),
        ([(EVERYTHING, DUE), ("lane:bulk", None)], ClaimPlan(probe=EVERYTHING, lanes=frozenset({"bulk"}))),
    ],
)
def test_the_plan(holds, plan):
    facts = [SimpleNamespace(scope=scope, probe_at=probe_at) for scope, probe_at in holds]
    assert plan_claim(facts, NOW) == plan
