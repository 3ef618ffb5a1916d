"""CGRateS is told to post here, and the doctor sees whether it does."""

import json
from decimal import Decimal

import pytest

from mailworker.balances.cgrates_setup import EngineSetup
from mailworker.crm.cgrates import CgratesClient
from mailworker.crm.cgrates.action_triggers import EngineCall
from mailworker.crm.cgrates.reset_triggers_after_top_up import reset_call
from tests.omnicrm.engine_world import GB, engine_worlds


@pytest.fixture
def make(scan_ledger, tmp_path):
    with engine_worlds(scan_ledger, tmp_path) as world:

        def selling(low="[{below: 20%}, {below: 5%}, {below: 2.50, type: Crédit}]"):
            return world(more=f"  quiet_hours: null\n  low: {low}", last=WEB)

        yield selling


WEB = """
    post_url: "http://mailworker:8070/ocs/cgrates"
web:
  ocs_user: cgrates
  ocs_password: "s3:cr/et"
"""


def setup_of(world):
    return EngineSetup(world.settings, world.crm, CgratesClient(world.settings.balances.cgrates))


def test_setup_makes_everything_that_the_doctor_misses(make):
    world = make()
    world.engine.actions["Action_50gb"] = [
        {
            "Identifier": "*topup_reset",
            "Balance": {"ID": "Data Package", "Type": "*data", "Value": {"Static": 50 * GB}},
        }
    ]
    world.add("zoe", world.engine.balance("*data", "Data Package", 50 * GB), product="50gb")
    setup = setup_of(world)
    missing = " ".join(setup.faults())
    assert "no Action ACT_MAILWORKER" in missing
    assert "lacks" in missing
    assert "Action_50gb tops up and resets no triggers" in missing
    assert "have none of mailworker's triggers" in missing
    for call in setup.calls():
        assert isinstance(call, EngineCall)
        setup.apply(call)
    assert setup.faults() == []
    assert world.engine.actions["ACT_MAILWORKER"][0]["ExtraParameters"] == (
        "http://cgrates:s3%3Acr%2Fet@mailworker:8070/ocs/cgrates"
    )
    assert world.engine.actions["Action_50gb"][-1]["Identifier"] == "*reset_triggers"
    before = json.dumps(world.engine.actions), str(world.engine.trigger_groups)
    for call in setup.calls():
        setup.apply(call)
    assert (json.dumps(world.engine.actions), str(world.engine.trigger_groups)) == before, "twice is once"


def test_the_engine_posts_at_each_threshold_and_the_customer_is_told(make):
    world = make()
    world.engine.actions["Action_50gb"] = [
        {
            "Identifier": "*topup_reset",
            "Balance": {"ID": "Data Package", "Type": "*data", "Value": {"Static": 50 * GB}},
        }
    ]
    world.add("zoe", world.engine.balance("*data", "Data Package", 50 * GB), product="50gb")
    setup = setup_of(world)
    for call in setup.calls():
        setup.apply(call)
    world.engine.debit("zoe", "*data", "Data Package", 40 * GB)
    assert world.posted() == [], "at the threshold it is not below it"
    world.engine.debit("zoe", "*data", "Data Package", 1)
    assert world.post(*world.posted()).written == 1
    world.dispatch()
    world.engine.debit("zoe", "*data", "Data Package", 8 * GB)
    assert world.post(*world.posted()).written == 1
    world.dispatch()
    assert len(world.told()) == 2


def test_what_is_printed_has_no_secret(make):
    world = make()
    text = " ".join(str(one.parameters) for one in setup_of(world).calls(shown=True))
    assert "s3" not in text
    assert "cgrates:***@mailworker:8070" in text


def test_thresholds_in_peoples_units_become_the_engines(make):
    world = make("[{below: 5, type: Données}, {below: 2.50, type: Crédit}, {below: 10, type: '*voice'}]")
    found = {
        one.parameters["ActionTrigger"]["BalanceType"]: one.parameters["ActionTrigger"]["ThresholdValue"]
        for one in setup_of(world).calls()
        if one.method.endswith("SetActionTrigger")
        and one.parameters["ActionTrigger"]["ThresholdType"] == "*min_balance"
    }
    assert found == {"*data": 5 * GB - 1, "*monetary": 2.49999, "*voice": 10 * 60e9 - 1}


TOP_UP = {"ActionType": "*topup", "ExpirationString": "+720h", "Weight": 20, "Balance": {"ID": "Data", "Type": "*data", "Value": {"Static": 5}, "Blocker": False}}  # fmt: skip


def test_a_top_up_is_copied_without_loss_or_not_at_all():
    call = reset_call("Action_x", [TOP_UP])
    assert call.parameters["Actions"][0] == {
        "Identifier": "*topup", "BalanceId": "Data", "BalanceType": "*data", "Units": 5.0, "ExpiryTime": "+720h",
        "BalanceBlocker": "false", "Weight": 20,
    }  # fmt: skip
    odd = TOP_UP | {"Balance": TOP_UP["Balance"] | {"Factors": {"x": 2}}}
    told = reset_call("Action_x", [odd])
    assert isinstance(told, str)
    assert '"Identifier": "*reset_triggers", "BalanceType": "*data"' in told
    assert reset_call("Action_x", [TOP_UP, {"ActionType": "*reset_triggers"}]) is None
    assert reset_call("Action_x", None) is None
    assert Decimal(call.parameters["Actions"][0]["Units"]) == 5


def test_an_action_that_posts_elsewhere_is_seen(make):
    world = make()
    world.engine.actions["ACT_MAILWORKER"] = [
        {"Identifier": "*http_post_async", "ExtraParameters": "http://old:1/ocs/cgrates"}
    ]
    assert "posts to another host" in " ".join(setup_of(world).faults())
