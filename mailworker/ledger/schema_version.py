"""Which version the ledger's tables are of, and whether this code can use them.

Migrations add what older code can live with, or name in `compatible_down_to` which code is the oldest that
can. The ledger keeps that word, so that code which does not know the newest migrations knows whether it may
go on.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Connection, Engine, Integer, String, Table, column, inspect, select, table

from mailworker.errors import TransientError
from mailworker.ledger.bulk_insert import upsert
from mailworker.ledger.tables import metadata

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).parent / "migrations"
_ONLY_ROW = 1
_MIGRATE = "run `mailworker ledger migrate`"

ledger_schema = Table(
    "ledger_schema",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("compatible_down_to", String(12), nullable=False),
)

#: Where Alembic writes down a database's revision.
_ALEMBIC = table("alembic_version", column("version_num"))


class LedgerSchemaMismatch(TransientError):
    """The ledger's tables are not of a version that this mailworker can use."""


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """Which revision the tables are of, None where there are none, and which this code was made for.

    `compatible_down_to` is the oldest revision whose code can use these tables, so far as they record it.
    """

    database: str | None
    code: str
    compatible_down_to: str | None = None
    known: bool = True

    @property
    def is_older(self) -> bool:
        """Whether migrations are outstanding."""
        return self.known and self.database != self.code

    @property
    def mismatch(self) -> str | None:
        """Why this code must not use these tables, and what to do; None where it may."""
        if self.database is None:
            return f"The ledger has no tables yet: {_MIGRATE}."
        if self.is_older:
            are = f"The ledger's tables are of revision {self.database}"
            return f"{are}, and this mailworker needs {self.code}: {_MIGRATE}."
        if self.known or (self.compatible_down_to and int(self.compatible_down_to) <= int(self.code)):
            return None
        return (
            f"The ledger's tables are of revision {self.database}, and this mailworker knows none later than "
            f"{self.code}: start the newer version again, or restore the backup from before the upgrade."
        )


def status(engine: Engine) -> SchemaStatus:
    """How tables and code stand to each other; changes nothing."""
    revisions = _revisions()
    with engine.execution_options(mailworker_read=True).begin() as connection:
        database = _kept(connection, _ALEMBIC.c.version_num)
        down_to = _kept(connection, ledger_schema.c.compatible_down_to) if database else None
    return SchemaStatus(database, revisions[-1], down_to, database is None or database in revisions)


def _revisions() -> list[str]:
    """All that this code knows, by their files' names: Alembic itself takes a third of a second to load."""
    return sorted(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


def _kept(connection: Connection, where: Any) -> str | None:
    """What stands in this column of a table of one row; None where the table is not there."""
    there = inspect(connection).has_table(where.table.name)
    return connection.execute(select(where)).scalar() if there else None


def alembic_config() -> "Config":
    """Where Alembic finds the migrations."""
    from alembic.config import Config  # noqa: PLC0415 - only who migrates needs it

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


def note_compatibility(connection: Connection) -> None:
    """Keep which code can use these tables: the strictest word of all migrations."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - only who migrates needs it

    scripts = ScriptDirectory.from_config(alembic_config()).walk_revisions()
    words = [one.module.compatible_down_to for one in scripts if hasattr(one.module, "compatible_down_to")]
    row = {"id": _ONLY_ROW, "compatible_down_to": max(words, key=int)}
    upsert(connection, ledger_schema, [row], key="id")
