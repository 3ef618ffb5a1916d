"""Balances seen and changes told, on PostgreSQL: two who see one balance at once, and a change committed late."""

import threading
from decimal import Decimal

import pytest
from sqlalchemy import insert

from mailworker.ledger import Ledger
from mailworker.ledger.callback_rows import SETTLED, collect, take_due
from mailworker.ledger.seen_balances import begin_baseline, end_baseline, has_baseline, observe, seen_of
from mailworker.ledger.tables import timeline
from mailworker.rules.balance_history import Reading
from tests.omnicrm.cgrates import serving
from tests.omnicrm.engine_world import GB, EngineWorld, new_engine
from tests.scan_world import MONDAY, World

pytestmark = pytest.mark.integration


@pytest.fixture
def ledger(fresh_postgres_url):
    made = Ledger.open(fresh_postgres_url)
    yield made
    made.close()


def test_an_alert_by_scan_and_by_post_is_one(ledger, tmp_path):
    engine = new_engine()
    with serving(engine) as url:
        world = EngineWorld(ledger, url, engine, tmp_path)
        world.scan_balances()
        for n in range(30):
            world.add(f"s{n:02}", engine.balance("*data", "Data Package", 50 * GB, days=5))
        world.scan_balances()
        for n in range(30):
            engine.debit(f"s{n:02}", "*data", "Data Package", 45 * GB)
        body = '{{"ID": "cgrates.org:s{:02}", "BalanceMap": null}}'
        assert world.post(*[body.format(n) for n in range(0, 30, 2)] * 2).written == 15
        assert world.scan_balances().written == 15
        world.wait(days=6)
        for n in range(30):
            engine.debit(f"s{n:02}", "*data", "Data Package", 1)
        world.scan_balances()
        assert sum(key.startswith("balance-expired:") for key in world.keys) == 30
        world.close()


def test_two_who_see_a_balance_at_once_keep_both_sights(ledger):
    first = Reading("u", "a", "*data", "Data", Decimal(10))
    with ledger.write() as connection:
        begin_baseline(connection, MONDAY)
        end_baseline(connection, MONDAY)
        assert has_baseline(connection)
        observe(connection, [first], {}, MONDAY)
    barrier = threading.Barrier(8)

    def see(value):
        with ledger.read() as connection:
            before = seen_of(connection, ["a"])
        barrier.wait(timeout=20)
        with ledger.write() as connection:
            observe(connection, [Reading("u", "a", "*data", "Data", Decimal(value))], before, MONDAY)

    threads = [threading.Thread(target=see, args=(value,)) for value in range(20, 28)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    with ledger.read() as connection:
        (seen,) = seen_of(connection, ["a"])["a"]
    assert (seen.highest, seen.version) == (Decimal(27), 8)
    assert seen.topped_up_at == MONDAY


def test_a_change_committed_after_a_later_one_is_told_and_none_twice(ledger):
    world = World(ledger)
    values = {"user_name": "Zoé", "reset_url": "https://crm.example/r", "expiry_time": "1 heure"}
    ids = [
        world.enqueue(kind="api_crmCommunicationUserPasswordReset", to="z@courriel.example", variables=values, idempotency_key=f"r{n}")
        for n in range(2)
    ]  # fmt: skip
    with ledger.write() as connection:
        collect(connection, ["sent"], {}, MONDAY)
    row = {"at": MONDAY, "what": "sent"}
    with ledger.write() as late:
        late.execute(insert(timeline), [{"message_id": ids[0], **row}])
        with ledger.write() as connection:
            connection.execute(insert(timeline), [{"message_id": ids[1], **row}])
        with ledger.write() as connection:
            assert collect(connection, ["sent"], {}, MONDAY) == 1
    with ledger.write() as connection:
        assert collect(connection, ["sent"], {}, MONDAY + SETTLED * 2) == 1
        assert collect(connection, ["sent"], {}, MONDAY + SETTLED * 4) == 0
        now = MONDAY + SETTLED * 4
        taken = take_due(connection, now, lease=SETTLED, limit=10)
        assert [one["message_id"] for one in taken] == ids
        assert take_due(connection, now, lease=SETTLED, limit=10) == []
