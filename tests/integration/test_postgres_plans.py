"""A claim reads what it takes, not all that waits, also while PostgreSQL's statistics know nothing of the backlog."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from mailworker.core.settlement import Receipt, Settlement
from mailworker.core.states import State
from mailworker.ledger import Ledger
from mailworker.ledger.claiming import Lease, Wish, claim
from mailworker.ledger.query_planner import in_index_order
from mailworker.ledger.settle_messages import settle
from mailworker.ledger.upcoming import UpcomingFilter, When, upcoming
from tests.benchmarks.waiting import fill

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC)


@pytest.fixture
def surprised(fresh_postgres_url):
    """A ledger whose statistics were taken just before a backlog came."""
    ledger = Ledger.open(fresh_postgres_url)
    with ledger.write() as connection:
        connection.execute(text("ALTER TABLE messages SET (autovacuum_enabled = false)"))
    fill(ledger, 2_000, state="sent", tag="old")
    with ledger.write() as connection:
        connection.execute(text("ANALYZE messages"))
    fill(ledger, 30_000, state="ready", tag="new")
    yield ledger
    ledger.close()


def plans(ledger, work):
    """What PostgreSQL does for each statement on messages that `work` makes."""
    seen = []

    def keep(_connection, _cursor, statement, parameters, _context, executemany):
        if not executemany and "messages" in statement and statement.startswith(("SELECT", "UPDATE")):
            seen.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", keep)
    try:
        with ledger.write() as connection:
            work(connection)
    finally:
        event.remove(Engine, "before_cursor_execute", keep)
    found = []
    for statement, parameters in seen:
        with ledger.read() as connection:
            in_index_order(connection)
            rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars()
            found.append("\n".join(rows))
    return found


def test_a_claim_and_its_settling_leave_the_waiting_rows_alone(surprised):
    def one_call(connection):
        rows = claim(
            connection,
            now=NOW,
            lease=Lease("call", NOW + timedelta(minutes=1)),
            wish=Wish(50),
            choose=lambda candidates: [row["id"] for row in candidates],
        )
        sent = [Settlement(row["id"], State.SENT, "sent", receipt=Receipt(1, "u")) for row in rows]
        assert len(settle(connection, sent, now=NOW, expected=State.SENDING, lease="call")) == 50

    found = plans(surprised, one_call)
    assert any("messages_ready" in plan for plan in found)
    assert any("messages_pkey" in plan for plan in found)
    assert not [plan for plan in found if "messages_not_sent" in plan or "Sort" in plan]


@pytest.mark.parametrize("when", list(When))
def test_what_is_to_leave_is_read_in_the_order_in_which_it_does(surprised, when):
    found = plans(surprised, lambda c: upcoming(c, UpcomingFilter(when), now=NOW, limit=51))
    assert len(found) == (1 if when is When.HELD else 4)
    assert not [plan for plan in found if "Seq Scan" in plan or "->  Sort" in plan or plan.startswith("Sort")]
