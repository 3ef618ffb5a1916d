"""Bringing the ledger's tables up to date."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

_HERE = Path(__file__).parent / "migrations"

# Any number will do, so long as every mailworker asks for the same one.
_POSTGRES_LOCK = 7_401_226_001


def migrate(engine: Engine) -> None:
    """Run the migrations that this database has not seen. Safe when many workers start at once."""
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    head = ScriptDirectory.from_config(config).get_current_head()
    with engine.begin() as connection, _alone(connection):
        if MigrationContext.configure(connection).get_current_revision() != head:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Only one migrates; on SQLite the transaction's own write lock sees to that."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})
    yield
