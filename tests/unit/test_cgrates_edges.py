"""What CGRateS is asked and told, field by field, and what of its answers is read, each rule at its edge."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace

import pytest

from mailworker.config.balances import BalanceSettings
from mailworker.crm.cgrates import allowances as allowances_module
from mailworker.crm.cgrates.account import Account, EngineBalance, moment, number, read_account
from mailworker.crm.cgrates.action_triggers import (
    Trigger,
    account_call,
    action_call,
    group_of,
    groups_for,
    trigger_calls,
    triggers_of,
)
from mailworker.crm.cgrates.allowances import ProductAllowances, allowances_of
from mailworker.crm.cgrates.client import objects, texts
from mailworker.crm.cgrates.parse_post import Named, read_post
from mailworker.crm.cgrates.reset_triggers_after_top_up import reset_call
from mailworker.crm.cgrates.threshold_profiles import (
    filters_of,
    profile_call,
    profile_faults,
    profile_triggers,
    uncovered,
)
from mailworker.errors import BadInput, Misconfigured, Unreachable


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (3, "3.00000"), ("1.5", "1.50000"), ("0.000004", "0.00000"), ("0.000006", "0.00001"), (Decimal("-2.5"), "-2.50000"),
        ("99999999999999999999", "99999999999999999999.00000"), ("1e20", "1E+20"), ("1e30", "1E+30"), ("-1e30", "-1E+30"),
    ],
)  # fmt: skip
def test_a_value_is_read_to_five_places_or_as_it_is(raw, found):
    assert str(number(raw)) == found


@pytest.mark.parametrize("raw", ["1.1e30", "-1.1e30", "1e31", 1.5])
def test_a_value_that_no_balance_has(raw):
    with pytest.raises(BadInput):
        number(raw)


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ("", None),
        ("0001-12-31T00:00:00Z", None),
        ("9999-12-31T23:59:59Z", None),
        ("9999-12-31T23:59:59-05:00", None),
        ("2026-12-01T02:00:00.123456789+02:00", datetime(2026, 12, 1, 0, 0, 0, 123456, UTC)),
        ("2026-12-01T00:00:00.1Z", datetime(2026, 12, 1, 0, 0, 0, 100000, UTC)),
        ("2026-12-01T00:00:00-01:30", datetime(2026, 12, 1, 1, 30, tzinfo=UTC)),
    ],
)
def test_a_time_of_gos(raw, found):
    assert moment(raw) == found


BALANCE = {"Uuid": "u", "ID": "Data", "Value": 5}


def account(**changes):
    return {"ID": "t:a", "BalanceMap": {"*data": [BALANCE]}} | changes


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (account(), Account("t", "a", False, (EngineBalance("u", "*data", "Data", Decimal(5)),))),
        (account(ID="t:a:b", Disabled=True, BalanceMap=None), Account("t", "a:b", True, ())),
        (account(Disabled="true", BalanceMap={}), Account("t", "a", False, ())),
        (account(BalanceMap={"*data": None, "*sms": []}), Account("t", "a", False, ())),
        (account(BalanceMap={"*data": [BALANCE | {"Disabled": True}]}), Account("t", "a", False, (EngineBalance("u", "*data", "Data", Decimal(5), disabled=True),))),
        (
            account(BalanceMap={"*data": [BALANCE | {"Weight": "20.5", "Blocker": True, "DestinationIDs": {"*any": True}}]}),
            Account("t", "a", False, (EngineBalance("u", "*data", "Data", Decimal(5), weight=Decimal("20.5"), blocker=True),)),
        ),
        (
            account(BalanceMap={"*sms": [{"Uuid": "v", "Value": 1, "Disabled": False, "ExpirationDate": "2026-12-01T00:00:00Z"}, BALANCE]}),
            Account("t", "a", False, (EngineBalance("v", "*sms", "", Decimal(1), datetime(2026, 12, 1, tzinfo=UTC)), EngineBalance("u", "*sms", "Data", Decimal(5)))),
        ),
    ],
)  # fmt: skip
def test_an_account_and_its_balances(raw, found):
    assert read_account(raw) == found


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (None, "account: has no ID of the form tenant:account."),
        ({"ID": 7}, "account: has no ID of the form tenant:account."),
        (account(ID="a"), "account: its ID is not of the form tenant:account."),
        (account(ID=":a"), "account: its ID is not of the form tenant:account."),
        (account(ID="t:"), "account: its ID is not of the form tenant:account."),
        (account(BalanceMap=[1]), "account: BalanceMap is no object."),
        (account(BalanceMap={"*data": {}}), "account: BalanceMap.*data is no list."),
        (account(BalanceMap={"*data": [7]}), "account: BalanceMap.*data holds something that is no balance."),
        (account(BalanceMap={"*data": [{"Value": 1}]}), "account: a balance of type *data has no Uuid."),
        (account(BalanceMap={"*data": [{"Uuid": "", "Value": 1}]}), "account: a balance of type *data has no Uuid."),
        (account(BalanceMap={"*data": [{"Uuid": 7, "Value": 1}]}), "account: a balance of type *data has no Uuid."),
    ],
)  # fmt: skip
def test_what_is_no_account(raw, told):
    with pytest.raises(BadInput) as fault:
        read_account(raw)
    assert list(fault.value.faults) == [told]


def top_up(value, **more):
    return {"ActionType": "*topup", "Balance": {"ID": "Data", "Type": "*data", "Value": value}} | more


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ([top_up(5)], {("*data", "Data"): 5}),
        ([top_up(5), top_up(9), top_up(7)], {("*data", "Data"): 9}),
        ([top_up({"Static": "2.5"})], {("*data", "Data"): Decimal("2.5")}),
        ([{"Identifier": "*set_balance", "Balance": {"Value": 3}}], {("", ""): 3}),
        ([top_up(5, ActionType="*debit")], {}),
        ([top_up(5, ActionType="*debit", Identifier="*topup")], {}),
        ([7, {"ActionType": "*topup"}, top_up("x"), top_up(4)], {("*data", "Data"): 4}),
        ({"x": 1}, {}),
    ],
)
def test_what_a_full_balance_holds(parts, found):
    assert allowances_of(parts) == found


class Engine:
    def __init__(self, *, knows_actions=True):
        self.asked = []
        self.knows_actions = knows_actions

    def actions(self, names):
        self.asked.append(list(names))
        if not self.knows_actions:
            raise Misconfigured("no such method")
        return {"Action_pro": [top_up(len(self.asked))]}


def test_a_products_action_is_asked_for_once_an_hour(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(allowances_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    engine = Engine()
    products = ProductAllowances(engine, "Action_{product}")
    found = []
    for at in (0, 1, 3599.9, 3600, 7199, 7200):
        now[0] = float(at)
        found.append(products.of("pro")[("*data", "Data")])
    assert found == [1, 1, 1, 2, 2, 3]
    assert products.of("other") == {}
    assert engine.asked == [["Action_pro"]] * 3 + [["Action_other"]]


def test_nothing_is_asked_where_nothing_can_be_said():
    engine = Engine(knows_actions=False)
    assert ProductAllowances(engine, "Action_{product}").of("") == {}
    assert ProductAllowances(engine, "").of("pro") == {}
    assert engine.asked == []
    assert ProductAllowances(engine, "Action_{product}").of("pro") == {}
    assert engine.asked == [["Action_pro"]]


def test_an_engine_that_is_away_is_no_product_without_allowance():
    class Away:
        def actions(self, _names):
            raise Unreachable("away")

    with pytest.raises(Unreachable):
        ProductAllowances(Away(), "Action_{product}").of("pro")


def test_of_lists_only_what_is_of_the_kind():
    mixed = [{"a": 1}, "b", 3, None, {"c": 2}, "d"]
    assert (objects(mixed), texts(mixed)) == ([{"a": 1}, {"c": 2}], ["b", "d"])
    assert objects({"a": 1}) == texts("abc") == objects(None) == []


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"Account": {"ID": "t:a"}}, Named("t", "a")),
        ({"Tenant": "t", "Account": "a"}, Named("t", "a")),
        ({"Account": "t:a"}, Named("", "t:a")),
        ({"Tenant": "t", "Account": "u:a"}, Named("t", "u:a")),
        ({"Tenant": "t", "Account": "t:"}, Named("t", "t:")),
        ({"Tenant": "t", "AccountID": "", "Account": "a"}, Named("t", "a")),
        ({"Tenant": "t", "AccountID": "b", "Account": "a"}, Named("t", "b")),
        ({"Tenant": "t", "Event": {"Account": "a"}}, Named("t", "a")),
        ({"Tenant": "t", "Event": {"Tenant": "u", "Account": "a"}}, Named("u", "a")),
        ({"Tenant": "t", "*req": {"Account": "t:a"}}, Named("t", "a")),
        ({"Event": {"Account": "a"}, "*req": {"Account": "b"}}, Named("", "a")),
        ({"ID": ":a", "BalanceMap": None}, Named("", "a")),
    ],
)
def test_whom_a_post_names(body, named):
    assert read_post(json.dumps(body)) == (named,)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (None, "post: is null; "),
        (7, "post: is no object of CGRateS's."),
        ({"Tenant": 7, "Account": "a"}, "post: names no account; "),
        ({"Tenant": "t", "Account": ["a"]}, "post: names no account; "),
        ({"Account": {}}, "post: the account's ID is not of the form tenant:account."),
        ({"ID": "t:", "BalanceMap": {}}, "post: the account's ID is not of the form tenant:account."),
        ({"ID": 7, "BalanceMap": {}}, "post: the account's ID is not of the form tenant:account."),
        ([{"Account": "a"}] * 1001, "post: holds more than 1000 things."),
    ],
)
def test_a_post_without_an_account_is_a_sentence(body, told):
    with pytest.raises(BadInput) as fault:
        read_post(json.dumps(body))
    assert fault.value.faults[0].startswith(told)


def test_a_thousand_things_are_one_post_and_a_form_has_as_many_fields():
    assert len(read_post(json.dumps([{"Account": "a"}] * 1000))) == 1000
    fields = [f"f{n}=1" for n in range(999)]
    assert read_post("&".join(["Account=a", *fields])) == (Named("", "a"),)
    with pytest.raises(BadInput, match="neither JSON nor a form"):
        read_post("&".join(["Account=a", *fields, "g=1"]))


def test_the_words_of_each_call():
    assert action_call("http://here/ocs").parameters == {
        "ActionsId": "ACT_MAILWORKER",
        "Overwrite": True,
        "Actions": [{"Identifier": "*http_post_async", "ExtraParameters": "http://here/ocs", "Weight": 10}],
    }
    assert account_call("t", "a", ("G", "H")).parameters == {
        "Tenant": "t",
        "Account": "a",
        "ActionTriggerIDs": ["G", "H"],
        "ActionTriggerOverwrite": False,
        "ReloadScheduler": True,
    }
    plain, named = trigger_calls([
        Trigger("G", "n", "*sms", "", Decimal(9)),
        Trigger("G", "m", "*data", "Data", Decimal("2.5"), "*balance_expired"),
    ])  # fmt: skip
    inner = {
        "ThresholdType": "*min_balance",
        "ThresholdValue": 9.0,
        "Recurrent": False,
        "MinSleep": "0",
        "BalanceType": "*sms",
        "ActionsID": "ACT_MAILWORKER",
        "Weight": 10,
    }
    assert plain.parameters == {"GroupID": "G", "UniqueID": "n", "ActionTrigger": inner}
    own = {
        "ThresholdType": "*balance_expired",
        "ThresholdValue": 2.5,
        "BalanceType": "*data",
        "BalanceID": "Data",
    }
    assert named.parameters == {"GroupID": "G", "UniqueID": "m", "ActionTrigger": inner | own}
    assert (plain.why, named.why) == ("fires for *sms", "fires for *data Data")


def test_the_words_of_a_profile():
    trigger = Trigger("G", "n", "*data", "Data", Decimal("5.5"))
    call = profile_call("t", trigger)
    assert (call.method, call.why) == ("APIerSv1.SetThresholdProfile", "fires for *data Data")
    assert call.parameters == {
        "Tenant": "t",
        "ID": "n",
        "FilterIDs": [
            "*string:~*opts.*eventType:AccountUpdate",
            "*lte:~*asm.BalanceSummaries.Data.Value:5.5",
            "*gt:~*asm.BalanceSummaries.Data.Initial:5.5",
        ],
        "MaxHits": -1,
        "MinHits": 1,
        "Weight": 10,
        "ActionIDs": ["ACT_MAILWORKER"],
        "Async": True,
    }


def low(text):
    return BalanceSettings.model_validate({"low": text})


def triggers(lines, products=None):
    return [
        (one.group, one.name, one.type, one.balance, str(one.at.normalize()))
        for one in triggers_of(low(lines), products or {})
        if one.kind == "*min_balance"
    ]


PRO = {"Pro": {("*data", "Data Package"): Decimal(1000), ("*monetary", ""): Decimal(50)}}


@pytest.mark.parametrize(
    ("lines", "products", "found"),
    [
        ([{"below": "20%"}], {}, []),
        ([{"below": "20%", "type": "*data"}], PRO, [("MAILWORKER_Pro", "mailworker_low_data_Data_Package_20pct", "*data", "Data Package", "199")]),
        ([{"below": "20%", "type": "Crédit"}], PRO, [("MAILWORKER_Pro", "mailworker_low_monetary_20pct", "*monetary", "", "9.99999")]),
        ([{"below": "20%", "type": "*sms"}], PRO, []),
        ([{"below": "20%", "plan": "basic"}], PRO, []),
        ([{"below": "20%", "plan": "pro", "type": "données"}], PRO, [("MAILWORKER_Pro", "mailworker_low_data_Data_Package_20pct", "*data", "Data Package", "199")]),
        ([{"below": 3, "type": "SMS"}], PRO, [("MAILWORKER", "mailworker_low_sms_3", "*sms", "", "2")]),
        ([{"below": "2.5", "type": "*monetary"}], {}, [("MAILWORKER", "mailworker_low_monetary_2.5", "*monetary", "", "2.49999")]),
        ([{"below": 2, "type": "Crédit", "plan": "PRO"}], PRO, [("MAILWORKER_Pro", "mailworker_low_monetary_2", "*monetary", "", "1.99999")]),
        ([{"below": 2, "type": "Crédit", "plan": "basic"}], PRO, []),
        ([{"below": 2, "type": "SMS", "plan": "pro"}], PRO, []),
    ],
)  # fmt: skip
def test_the_triggers_of_each_threshold(lines, products, found):
    assert triggers(lines, products) == found


def test_an_expiry_of_every_type_is_posted_but_a_services():
    expiries = [one for one in triggers_of(low([]), {}) if one.kind != "*min_balance"]
    assert [one.type for one in expiries] == ["*data", "*voice", "*sms", "*mms", "*monetary"]
    assert {(one.group, one.balance, one.at, one.kind) for one in expiries} == {
        ("MAILWORKER", "", Decimal(0), "*balance_expired")
    }
    assert expiries[0].name == "mailworker_expired_data"


def test_an_account_gets_its_own_products_groups():
    made = [
        Trigger(group, "n", "*data", "", Decimal(1))
        for group in ("MAILWORKER_pro", "MAILWORKER", "MAILWORKER_x")
    ]
    assert groups_for("pro", made) == ["MAILWORKER", "MAILWORKER_pro"]
    assert groups_for("", made) == groups_for("y", made) == ["MAILWORKER"]
    assert groups_for("pro", made[:1]) == ["MAILWORKER_pro"]
    assert (group_of("pro"), group_of("")) == ("MAILWORKER_pro", "MAILWORKER")


def resets(parts):
    found = reset_call("A", parts)
    return found if found is None or isinstance(found, str) else found.parameters["Actions"]


RESET = {"Identifier": "*reset_triggers", "BalanceType": "*data", "Weight": 0}


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ([], None),
        ({"x": 1}, None),
        ([{"Identifier": "*log"}], None),
        ([{"Identifier": "*topup"}], None),
        ([top_up(5), {"Identifier": "*reset_triggers", "BalanceType": "*data"}], None),
        ([top_up(5), {"Identifier": "*reset_triggers"}], None),
        ([top_up(5)], [{"Identifier": "*topup", "BalanceId": "Data", "BalanceType": "*data", "Units": 5.0}, RESET]),
        (
            [top_up(5), {"Identifier": "*reset_triggers", "BalanceType": "*sms"}],
            [{"Identifier": "*topup", "BalanceId": "Data", "BalanceType": "*data", "Units": 5.0}, {"Identifier": "*reset_triggers", "BalanceType": "*sms"}, RESET],
        ),
        (
            [{"Identifier": "*topup_reset", "BalanceType": "*data", "ExpirationString": "*month", "ExtraParameters": "x", "Weight": 7,
              "Balance": {"Uuid": "u", "Weight": 3, "Blocker": True, "Disabled": False, "Value": {"Static": "1e3"}, "SharedGroups": {}}}],
            [{"Identifier": "*topup_reset", "BalanceUuid": "u", "BalanceType": "*data", "Units": 1000.0, "ExpiryTime": "*month",
              "BalanceWeight": 3, "BalanceBlocker": "true", "BalanceDisabled": "false", "ExtraParameters": "x", "Weight": 7}, RESET],
        ),
        ([top_up({"Static": 5, "Method": "", "Params": {}})], [{"Identifier": "*topup", "BalanceId": "Data", "BalanceType": "*data", "Units": 5.0}, RESET]),
        ([top_up(None)], [{"Identifier": "*topup", "BalanceId": "Data", "BalanceType": "*data"}, RESET]),
    ],
)  # fmt: skip
def test_an_action_that_tops_up_gets_a_reset_at_its_end(parts, found):
    assert resets(parts) == found


@pytest.mark.parametrize(
    "odd",
    [
        7,
        {"Balance": [1]},
        {"Filters": ["x"]},
        {"Filter": "x"},
        top_up({"Static": 5, "Method": "*incremental"}),
        top_up({"Params": {"a": 1}}),
        top_up("much"),
        top_up(True),
        top_up("inf"),
        {"Balance": {"Factors": {"x": 2}}},
    ],
)
def test_a_part_that_cannot_be_copied_is_left_to_a_person(odd):
    assert resets([top_up(5), odd]).startswith(
        "A: holds parts that cannot be copied without loss; add to it yourself, last: {"
    )
    assert resets([top_up(5), odd]).endswith('{"Identifier": "*reset_triggers", "BalanceType": "*data"}')


def test_profiles_name_each_known_balance_once():
    made = [
        Trigger("G", "a", "*data", "Data Package", Decimal("1E+3")),
        Trigger("G", "b", "*sms", "", Decimal(2)),
        Trigger("G", "c", "*monetary", "", Decimal(3)),
        Trigger("G", "d", "*mms", "", Decimal(0), "*balance_expired"),
        Trigger("H", "e", "*data", "Data Package", Decimal(1000)),
    ]
    found = profile_triggers(made, {"*sms": {"T", "S"}, "*mms": {"M"}})
    assert [(one.name, one.balance, one.type) for one in found] == [
        ("MAILWORKER_data_Data_Package_1000", "Data Package", "*data"),
        ("MAILWORKER_sms_S_2", "S", "*sms"),
        ("MAILWORKER_sms_T_2", "T", "*sms"),
    ]
    assert [one.partition(":")[0] for one in uncovered(made, {"*sms": {"S"}})] == ["*monetary"]


def test_the_doctor_counts_profiles_that_are_missing_or_otherwise():
    made = [Trigger("G", name, "*data", "Data", Decimal(1)) for name in ("a", "b", "c")]
    right = {
        "FilterIDs": filters_of(made[0])[::-1],
        "ActionIDs": ["x", "ACT_MAILWORKER"],
        "MaxHits": -1,
        "Async": True,
    }
    assert profile_faults({"a": right, "b": right, "c": right | {"MinSleep": 0}}, made) == []
    cure = "run `mailworker cgrates setup --thresholds --apply`."
    assert profile_faults({"a": right, "c": 7}, made) == [
        f"CGRateS lacks 1 threshold profiles, the first is b: {cure}",
        f"CGRateS has in another form 1 threshold profiles, the first is c: {cure}",
    ]


def test_types_without_a_known_balance_are_named_in_order():
    types = ["*voice", "*sms", "*monetary", "*mms", "*data", "*generic"]
    made = [Trigger("G", name, name, "", Decimal(1)) for name in types]
    assert [one.partition(":")[0] for one in uncovered(made, {})] == sorted(types)
