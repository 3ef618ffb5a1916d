"""A look at the charging engine's accounts, balance by balance; what the doctor says of its set-up, fault by fault."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from mailworker.balances.alert_mail import expired_variables, low_variables
from mailworker.balances.cgrates_balances import EngineBalances, Looked
from mailworker.balances.cgrates_posts_to_alerts import AlertSink, Taken
from mailworker.balances.cgrates_setup import EngineSetup
from mailworker.config.balances import BalanceSettings
from mailworker.config.settings import parse_settings
from mailworker.crm.cgrates.account import Account, EngineBalance
from mailworker.crm.cgrates.action_triggers import triggers_of
from mailworker.crm.records import Service
from mailworker.errors import BadInput, Misconfigured
from mailworker.ledger.seen_balances import begin_baseline, end_baseline, seen_of
from mailworker.ledger.tables import rejected_jobs
from tests.scan_world import balance

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
GB = 1024**3


class Engine:
    """Accounts by name, and the Actions of products."""

    def __init__(self):
        self.accounts_ = {}
        self.actions_ = {}
        self.asked = []

    def accounts(self, names):
        self.asked.append(list(names))
        return {name: self.accounts_[name] for name in names if name in self.accounts_}, ["fault"]

    def actions(self, names):
        return {name: self.actions_[name] for name in names if name in self.actions_}


@pytest.fixture
def engine():
    return Engine()


@pytest.fixture
def scene(ledger, engine):
    """An installation whose first scan is over; `look` at services then, with these settings."""
    with ledger.write() as connection:
        begin_baseline(connection, NOW - 90 * DAY)
        end_baseline(connection, NOW - 90 * DAY)
    clock = SimpleNamespace(now=NOW)

    def look(*services, currency="EUR", settings=None, **more):
        made = BalanceSettings.model_validate({"cgrates": settings or {}})
        return EngineBalances(made, currency, engine, ledger, lambda: clock.now).look(services, **more)

    return SimpleNamespace(look=look, clock=clock, ledger=ledger)


def service(uuid="s", **more):
    plain = {"customer_id": "C", "service_name": "Mobile", "email": "z@x.example", "customer_name": "Zoé"}
    return Service(service_uuid=uuid, **plain | more)


def data(value=GB, uuid="u", name="Data", type_="*data", expires=None):
    return EngineBalance(uuid, type_, name, Decimal(value), expires)


def account(*balances, disabled=False):
    return Account("t", "s", disabled, balances)


def ids(looked):
    return [one.balance_id for one in looked.balances]


def test_no_service_is_no_question(scene, engine):
    assert scene.look() == Looked()
    assert engine.asked == []


def test_a_balance_says_whose_it_is_and_what_is_left_in_peoples_units(scene, engine):
    engine.accounts_["s"] = account(data(GB // 2, expires=NOW + DAY))
    engine.actions_["Action_pro"] = [
        {"ActionType": "*topup", "Balance": {"Type": "*data", "ID": "Data", "Value": 5 * GB}}
    ]
    links = {"topup_url": "https://t/{service_uuid}/{customer_id}", "renewal_url": "https://r/{service_uuid}"}
    own = service(product="pro", timezone="Europe/Paris", language="fr")
    looked = scene.look(own, settings=links)
    (found,) = looked.balances
    assert looked.faults == ("fault",)
    expected = {
        "balance_id": "u", "customer_id": "C", "balance_type": "Données", "amount": Decimal("0.5"), "period_start": NOW,
        "plan": "pro", "allowance": Decimal(5), "expires_at": NOW + DAY, "topped_up_at": None, "level_after_top_up": None,
        "amount_at_start": None, "timezone": "Europe/Paris", "email": "z@x.example", "customer_name": "Zoé",
        "service_name": "Mobile", "unit": "Go", "language": "fr", "topup_url": "https://t/s/C", "renewal_url": "https://r/s",
    }  # fmt: skip
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("type_", "settings", "currency", "named"),
    [
        ("*data", {}, "EUR", ("Données", "Go", Decimal(2))),
        ("*data", {"names": {"Data": "Internet"}}, "EUR", ("Internet", "Go", Decimal(2))),
        ("*data", {"units": {"*data": {"divide": GB * 2, "unit": "x"}}}, "EUR", ("data", "x", Decimal(1))),
        ("*monetary", {}, "CHF", ("Crédit", "CHF", Decimal(2 * GB))),
        ("*monetary", {"units": {"*monetary": {"unit": "USD"}}}, "CHF", ("monetary", "USD", Decimal(2 * GB))),
        ("*other", {}, "CHF", ("other", "", Decimal(2 * GB))),
    ],
)
def test_how_a_type_is_told(scene, engine, type_, settings, currency, named):
    engine.accounts_["s"] = account(data(2 * GB, type_=type_))
    (found,) = scene.look(service(), settings=settings, currency=currency).balances
    assert (found.balance_type, found.unit, found.amount) == named
    assert found.plan == "Data"


def test_without_an_action_the_highest_value_seen_is_full(scene, engine):
    for value, full in ((4, 4), (1, 4), (6, 6), (2, 6)):
        engine.accounts_["s"] = account(data(value * GB))
        scene.clock.now += SECOND
        (found,) = scene.look(service()).balances
        assert (found.amount, found.allowance) == (value, full)
    assert (found.topped_up_at, found.level_after_top_up) == (NOW + 3 * SECOND, 6)
    engine.accounts_["s"] = account(data(0, uuid="v"))
    assert [one.allowance for one in scene.look(service()).balances] == [None]


def test_what_is_ignored_or_disabled_is_no_balance(scene, engine):
    engine.accounts_["s"] = account(data(name="*default", uuid="d"), data())
    assert ids(scene.look(service())) == ["u"]
    assert sorted(ids(scene.look(service(), settings={"ignore_ids": []}))) == ["d", "u"]
    assert ids(scene.look(service(), settings={"ignore_ids": ["Data"]})) == ["d"]
    engine.accounts_["s"] = account(data(), disabled=True)
    assert ids(scene.look(service())) == []
    del engine.accounts_["s"]
    assert ids(scene.look(service())) == []
    assert ids(scene.look(service("other"))) == []


def test_what_stands_in_for_a_balance_counts_as_left(scene, engine):
    roaming = EngineBalance("r", "*data", "Roaming", Decimal(GB), scope='{"Categories": {"roaming": true}}')
    engine.accounts_["s"] = account(
        data(GB), data(3 * GB, uuid="b", name="Booster"), data(9 * GB, uuid="x", expires=NOW - DAY), roaming
    )

    def left(settings=None):
        found = scene.look(service(), settings=settings).balances
        return {one.balance_id: one.amount for one in found if one.balance_id != "x"}

    assert left() == {"u": 4, "b": 4, "r": 1}
    assert left({"names": {"Booster": "Option Booster"}}) == {"u": 1, "b": 3, "r": 1}, "told apart by name"
    assert left({"ignore_ids": ["Booster"]}) == {"u": 1, "r": 1}


@pytest.mark.parametrize(
    ("status", "ends", "found"),
    [
        ("Active", None, ["u"]),
        ("Suspended", None, ["u"]),
        ("", None, ["u"]),
        ("Inactive", None, []),
        ("cancelled", NOW + DAY, []),
        ("Inactive", NOW - DAY, ["service:s"]),
    ],
)
def test_of_a_service_that_is_over_nothing_is_told_but_its_end(scene, engine, status, ends, found):
    engine.accounts_["s"] = account(data())
    assert ids(scene.look(service(status=status, ends_at=ends))) == found


def test_a_look_that_writes_nothing_leaves_no_trace(scene, engine):
    engine.accounts_["s"] = account(data(2 * GB))
    assert ids(scene.look(service(), writes=False)) == ["u"]
    with scene.ledger.read() as connection:
        assert seen_of(connection, ["s"]) == {}
    scene.look(service())
    engine.accounts_["s"] = account(data(GB))
    (found,) = scene.look(service(), writes=False).balances
    assert (found.amount, found.allowance, found.amount_at_start) == (1, 2, None)
    with scene.ledger.read() as connection:
        assert [one.value for one in seen_of(connection, ["s"])["s"]] == [2 * GB]


@pytest.mark.parametrize(
    ("live", "writes", "at_start"), [(False, True, 1), (True, True, None), (False, False, 1)]
)
def test_before_the_first_scan_is_over_only_what_is_posted_is_news(ledger, engine, live, writes, at_start):
    engine.accounts_["s"] = account(data(GB))
    made = EngineBalances(BalanceSettings(), "EUR", engine, ledger, lambda: NOW)
    (found,) = made.look([service()], live=live, writes=writes).balances
    assert found.amount_at_start == at_start


@pytest.mark.parametrize(
    ("ago", "told"),
    [
        (-SECOND, True),  # not yet
        (timedelta(0), True),
        (7 * DAY, True),
        (7 * DAY + SECOND, False),
    ],
)
def test_an_expired_balance_is_told_for_a_week(scene, engine, ago, told):
    scene.clock.now = NOW - 30 * DAY
    engine.accounts_["s"] = account(data(expires=NOW - ago))
    scene.look(service())
    scene.clock.now = NOW
    assert ("u" in ids(scene.look(service()))) is told
    engine.accounts_["s"] = account(
        data(uuid="v")
    )  # deleted by the engine at its end; the other lasts for ever
    assert ids(scene.look(service())) == ["v"], "followed by one that lasts longer"
    engine.accounts_["s"] = account(data(uuid="v", name="Other"))
    assert ids(scene.look(service())) == ["v"], "another that may be used for the same stands in for it"
    engine.accounts_["s"] = account(data(0, uuid="v", name="Other"))
    assert ("u" in ids(scene.look(service()))) is (told and ago >= timedelta(0))


@pytest.mark.parametrize(("started", "told"), [(True, True), (False, False)])
def test_what_expired_before_anybody_looked_is_old_at_the_first_scan_alone(ledger, engine, started, told):
    if started:
        with ledger.write() as connection:
            begin_baseline(connection, NOW)
            end_baseline(connection, NOW)
    engine.accounts_["s"] = account(data(expires=NOW))
    made = EngineBalances(BalanceSettings(), "EUR", engine, ledger, lambda: NOW)
    assert (ids(made.look([service()])) == ["u"]) is told


@pytest.mark.parametrize(
    ("ends", "settings", "found"),
    [
        (NOW + SECOND, {}, ["u"]),
        (NOW, {}, ["service:s"]),
        (NOW - DAY, {}, ["service:s"]),
        (NOW - DAY, {"service_ends": False}, ["u"]),
        (None, {}, ["u"]),
    ],
)
def test_a_service_that_has_ended_is_told_instead_of_its_balances(scene, engine, ends, settings, found):
    engine.accounts_["s"] = account(data())
    assert ids(scene.look(service(ends_at=ends), settings=settings)) == found


def test_the_end_of_a_service_whose_account_is_gone_is_told(scene):
    looked = scene.look(service(ends_at=NOW - SECOND))
    assert [(one.balance_id, one.balance_type, one.amount, one.allowance) for one in looked.balances] == [
        ("service:s", "Service", 0, None)
    ]
    assert ids(scene.look(service(ends_at=NOW + SECOND))) == []


def test_of_several_services_each_has_its_own(scene, engine):
    engine.accounts_ = {"s": account(data(uuid="a")), "t": account(data(uuid="b"), data(uuid="c"))}
    looked = scene.look(service(), service("t", customer_id="D"), service("none"))
    assert [(one.balance_id, one.customer_id) for one in looked.balances] == [
        ("a", "C"),
        ("b", "D"),
        ("c", "D"),
    ]
    assert engine.asked == [["s", "t", "none"]]


WORDS = {"customer_name": "Zoé Roussel", "service_name": "Mobile 10 Go", "balance_type": "Données"}


def test_what_an_alert_prints():
    one = balance(1, amount=Decimal("1.5"))
    low = low_variables(one, Decimal(2), language="fr")
    assert low == WORDS | {
        "current_balance": low["current_balance"],
        "threshold": low["threshold"],
        "topup_url": "https://crm.example/topup",
    }
    assert low["current_balance"].replace("\u00a0", " ").replace("\u202f", " ") == "1,5 Go"
    assert low["threshold"].replace("\u00a0", " ").replace("\u202f", " ") == "2 Go"


@pytest.mark.parametrize(
    ("at", "zone", "day"),
    [
        (datetime(2026, 12, 1, tzinfo=UTC), "UTC", "30 November 2026"),
        (datetime(2026, 12, 1, 0, 0, 1, tzinfo=UTC), "UTC", "1 December 2026"),
        (datetime(2026, 11, 30, 23, tzinfo=UTC), "Europe/Paris", "30 November 2026"),
        (datetime(2026, 11, 30, 23, 0, 1, tzinfo=UTC), "Europe/Paris", "1 December 2026"),
    ],
)
def test_what_expires_at_midnight_was_good_through_the_day_before(at, zone, day):
    found = expired_variables(balance(1), at, language="en", zone=ZoneInfo(zone))
    assert found == WORDS | {"expiry_date": day, "renewal_url": "https://crm.example/renew"}


class SinkWorld:
    """A CRM and a scan that say what a test wants."""

    def __init__(self, faults=(), notifications=(), findings=()):
        self.looked = []
        self.faults, self.notifications, self.findings = faults, notifications, findings

    def look_at(self, names):
        self.looked.append(set(names))
        return Looked((), tuple(self.faults))

    def inspect(self, balances, *, as_of, now):
        assert (list(balances), as_of, now) == ([], NOW, NOW)
        return SimpleNamespace(notifications=list(self.notifications), faults=list(self.findings))


def sink_of(ledger, world):
    return AlertSink(ledger, world, world, "t", NOW)


def entries(*bodies):
    return [(f"{number}-0", {"body": json.dumps(body)}) for number, body in enumerate(bodies)]


def kept(ledger):
    with ledger.read() as connection:
        rows = connection.execute(select(rejected_jobs).order_by(rejected_jobs.c.entry_id)).mappings()
        return [(row["entry_id"], row["source"], row["faults"], row["at"]) for row in rows]


OURS, THEIRS, NOBODY = (
    {"ID": "t:a", "BalanceMap": None},
    {"ID": "u:b", "BalanceMap": None},
    {"EventType": "ThresholdHit"},
)


@pytest.mark.parametrize(
    ("bodies", "taken", "looked"),
    [
        ([OURS], Taken(1, 0, 0, 0), {"a"}),
        ([OURS, OURS], Taken(2, 0, 0, 0), {"a"}),
        ([{"Account": "a"}], Taken(1, 0, 0, 0), {"a"}),  # no tenant is ours
        ([THEIRS], Taken(1, 0, 1, 0), None),
        ([NOBODY], Taken(1, 0, 1, 0), None),
        ([[OURS, THEIRS]], Taken(1, 0, 0, 0), {"a"}),
        ([7], Taken(1, 0, 0, 1), None),
        ([OURS, THEIRS, NOBODY, 7, {"Tenant": "t", "Account": "c"}], Taken(5, 0, 2, 1), {"a", "c"}),
    ],
)
def test_posts_are_counted_by_what_they_led_to(ledger, bodies, taken, looked):
    world = SinkWorld()
    assert sink_of(ledger, world).write(entries(*bodies)) == taken
    assert world.looked == ([looked] if looked else [])
    assert len(kept(ledger)) == taken.rejected


def test_what_a_post_should_have_led_to_is_kept_for_people(ledger):
    world = SinkWorld(faults=["no service"], findings=["no address"])
    assert sink_of(ledger, world).write(entries(OURS)) == Taken(1, 0, 0, 0)
    assert kept(ledger) == [("ocs:0-0:alerts", "cgrates", ["no service", "no address"], NOW)]
    many = SinkWorld(faults=[str(number) for number in range(30)])
    sink_of(ledger, many).write([("1-0", entries(OURS)[0][1])])
    assert [len(faults) for _, _, faults, _ in kept(ledger)] == [2, 20]


def test_a_post_that_is_rejected_is_one(ledger):
    sink = sink_of(ledger, SinkWorld())
    assert sink.reject(("x" * 80, {}), "a", "b") == Taken(rejected=1)
    assert kept(ledger) == [(f"ocs:{'x' * 60}", "cgrates", ["a", "b"], NOW)]
    assert sink.write([("1-0", {})]).rejected == 1


class SetUp:
    """A CgratesClient whose answers are by method, and a CRM of these services."""

    def __init__(self, *services, **answers):
        self.pages = [SimpleNamespace(records=services)] if services else []
        self.answers = answers
        self.asked = []

    def services(self):
        return iter(self.pages)

    def actions(self, names):
        self.asked.append(tuple(names))
        return {
            name: self.answers["actions"][name] for name in names if name in self.answers.get("actions", {})
        }

    def version(self):
        return self.answers.get("version", "CGRateS@v0.11.0")

    def call(self, method, parameters):
        self.asked.append((method.partition(".")[2], parameters))
        found = self.answers.get(method.partition(".")[2])
        return found(parameters) if callable(found) else found


URL = "http://mailworker:8070/ocs/cgrates"
CONFIG = """
mailjet: {api_key: k, api_secret: s}
web: {ocs_user: "me&", ocs_password: "p@ss"}
balances: {cgrates: {url: "http://ocs:2080/jsonrpc", post_url: "%s", tenant: t}, low: [{below: 3, type: SMS}]}
"""


def setup_of(world, text=CONFIG % URL):
    return EngineSetup(parse_settings(text, environ={}), world, world)


def posts_to(url):
    return {"ACT_MAILWORKER": [{"ExtraParameters": url}]}


def all_triggers(parameters):
    wanted = triggers_of(parse_settings(CONFIG % URL, environ={}).balances, {})
    return [
        {"ID": one.group, "UniqueID": one.name} for one in wanted if [one.group] == parameters["GroupIDs"]
    ]


CURE = "run `mailworker cgrates setup --apply`"


@pytest.mark.parametrize(
    ("actions", "fault"),
    [
        (posts_to(URL), None),
        (posts_to("http://me:x@mailworker:9/some/ocs/cgrates"), None),
        ({"ACT_MAILWORKER": [{}, {"ExtraParameters": URL}]}, None),
        ({}, f"CGRateS has no Action ACT_MAILWORKER: {CURE}."),
        ({"ACT_MAILWORKER": []}, f"CGRateS has no Action ACT_MAILWORKER: {CURE}."),
        (posts_to("http://other:8070/ocs/cgrates"), "CGRateS: ACT_MAILWORKER posts to another host than balances.cgrates.post_url; apply setup."),
        (posts_to("http://mailworker:8070/other"), f"CGRateS: ACT_MAILWORKER does not post to /ocs/cgrates: {CURE}."),
    ],
)  # fmt: skip
def test_the_doctor_on_the_action(actions, fault):
    world = SetUp(actions=actions, GetActionTriggers=all_triggers)
    assert setup_of(world).faults() == ([fault] if fault else [])


def test_without_an_address_of_ours_no_host_is_the_wrong_one():
    world = SetUp(actions=posts_to("http://other:8070/ocs/cgrates"), GetActionTriggers=all_triggers)
    assert setup_of(world, CONFIG % "").faults() == []


def test_the_doctor_on_triggers_resets_accounts_and_login():
    top_up = {"ActionType": "*topup", "Balance": {"Type": "*data", "ID": "Data", "Value": 5}}
    world = SetUp(
        service(product="pro"),
        service("v", product="pro"),
        service("w"),
        actions=posts_to(URL) | {"Action_pro": [top_up]},
        GetActionTriggers=lambda parameters: all_triggers(parameters)[1:],
        GetAccounts=[
            {"ActionTriggers": [{"ID": "MAILWORKER_pro"}]},
            {"ActionTriggers": [{"ID": "x"}]},
            {"ActionTriggers": None},
        ],
    )
    no_login = (CONFIG % URL).replace('{ocs_user: "me&", ocs_password: "p@ss"}', "{}")
    found = setup_of(world, no_login).faults()
    assert [one[:60] for one in found] == [
        one[:60]
        for one in (
            "web.ocs_user and web.ocs_password are empty: without them everything that CGRateS posts is refused.",
            f"CGRateS lacks 1 triggers, the first is mailworker_expired_data: {CURE}.",
            "CGRateS: Action_pro tops up and resets no triggers, so that its second low balance is not posted",
            "CGRateS: 2 of the first 3 accounts have none of mailworker's triggers: run ...",
        )
    ]
    assert ("GetAccounts", {"Tenant": "t", "AccountIDs": ["s", "v", "w"]}) in world.asked
    assert world.asked.count(("Action_pro",)) == 1


def test_of_many_accounts_fifty_are_looked_at():
    world = SetUp(
        *(service(str(number)) for number in range(60)), actions=posts_to(URL), GetActionTriggers=all_triggers
    )
    assert setup_of(world).faults() == []
    (given,) = [
        parameters
        for method, parameters in (one for one in world.asked if len(one) == 2)
        if method == "GetAccounts"
    ]
    assert len(given["AccountIDs"]) == 50


@pytest.mark.parametrize(
    ("answers", "faults"),
    [
        ({"GetConfig": {"rals": {"thresholds_conns": ["*internal"]}}}, []),
        ({"GetConfig": {"rals": {"thresholds_conns": []}}}, ["CGRateS: rals.thresholds_conns is empty, so that no account's change reaches ThresholdS."]),
        ({"GetConfig": {"rals": {}}}, ["CGRateS: rals.thresholds_conns is empty, so that no account's change reaches ThresholdS."]),
        ({"GetConfig": None}, []),
        ({"GetConfig": {"rals": None}}, []),
        ({"version": "CGRateS@v0.10.4"}, ["CGRateS 0.10 tells ThresholdS of no balances: use triggers, `cgrates setup --apply`."]),
        ({"version": ""}, []),
    ],
)  # fmt: skip
def test_the_doctor_on_profiles(answers, faults):
    world = SetUp(actions=posts_to(URL), GetThresholdProfileIDs=["MAILWORKER_x", "other"], **answers)
    found = setup_of(world).faults()
    assert found[:-1] == faults
    assert found[-1].startswith("*sms: a profile needs the balances' IDs")
    assert "GetActionTriggers" not in {one[0] for one in world.asked}


def test_profiles_of_others_are_none():
    world = SetUp(
        actions=posts_to(URL), GetThresholdProfileIDs=["OTHER", "MAILWORKER"], GetActionTriggers=all_triggers
    )
    assert setup_of(world).faults() == []


def test_the_calls_of_set_up_in_their_order():
    top_up = {"ActionType": "*topup", "Balance": {"Type": "*sms", "ID": "Pack", "Value": 5}}
    world = SetUp(service(product="pro"), actions={"Action_pro": [top_up]})
    calls = list(setup_of(world).calls())
    assert (
        calls[0].parameters["Actions"][0]["ExtraParameters"]
        == "http://me%26:p%40ss@mailworker:8070/ocs/cgrates"
    )
    methods = [one.method.partition(".")[2] for one in calls]
    assert methods == ["SetActions", *["SetActionTrigger"] * 6, "SetActions", "SetAccount"]
    assert calls[-1].parameters["Tenant"] == "t"
    assert calls[-1].parameters["Account"] == "s"
    assert [one.method.partition(".")[2] for one in setup_of(world).calls(resets=False)] == [
        *methods[:7],
        "SetAccount",
    ]
    shown = next(iter(setup_of(world).calls(shown=True)))
    assert shown.parameters["Actions"][0]["ExtraParameters"] == "http://me%26:***@mailworker:8070/ocs/cgrates"
    profiles = list(setup_of(world).threshold_calls(shown=True))
    assert profiles[0] == shown
    assert [one.parameters["ID"] for one in profiles[1:]] == ["MAILWORKER_sms_Pack_2"]
    assert profiles[1].parameters["Tenant"] == "t"


def test_set_up_needs_an_address_and_a_login():
    with pytest.raises(BadInput, match="post_url is empty"):
        list(setup_of(SetUp(), CONFIG % "").calls())
    with pytest.raises(Misconfigured, match="ocs_user"):
        list(
            setup_of(SetUp(), (CONFIG % URL).replace('{ocs_user: "me&", ocs_password: "p@ss"}', "{}")).calls()
        )


def test_without_a_template_no_products_action_is_asked_for():
    text = (CONFIG % URL).replace("tenant: t}", 'tenant: t, actions: ""}')
    world = SetUp(service(product="pro"), actions=posts_to(URL), GetActionTriggers=all_triggers)
    assert setup_of(world, text).faults() == []
    assert world.asked[0] == ("ACT_MAILWORKER",)
    assert ("Action_pro",) not in world.asked
