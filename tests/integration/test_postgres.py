from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, text

from mailworker.ledger import Ledger
from mailworker.ledger.webhook_log import WebhookTally, latest_minutes

pytestmark = pytest.mark.integration


def tables(url):
    engine = create_engine(url)
    try:
        with engine.connect() as link:
            return link.execute(
                text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
            ).scalar_one()
    finally:
        engine.dispose()


def leave_a_table(url):
    engine = create_engine(url)
    try:
        with engine.begin() as link:
            link.execute(text("CREATE TABLE here (id int)"))
    finally:
        engine.dispose()


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_gets_an_empty_database(fresh_postgres_url, turn):
    assert tables(fresh_postgres_url) == 0
    leave_a_table(fresh_postgres_url)
    assert tables(fresh_postgres_url) == 1


def test_the_shared_database_answers(postgres_url):
    assert tables(postgres_url) >= 0


def test_counts_of_posts_by_several_workers_at_once_add_up(fresh_postgres_url):
    ledger, minute = Ledger.open(fresh_postgres_url), datetime(2026, 11, 30, 9, tzinfo=UTC)

    def count(_):
        for _ in range(20):
            tally = WebhookTally()
            for what in ("posts", "event:sent", "repeated"):
                tally.count(minute, what)
                tally.count(minute + timedelta(minutes=1), what, 2)
            with ledger.write() as connection:
                tally.write(connection)

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(count, range(4)))
    with ledger.read() as connection:
        assert [one.posts for one in latest_minutes(connection, limit=5)] == [160, 80]
    ledger.close()
