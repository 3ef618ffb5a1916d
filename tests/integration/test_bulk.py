"""Many rows at once: all of them or none, and each verdict as if they had come one by one."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from mailworker.ledger.bulk_insert import WORTH_IT, insert_all
from mailworker.ledger.insert_messages import AcceptVerdict, accept
from mailworker.ledger.notification_log import Claim, claim, notifications_of
from mailworker.ledger.tables import messages, timeline
from tests.rows import NOW, row

pytestmark = pytest.mark.integration
MANY = WORTH_IT * 3


def rows_in(ledger, table=messages):
    with ledger.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_all_of_them(ledger):
    wanted = [row(f"n{n}", cc=[{"email": "a@b.example", "name": "É"}], reason=None) for n in range(MANY)]
    with ledger.write() as connection:
        assert insert_all(connection, messages, wanted)
    with ledger.read() as connection:
        found = connection.execute(select(messages).order_by(messages.c.id)).mappings().all()
    first = found[0]
    assert {name: first[name] for name in wanted[0]} == wanted[0]
    assert len(found) == MANY


@pytest.mark.parametrize("in_the_way", ["there before", "twice among them"])
def test_or_none_and_the_transaction_goes_on(ledger, in_the_way):
    wanted = [row(f"n{n}") for n in range(MANY)]
    with ledger.write() as connection:
        if in_the_way == "there before":
            accept(connection, [row("other", idempotency_key="key-n7")], NOW)
        else:
            wanted.append(row("again", idempotency_key="key-n7"))
        assert not insert_all(connection, messages, wanted)
        accept(connection, [row("after")], NOW)
    assert rows_in(ledger) == 1 + (in_the_way == "there before")


def test_each_gets_its_own_verdict_among_many(ledger):
    with ledger.write() as connection:
        accept(connection, [row("old"), row("mine", idempotency_key="key-strange")], NOW)
        wanted = [row(f"n{n}") for n in range(MANY)]
        wanted[3] = row("old")
        wanted[5] = row("old", fingerprint="other")
        wanted[7] = row("mine", idempotency_key="key-new")
        given = accept(connection, wanted, NOW)
    assert {n: one.verdict for n, one in enumerate(given) if one.verdict is not AcceptVerdict.NEW} == {
        3: AcceptVerdict.REPEATED,
        5: AcceptVerdict.CONFLICT,
        7: AcceptVerdict.CONFLICT,
    }
    assert rows_in(ledger) == rows_in(ledger, timeline) == 2 + MANY - 3


def test_eight_writers_of_the_same_rows_write_them_once(ledger):
    def write(turn):
        wanted = [row(f"n{n}") for n in range(MANY)]
        wanted = wanted[turn:] + wanted[:turn]
        with ledger.write() as connection:
            return [one.verdict for one in accept(connection, wanted, NOW)]

    with ThreadPoolExecutor(8) as pool:
        found = Counter(verdict for verdicts in pool.map(write, range(8)) for verdict in verdicts)
    assert found == {AcceptVerdict.NEW: MANY, AcceptVerdict.REPEATED: 7 * MANY}
    assert rows_in(ledger) == rows_in(ledger, timeline) == MANY


def test_claims_that_somebody_has_stay_theirs(ledger):
    wanted = [(Claim(f"k{n}", f"invoice:{n}", 7), "ours") for n in range(MANY)]
    with ledger.write() as connection:
        assert claim(connection, wanted[4:5], run_id=None, now=NOW) == {"k4"}
        others = claim(connection, [(one, "theirs") for one, _ in wanted], run_id=1, now=NOW)
        assert others == {one.key for one, _ in wanted} - {"k4"}
        assert [one.claim.key for one in notifications_of(connection, ["ours"])["ours"]] == ["k4"]
