"""The tables that the migrations made once in this process, for each later SQLite ledger that is empty.

The migrations themselves are tested in tests/integration; a run of all of them costs more than most tests.
"""

import contextlib
import sqlite3
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from mailworker.ledger import database
from mailworker.ledger.migrate import migrate
from mailworker.ledger.schema_version import SchemaStatus, status


@pytest.fixture(scope="session", autouse=True)
def migrate_once() -> Iterator[None]:
    """Imported by the conftest of whoever opens many ledgers; they are copies then."""
    # Servers of tests open ledgers in threads of their own.
    made = sqlite3.connect(":memory:", check_same_thread=False)

    def migrate_or_copy(engine: Engine) -> SchemaStatus:
        if engine.dialect.name != "sqlite" or status(engine).database is not None:
            return migrate(engine)
        with engine.connect() as connection:
            ours = connection.connection.driver_connection
            assert isinstance(ours, sqlite3.Connection)
            if made.execute("SELECT 1 FROM sqlite_master").fetchone():
                made.backup(ours)
                return status(engine)
            found = migrate(engine)
            ours.backup(made)
            return found

    with contextlib.closing(made), pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "migrate", migrate_or_copy)
        yield
