"""The same thresholds as profiles of ThresholdS, which need neither resets nor anything at the accounts."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailworker.crm.cgrates.action_triggers import EngineCall, Trigger
from mailworker.crm.cgrates.threshold_profiles import profile_call, profile_triggers
from tests.omnicrm.engine_world import GB
from tests.omnicrm.threshold_filters import matches
from tests.unit.test_cgrates_setup import make, setup_of  # noqa: F401 - fixtures

FULL = {
    "Identifier": "*topup_reset",
    "Balance": {"ID": "Data Package", "Type": "*data", "Value": {"Static": 50 * GB}},
}


@pytest.fixture
def world(make):  # noqa: F811 - the fixture
    made = make("[{below: 20%}, {below: 5%}, {below: 2.50, type: Crédit}]")
    made.engine.actions["Action_50gb"] = [FULL]
    made.add("zoe", made.engine.balance("*data", "Data Package", 50 * GB), product="50gb")
    return made


def apply(world):
    setup = setup_of(world)
    left = []
    for call in setup.threshold_calls():
        if isinstance(call, EngineCall):
            setup.apply(call)
        else:
            left.append(call)
    return setup, left


def test_profiles_are_written_and_the_doctor_looks_for_them(world):
    setup, left = apply(world)
    assert [one.split(":")[0] for one in left] == ["*monetary"], "no balance of money has a known ID"
    assert setup.faults() == left
    assert world.engine.accounts["zoe"].triggers == []
    assert world.engine.actions["Action_50gb"] == [FULL], "no resets are needed"
    before = json.dumps(world.engine.threshold_profiles)
    apply(world)
    assert json.dumps(world.engine.threshold_profiles) == before, "twice is once"


def test_the_engine_posts_once_for_each_crossing_and_again_after_a_top_up(world):
    apply(world)
    engine = world.engine
    engine.debit("zoe", "*data", "Data Package", 39 * GB)
    assert engine.posts == []
    for _ in range(3):
        engine.debit("zoe", "*data", "Data Package", GB / 2)
    assert len(engine.posts) == 1, "below 20 % by the third debit"
    assert world.post(*world.posted()).written == 1
    world.dispatch()
    engine.debit("zoe", "*data", "Data Package", 8 * GB)
    assert len(engine.posts) == 1, "below 5 %"
    assert world.post(*world.posted()).written == 1
    world.dispatch()
    world.wait(hours=1)
    engine.top_up("zoe", "*data", "Data Package", 50 * GB, reset=True)
    world.scan_balances()  # it sees the top-up
    engine.debit("zoe", "*data", "Data Package", 41 * GB)
    assert len(engine.posts) == 1
    assert world.post(*world.posted()).written == 1
    world.dispatch()
    assert len(world.told()) == 3


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda engine: engine.threshold_profiles.popitem(), "lacks 1 threshold profiles"),
        (lambda engine: _change(engine, Async=False), "in another form"),
        (lambda engine: _change(engine, MinSleep=60_000_000_000), "in another form"),
        (lambda engine: _change(engine, MaxHits=1), "in another form"),
        (lambda engine: _change(engine, ActionIDs=[]), "in another form"),
        (lambda engine: _change(engine, FilterIDs=[]), "in another form"),
        (lambda engine: engine.rals.update(thresholds_conns=[]), "thresholds_conns is empty"),
        (
            lambda engine: setattr(engine, "version", "CGRateS@v0.10.4"),
            "0.10 tells ThresholdS of no balances",
        ),
        (lambda engine: engine.actions.pop("ACT_MAILWORKER"), "no Action ACT_MAILWORKER"),
    ],
)
def test_the_doctor_names_what_keeps_profiles_from_posting(world, spoil, named):
    setup, _ = apply(world)
    spoil(world.engine)
    assert named in " ".join(setup.faults())


def _change(engine, **changes):
    next(iter(engine.threshold_profiles.values())).update(changes)


@pytest.mark.parametrize("id_", ["a.b", "a:b", "a;b", "a|b", "a[0]", "<a>"])
def test_a_balance_that_no_filter_can_name_is_left_to_a_person(id_):
    call = profile_call("cgrates.org", Trigger("G", "n", "*data", id_, Decimal(1)))
    assert isinstance(call, str)
    assert id_ in call


@given(
    at=st.decimals(0, 10**15, places=5),
    before=st.floats(0, 1e15),
    after=st.floats(0, 1e15),
)
def test_a_profile_fires_exactly_where_a_change_crosses_its_threshold(at, before, after):
    (trigger,) = profile_triggers([Trigger("G", "n", "*data", "", at)], {"*data": ["Data Package"]})
    call = profile_call("cgrates.org", trigger)
    summary = {"BalanceSummaries": [{"ID": "Data Package", "Initial": before, "Value": after}]}
    fires = matches(call.parameters["FilterIDs"], ({"*eventType": "AccountUpdate"}, summary))
    assert fires is (after <= float(at) < before)
