"""What is asked for each call must not read all contacts that wait: there may be a million."""

from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from mailworker.ledger import Ledger, contact_push_queue
from tests.rows import NOW

pytestmark = pytest.mark.integration


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    yield ledger
    ledger.close()


@pytest.fixture
def statements():
    seen = []

    def keep(_connection, _cursor, statement, parameters, *_):
        if "mailjet_contacts" in statement and not statement.startswith("EXPLAIN"):
            seen.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", keep)
    yield seen
    event.remove(Engine, "before_cursor_execute", keep)


def plan(ledger, statement, parameters):
    with ledger.read() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
    return " / ".join(row[-1] for row in rows)


def test_contacts_that_are_due_are_found_by_their_time_alone(ledger, statements):
    with ledger.write() as connection:
        contact_push_queue.anything_due(connection, NOW)
        contact_push_queue.claim(connection, "a", now=NOW, until=NOW + timedelta(minutes=1), limit=1000)
    assert len(statements) == 2
    for statement, parameters in list(statements):
        assert plan(ledger, statement, parameters) == (
            "SEARCH mailjet_contacts USING INDEX mailjet_contacts_due (due_at<?)"
        )
