"""Writing rows: plainly, passing over those that are there, or in their place.

To insert rows and learn which were new, one after the other, takes SQLAlchemy five times as long as it takes
the database. So all are tried together; only where some were there already is each of them asked about.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Column, Connection, Table, insert
from sqlalchemy.engine import Dialect

from mailworker.ledger.tables import UtcDateTime

Row = Mapping[str, Any]

#: With fewer rows the savepoint costs more than is saved.
WORTH_IT = 10


def insert_into(dialect: Dialect, table: Table) -> Any:
    """An insert with a rule for rows which are there; SQLite and PostgreSQL spell it alike."""
    if dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - a command on SQLite waits for it

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite  # noqa: PLC0415

    return sqlite.insert(table)


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert these rows, which have the same columns; there may be none."""
    if rows:
        connection.execute(insert(table), [dict(row) for row in rows])


def insert_new(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """The same, passing over rows which are there."""
    if rows:
        statement = insert_into(connection.dialect, table).on_conflict_do_nothing()
        connection.execute(statement, [dict(row) for row in rows])


def insert_and_list_new(
    connection: Connection, table: Table, rows: Sequence[Row], key: Column[str]
) -> set[str]:
    """The same, and give the keys of those that were new."""
    if not rows:
        return set()
    if insert_all(connection, table, rows):
        return {row[key.name] for row in rows}
    statement = insert_into(connection.dialect, table).on_conflict_do_nothing().returning(key)
    return set(connection.execute(statement, [dict(row) for row in rows]).scalars())


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Row],
    *,
    key: str,
    keep: Collection[str] = (),
) -> None:
    """Insert these rows, each in place of the one of its `key`; of that one the columns to `keep` stay."""
    if rows:
        statement = insert_into(connection.dialect, table)
        change = {name: statement.excluded[name] for name in rows[0] if name not in {key, *keep}}
        statement = statement.on_conflict_do_update(index_elements=[key], set_=change)
        connection.execute(statement, [dict(row) for row in rows])


def insert_all(connection: Connection, table: Table, rows: Sequence[Row]) -> bool:
    """Insert all of these rows, which have the same columns, or none; give whether it did.

    It does not where one of them is there already, nor where they are few.
    """
    if len(rows) < WORTH_IT:
        return False
    statement, bound = _prepared(connection.dialect, table, tuple(rows[0]))
    with connection.begin_nested() as savepoint:
        if connection.exec_driver_sql(statement, [bound(row) for row in rows]).rowcount == len(rows):
            return True
        savepoint.rollback()
    return False


@lru_cache(maxsize=32)
def _prepared(dialect: Dialect, table: Table, names: tuple[str, ...]) -> tuple[str, Callable[[Row], Any]]:
    """The statement in the driver's words, and what makes its parameters of a row."""
    compiled = (
        insert_into(dialect, table).on_conflict_do_nothing().compile(dialect=dialect, column_keys=list(names))
    )
    order = compiled.positiontup or list(compiled.binds)
    values = itemgetter(*order)
    converters = [
        (position, convert)
        for position, name in enumerate(order)
        if (convert := _converter(table.c[name], dialect)) is not None
    ]

    def bound(row: Row) -> Any:
        found = list(values(row))
        for position, convert in converters:
            found[position] = convert(found[position])
        return tuple(found) if compiled.positional else dict(zip(order, found, strict=True))

    return str(compiled), bound


def _converter(column: Column[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    convert = column.type.dialect_impl(dialect).bind_processor(dialect)
    # Rows that are written together have most of their moments in common.
    return lru_cache(maxsize=256)(convert) if convert and isinstance(column.type, UtcDateTime) else convert
