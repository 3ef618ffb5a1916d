"""An empty database becomes a ledger, on both databases, once, whoever comes first."""

import importlib
import pkgutil
import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect

from mailworker import ledger as ledger_room
from mailworker.ledger import Ledger
from mailworker.ledger.tables import metadata

pytestmark = pytest.mark.integration


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request):
    return request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "fresh_postgres_url")


def test_the_migrations_make_what_the_code_thinks(empty_url):
    for module in pkgutil.iter_modules(ledger_room.__path__, "mailworker.ledger."):
        importlib.import_module(module.name)  # each may bring tables
    Ledger.open(empty_url).close()
    engine = create_engine(empty_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)
        found = set(inspect(connection).get_table_names())
    engine.dispose()
    assert differences == []
    assert set(metadata.tables) <= found


def test_opening_again_changes_nothing(empty_url):
    for _ in range(2):
        Ledger.open(empty_url).close()


def test_many_workers_may_start_at_once(empty_url):
    faults, barrier = [], threading.Barrier(3)

    def start():
        barrier.wait()
        try:
            Ledger.open(empty_url).close()
        except Exception as fault:  # noqa: BLE001 - told below
            faults.append(fault)

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
