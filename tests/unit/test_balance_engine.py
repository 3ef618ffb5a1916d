"""Balances out of CGRateS: low ones once each, by a scan or in real time, expired ones even when they are gone."""

import sqlite3
from datetime import timedelta

import pytest
from sqlalchemy import select

from mailworker.balances.cgrates_balances import EngineBalances
from mailworker.balances.scan import BalanceScan
from mailworker.errors import BadInput, Misconfigured, Unreachable
from mailworker.ledger.balance_tables import BASELINE, seen_balances
from mailworker.ledger.tables import rejected_jobs
from mailworker.scans.runner import rehearse
from tests.omnicrm.cgrates import Trigger
from tests.omnicrm.engine_world import GB, engine_worlds
from tests.scan_world import MONDAY


@pytest.fixture
def make(scan_ledger, tmp_path):
    with engine_worlds(scan_ledger, tmp_path) as world:
        yield world


@pytest.fixture
def started(make):
    """A world whose first scan is over."""
    world = make()
    world.scan_balances()
    return world


def data(world, value, *, days=30, name="Data Package"):
    return world.engine.balance("*data", name, value, days=days)


def test_the_first_scan_of_an_installation_is_silent(make):
    world = make()
    world.add("low", data(world, GB))
    world.add("gone", data(world, GB, days=-1))
    assert world.scan_balances().written == 0
    world.wait(hours=1)
    assert world.scan_balances().written == 0, "what was low or gone before is old news"
    world.engine.top_up("low", "*data", "Data Package", 9 * GB)
    world.wait(hours=1)
    world.scan_balances()
    world.engine.debit("low", "*data", "Data Package", 9 * GB)
    world.wait(hours=1)
    assert world.scan_balances().written == 1, "a top-up arms it"


def test_the_first_scan_is_over_when_all_was_looked_at(make, monkeypatch):
    world, look = make(), EngineBalances.look
    world.add("low", data(world, GB))

    def slow(engine, *given, **more):
        world.wait(hours=2)
        return look(engine, *given, **more)

    monkeypatch.setattr(EngineBalances, "look", slow)
    world.scan_balances()
    with world.ledger.read() as connection:
        (mark,) = connection.execute(select(seen_balances).where(seen_balances.c.uuid == BASELINE))
    assert (mark.first_seen, mark.last_seen, mark.version) == (MONDAY, MONDAY + timedelta(hours=2), 1)


def test_a_first_scan_that_is_cut_short_goes_on_silently(make):
    world = make()
    for n in range(120):
        world.add(f"s{n:03}", data(world, GB))
    run = world.scan(BalanceScan, seconds=0)
    assert run.finished_at is None
    while run is not None and run.finished_at is None:
        world.wait(minutes=1)
        run = world.scan(BalanceScan, seconds=0)
    assert world.rows() == []


def test_a_rehearsal_leaves_no_trace(started):
    world = started
    world.add("zoe", data(world, 50 * GB))
    rehearsed = world.crm.rehearsing()
    subject = BalanceScan(world.settings, rehearsed, world.ledger, world.drafts)
    assert [f.notifications for _, f in rehearse(subject, as_of=world.clock.now, now=world.clock.now)] == [[]]
    assert rehearsed.balances_of(["service:zoe"]) == {}
    rehearsed.look_at({"zoe"})
    rehearsed.close()
    world.wait(hours=1)
    world.engine.debit("zoe", "*data", "Data Package", 49 * GB)
    assert world.scan_balances().written == 0, (
        "seen for the first time now, it has no higher value to be low against"
    )


def test_low_is_told_once_a_period_by_the_scan(started):
    world = started
    world.add("zoe", data(world, 50 * GB))
    world.scan_balances()
    world.engine.debit("zoe", "*data", "Data Package", 45 * GB)
    for _ in range(3):
        world.wait(hours=1)
        world.scan_balances()
    world.dispatch()
    assert world.told() == [("zoe@courriel.example", "5\u202fGo", "10\u202fGo")]
    world.engine.top_up("zoe", "*data", "Data Package", 45 * GB)
    world.wait(hours=1)
    world.scan_balances()
    world.engine.debit("zoe", "*data", "Data Package", 45 * GB)
    world.wait(hours=1)
    world.scan_balances()
    world.dispatch()
    assert len(world.told()) == 2, "the top-up armed it again"


def fifty_gigabytes(world):
    world.engine.actions["Action_50gb"] = [
        {
            "ActionType": "*topup_reset",
            "Balance": {"ID": "Data Package", "Type": "*data", "Value": {"Static": 50 * GB}},
        }
    ]


def test_an_allowance_comes_from_the_products_action(started):
    world = started
    fifty_gigabytes(world)
    world.add("zoe", data(world, 9 * GB), product="50gb")  # never seen full
    world.scan_balances()
    world.dispatch()
    assert world.told() == [("zoe@courriel.example", "9\u202fGo", "10\u202fGo")]


def test_a_low_balance_that_nobody_uses_is_told_once_however_long_it_stays(started):
    world = started
    fifty_gigabytes(world)
    world.add("zoe", data(world, 9 * GB, days=None), product="50gb")
    for _ in range(10):
        world.scan_balances()
        world.dispatch()
        world.wait(days=90)
    assert len(world.told()) == 1


def watched(world, name, *balances):
    world.engine.trigger_groups["LOW"] = [
        Trigger("LOW", "low", 10 * GB - 1, "*data", "Data Package", "ACT_LOW")
    ]
    world.add(name, *balances)
    world.engine.watch(name, "LOW")


def test_a_post_and_a_scan_are_one_alert(started):
    world = started
    watched(world, "zoe", data(world, 50 * GB))
    world.scan_balances()
    world.engine.debit("zoe", "*data", "Data Package", 45 * GB)
    (body,) = world.posted()
    assert world.post(body).written == 1
    world.wait(hours=1)
    assert world.scan_balances().written == 0
    assert world.post(body, body).written == 0, "nor by a replay"
    world.dispatch()
    assert len(world.told()) == 1


def test_a_post_replayed_after_a_top_up_alarms_nobody(started):
    world = started
    watched(world, "zoe", data(world, 50 * GB))
    world.scan_balances()
    world.engine.debit("zoe", "*data", "Data Package", 45 * GB)
    (body,) = world.posted()
    world.engine.top_up("zoe", "*data", "Data Package", 45 * GB)
    world.wait(days=6)
    assert world.post(body).written == 0


def test_the_last_look_asks_the_engine_again(started):
    world = started
    watched(world, "zoe", data(world, 50 * GB))
    world.scan_balances()
    world.engine.debit("zoe", "*data", "Data Package", 45 * GB)
    assert world.post(*world.posted()).written == 1
    world.engine.top_up("zoe", "*data", "Data Package", 45 * GB)
    world.dispatch()
    assert world.told() == []
    assert world.states == ["cancelled"]


def test_two_thresholds_are_told_once_each(make):
    world = make(more="  quiet_hours: null\n  low: [{below: 20%}, {below: 5%}]")
    world.scan_balances()
    world.add("zoe", data(world, 100 * GB))
    world.scan_balances()
    for used in (81, 0, 15, 0):
        world.engine.debit("zoe", "*data", "Data Package", used * GB)
        world.wait(hours=1)
        world.scan_balances()
        world.dispatch()
    assert [told[1:] for told in world.told()] == [("19\u202fGo", "20\u202fGo"), ("4\u202fGo", "5\u202fGo")]


def test_a_balance_is_not_low_while_a_booster_stands_in_for_it(make):
    world = make(more="  quiet_hours: null\n  low: [{below: 20%}]")
    world.scan_balances()
    booster = world.engine.balance("*data", "Booster", 20 * GB, days=20)
    world.add("zoe", data(world, 50 * GB), booster)
    for name, used in (("Data Package", 50), ("Booster", 11), ("Booster", 6)):
        world.scan_balances()
        world.engine.debit("zoe", "*data", name, used * GB)
        world.wait(hours=1)
        world.scan_balances()
        world.dispatch()
    assert [told[1:] for told in world.told()] == [("9\u202fGo", "10\u202fGo"), ("3\u202fGo", "4\u202fGo")]


def test_both_thresholds_crossed_at_once_are_one_mail(make):
    world = make(more="  quiet_hours: null\n  low: [{below: 20%}, {below: 5%}]")
    world.scan_balances()
    world.add("zoe", data(world, 100 * GB))
    world.scan_balances()
    world.engine.debit("zoe", "*data", "Data Package", 97 * GB)
    for _ in range(3):
        world.wait(hours=1)
        world.scan_balances()
        world.dispatch()
    assert [told[1:] for told in world.told()] == [("3\u202fGo", "5\u202fGo")]


def test_a_balance_that_the_engine_deleted_at_its_expiry_is_told(started):
    world = started
    world.add("zoe", data(world, 50 * GB, days=2))
    world.scan_balances()
    world.wait(days=2, minutes=1)
    world.engine.debit("zoe", "*data", "Data Package", 1)  # touches the account: the engine deletes it
    assert world.engine.accounts["zoe"].balances == []
    for _ in range(3):
        world.scan_balances()
        world.wait(hours=1)
    world.dispatch()
    assert len(world.told()) == 1
    assert world.keys[0].startswith("balance-expired:")


def test_a_balance_that_was_removed_before_its_end_is_no_expired_one(started):
    """As `*remove_balance` does it: a pack that was taken back or refunded."""
    world = started
    pack = data(world, 50 * GB, days=20)
    account = world.add("zoe", pack, world.engine.balance("*voice", "Voice", 3.6e12, days=200))
    world.scan_balances()
    account.balances.remove(pack)
    world.wait(days=1)
    assert world.scan_balances().written == 0
    world.wait(days=19)
    assert world.scan_balances().written == 0
    world.dispatch()
    assert world.told() == []


def test_an_engine_whose_clock_is_a_little_ahead_takes_no_expiry_away(started):
    world = started
    pack = data(world, 50 * GB, days=2)
    account = world.add("zoe", pack)
    world.scan_balances()
    world.wait(days=2, minutes=-5)
    account.balances.remove(pack)  # by its own clock it is over
    assert world.scan_balances().written == 0
    world.wait(minutes=6)
    assert world.scan_balances().written == 1


def test_a_renewed_balance_is_no_expired_one(started):
    world = started
    world.add("zoe", data(world, 50 * GB, days=2))
    world.scan_balances()
    world.wait(days=2, minutes=1)
    world.engine.top_up("zoe", "*data", "Data Package", 50 * GB, days=30)
    assert world.scan_balances().written == 0
    assert len(world.engine.accounts["zoe"].balances) == 1


def test_a_plan_that_another_took_the_place_of_is_no_expired_one(started):
    world = started
    world.add("zoe", data(world, 10 * GB, days=2, name="Data 10"))
    world.scan_balances()
    world.wait(days=1)
    world.engine.top_up("zoe", "*data", "Data 50", 50 * GB, days=30)
    for _ in range(3):
        world.wait(days=1, minutes=1)
        assert world.scan_balances().written == 0
    world.dispatch()
    assert world.told() == []


@pytest.mark.parametrize(
    ("left", "told"),
    [
        ({"value": 0}, True),
        ({"name": "Roaming", "destinations": {"DST_ROAMING": True}}, True),
        ({"name": "Roaming", "destinations": {"*any": True}}, False),
        ({"disabled": True}, True),
        ({"type": "*sms"}, True),
        ({"name": "Named"}, True),
    ],
)
def test_an_expiry_is_told_where_nothing_is_left_in_its_place(make, left, told):
    world = make(last='    names: {"Named": Internet au Maroc}\n')
    world.scan_balances()
    given = {"type": "*data", "name": "Booster", "value": 20 * GB} | left
    other = world.engine.balance(given["type"], given["name"], given["value"], days=20)
    other.disabled = given.get("disabled", False)
    other.destinations = given.get("destinations", {})
    world.add("zoe", data(world, 10 * GB, days=2), other)
    world.scan_balances()
    world.wait(days=2, minutes=1)
    assert [key for key in written(world) if key.startswith("balance-expired:")] == [
        "balance-expired:"
    ] * told


def written(world):
    world.scan_balances()
    return [key[: key.index(":") + 1] for key in world.keys]


def test_a_disabled_balance_expires_in_silence_even_once_the_engine_dropped_it(started):
    world = started
    account = world.add("zoe", data(world, 10 * GB, days=2))
    world.scan_balances()
    account.balances[0].disabled = True
    world.wait(days=1)
    world.scan_balances()
    world.wait(days=2)
    assert world.scan_balances().written == 0
    account.balances.clear()
    assert world.scan_balances().written == 0


def test_a_balance_that_is_enabled_again_is_told_of(started):
    world = started
    account = world.add("zoe", data(world, 10 * GB, days=3))
    world.scan_balances()
    for disabled in (True, False):
        account.balances[0].disabled = disabled
        world.wait(days=1)
        world.scan_balances()
    world.wait(days=2)
    assert world.scan_balances().written == 1


def test_what_a_blocker_keeps_from_use_is_not_left(make):
    """CGRateS's debit never gets behind a blocker, be it empty (engine/account.go, debitCreditBalance)."""
    world = make(more="  quiet_hours: null\n  low: [{below: 20%}]")
    world.scan_balances()
    plan, behind = data(world, 50 * GB), world.engine.balance("*data", "Behind", 20 * GB, days=20)
    plan.blocker, plan.weight, behind.weight = True, 20, 10
    world.add("zoe", plan, behind)
    world.scan_balances()
    world.engine.debit("zoe", "*data", "Data Package", 45 * GB)
    world.wait(hours=1)
    world.scan_balances()
    world.dispatch()
    assert [told[1:] for told in world.told()] == [("5\u202fGo", "10\u202fGo")]


def test_what_is_owed_on_one_balance_takes_nothing_from_another(make):
    """CGRateS passes over a balance of nothing or less (engine/account.go, getBalancesForPrefix)."""
    world = make(more="  quiet_hours: null\n  low: [{below: 5, type: Crédit}]")
    world.scan_balances()
    owed, purse = (
        world.engine.balance("*monetary", "Postpaid", 0),
        world.engine.balance("*monetary", "Purse", 9),
    )
    world.add("zoe", owed, purse)
    world.scan_balances()
    owed.value = -7
    world.wait(hours=1)
    assert world.scan_balances().written == 0, "nine are left"


def test_a_service_whose_end_is_reached_is_told_once_for_all_its_balances(started):
    world = started
    end = world.clock.now + timedelta(days=1)
    world.add("zoe", data(world, 50 * GB, days=1), ends_at=end)
    world.scan_balances()
    world.wait(days=1, minutes=1)
    for _ in range(2):
        world.scan_balances()
        world.wait(hours=1)
    world.dispatch()
    assert [key.split(":2026")[0] for key in world.keys] == ["balance-expired:service:zoe"]
    assert len(world.told()) == 1


@pytest.mark.parametrize("fate", ["deleted", "disabled"])
def test_a_services_end_is_told_though_its_account_is_gone(started, fate):
    world = started
    world.add("zoe", data(world, 50 * GB), ends_at=world.clock.now + timedelta(days=1))
    world.scan_balances()
    world.wait(days=1, minutes=1)
    if fate == "deleted":
        del world.engine.accounts["zoe"]
    else:
        world.engine.accounts["zoe"].disabled = True
    world.scan_balances()
    world.dispatch()
    assert len(world.told()) == 1


def test_an_account_that_is_gone_with_its_balances_is_no_expiry(started):
    world = started
    world.add("zoe", data(world, 50 * GB, days=1))
    world.scan_balances()
    del world.engine.accounts["zoe"]
    world.wait(days=2)
    assert world.scan_balances().written == 0


def test_disabled_balances_accounts_and_ignored_ids_are_told_of_to_nobody(started):
    world = started
    world.add("off", data(world, 50 * GB)).disabled = True
    world.add("quiet", world.engine.balance("*monetary", "*default", 50))
    off = data(world, 50 * GB)
    off.disabled = True
    world.add("part", off)
    world.scan_balances()
    for account in world.engine.accounts.values():
        account.balances[0].value = 0
    world.wait(hours=1)
    assert world.scan_balances().written == 0


def test_voice_and_money_are_told_in_peoples_units(started):
    world = started
    world.add("voice", world.engine.balance("*voice", "Voice Minutes", 100 * 60e9))
    world.add("money", world.engine.balance("*monetary", "Prepaid", 20))
    world.scan_balances()
    world.engine.debit("voice", "*voice", "Voice Minutes", 90 * 60e9)
    world.engine.debit("money", "*monetary", "Prepaid", 18.5)
    world.wait(hours=1)
    world.scan_balances()
    world.dispatch()
    found = {told[0].split("@")[0]: told[1] for told in world.told()}
    assert found == {"voice": "10\u202fmin", "money": "1,50\u00a0€"}


@pytest.mark.parametrize(
    ("type_", "full", "used", "shown"),
    [
        ("*data", 10 * GB, 10 * GB - 1_234_567_890, ("1,14\u202fGo", "2\u202fGo")),
        ("*data", 10 * GB, 10 * GB - 12_345_678, ("0,011\u202fGo", "2\u202fGo")),
        ("*data", 10 * GB, 8 * GB + 1, ("1,99\u202fGo", "2\u202fGo")),
        ("*data", 53_333_333_333, 50_000_000_000, ("3,1\u202fGo", "9,94\u202fGo")),
        ("*monetary", 10, 8.00001, ("1,99\u00a0€", "2,00\u00a0€")),
        ("*monetary", 10, 10.001, ("−0,01\u00a0€", "2,00\u00a0€")),
        ("*voice", 600e9, 500.4e9, ("1\u202fmin\u202f40\u202fs", "2\u202fmin")),
    ],
)
def test_what_is_left_has_no_more_figures_than_people_read_and_is_never_more(
    started, type_, full, used, shown
):
    world = started
    world.add("zoe", world.engine.balance(type_, "Pack", full))
    world.scan_balances()
    world.engine.debit("zoe", type_, "Pack", used)
    world.wait(hours=1)
    world.scan_balances()
    world.dispatch()
    assert [told[1:] for told in world.told()] == [shown]


def test_posts_of_others_are_counted_and_bad_ones_kept(started):
    world = started
    taken = world.post(
        '{"ID": "other:zoe", "BalanceMap": {}}', "null", "<html>", '{"EventType": "ThresholdHit"}'
    )
    assert (taken.posts, taken.ignored, taken.rejected, taken.written) == (4, 2, 2, 0)
    taken = world.post('{"ID": "cgrates.org:nobody", "BalanceMap": {}}')
    assert (taken.written, taken.rejected) == (0, 0)


def test_an_alert_that_cannot_be_written_is_kept_for_people(started):
    world = started
    watched(world, "zoe", data(world, 50 * GB))
    with sqlite3.connect(world.path) as link:
        link.execute("UPDATE services SET email = 'no address'")
    link.close()
    world.scan_balances()
    world.engine.debit("zoe", "*data", "Data Package", 45 * GB)
    assert world.post(*world.posted()).written == 0
    with world.ledger.read() as connection:
        (row,) = connection.execute(select(rejected_jobs)).all()
    assert row.source == "cgrates"
    assert "email" in row.faults[0]
    assert "no address" not in row.faults[0]


def spoil(world, ends_at):
    with sqlite3.connect(world.path) as link:
        link.execute("UPDATE services SET ends_at = ?", (ends_at,))
    link.close()


def test_an_alert_whose_service_cannot_be_read_waits_and_is_not_taken_for_gone(started):
    world = started
    watched(world, "zoe", data(world, 50 * GB))
    world.scan_balances()
    world.engine.debit("zoe", "*data", "Data Package", 45 * GB)
    assert world.post(*world.posted()).written == 1
    (balance_id,) = (one.uuid for one in world.engine.accounts["zoe"].balances)
    found = world.crm.balances_of([balance_id, "other", "service:zoe"])
    assert {id_: one.service_name for id_, one in found.items()} == {balance_id: "Mobile zoe"}
    spoil(world, "no day")
    found = world.crm.balances_of([balance_id, "service:zoe", "other"])
    assert set(found) == {balance_id, "service:zoe"}
    assert all(isinstance(one, BadInput) and "ends_at" in str(one) for one in found.values())
    world.dispatch()
    assert (world.states, world.told()) == (["ready"], [])
    spoil(world, None)
    world.wait(hours=2)
    world.dispatch()
    assert len(world.told()) == 1


def test_a_post_of_a_service_that_cannot_be_read_is_kept_for_people(started):
    world = started
    watched(world, "zoe", data(world, 50 * GB))
    world.scan_balances()
    world.engine.debit("zoe", "*data", "Data Package", 45 * GB)
    spoil(world, "no day")
    assert world.post(*world.posted()).written == 0
    with world.ledger.read() as connection:
        (row,) = connection.execute(select(rejected_jobs)).all()
    assert ["ends_at" in fault for fault in row.faults] == [True]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((502, "<html>"), Unreachable),
        ((200, "<html>"), Misconfigured),
        ((200, '{"error": "SERVER_ERROR"}'), Unreachable),
    ],
)
def test_posts_wait_while_the_engine_is_sick(started, answer, error):
    world = started
    watched(world, "zoe", data(world, 50 * GB))
    world.scan_balances()
    world.engine.debit("zoe", "*data", "Data Package", 45 * GB)
    (body,) = world.posted()
    world.engine.answers.append(answer)
    with pytest.raises(error):
        world.post(body)
    assert world.post(body).written == 1


def test_a_flood_neither_loses_nor_doubles_one(started):
    world = started
    for n in range(600):
        watched(world, f"s{n:04}", data(world, 50 * GB))
    world.scan_balances()
    for n in range(600):
        world.engine.debit(f"s{n:04}", "*data", "Data Package", 45 * GB)
    bodies = world.posted()
    assert len(bodies) == 600
    written = sum(world.post(*bodies[start : start + 250]).written for start in range(0, 600, 200))
    assert written == 600
    assert world.scan_balances().written == 0
    assert len(set(world.keys)) == len(world.keys) == 600


def test_a_post_before_the_first_scan_is_news(make):
    world = make(more="  quiet_hours: null\n  low: [{below: 10, type: Données}]")
    watched(world, "zoe", data(world, 11 * GB))
    world.engine.debit("zoe", "*data", "Data Package", 2 * GB)
    assert world.post(*world.posted()).written == 1


def test_of_two_alerts_that_waited_for_the_morning_the_lower_one_leaves(make):
    world = make(more="  quiet_hours: null\n  low: [{below: 20%}, {below: 5%}]")
    world.scan_balances()
    world.add("zoe", data(world, 100 * GB))
    world.scan_balances()
    for used in (85, 12):
        world.engine.debit("zoe", "*data", "Data Package", used * GB)
        world.wait(hours=1)
        world.scan_balances()
    world.dispatch()
    assert [told[1:] for told in world.told()] == [("3\u202fGo", "5\u202fGo")]
    assert sorted(world.states) == ["cancelled", "sent"]
