"""Bringing the ledger's tables up to date."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text

from mailworker.ledger.schema_version import (
    LedgerSchemaMismatch,
    SchemaStatus,
    alembic_config,
    note_compatibility,
    status,
)

# Any number will do, so long as every mailworker asks for the same one.
_POSTGRES_LOCK = 7_401_226_001


def migrate(engine: Engine) -> SchemaStatus:
    """Run the migrations that this database has not seen. Safe when many start it at once.

    Raises LedgerSchemaMismatch where the tables are newer than this code, and not compatible with it.
    """
    before = status(engine)
    if before.is_older:
        from alembic import command  # noqa: PLC0415 - a third of a second, which no command shall wait for
        from alembic.runtime.migration import MigrationContext  # noqa: PLC0415

        config = alembic_config()
        with engine.begin() as connection, _alone(connection):
            if MigrationContext.configure(connection).get_current_revision() != before.code:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                note_compatibility(connection)
    after = status(engine)
    if after.mismatch:
        raise LedgerSchemaMismatch(after.mismatch)
    return after


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Only one migrates; on SQLite the transaction's own write lock sees to that."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})
    yield
