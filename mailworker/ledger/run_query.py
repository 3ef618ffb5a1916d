"""Running a query: all the rows that it finds, the first of them, or how many there are."""

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import Connection, Executable, FromClause, Select, func, select

T = TypeVar("T")
Row = Mapping[str, Any]


def all_rows(connection: Connection, query: Executable) -> list[Row]:
    """Every row that this query finds, or that this statement returns."""
    return [dict(row) for row in connection.execute(query).mappings()]


def first_row(connection: Connection, query: Select[Any]) -> Row | None:
    """The first row that this query finds, None where it finds none; the database looks for no second one."""
    return next(iter(all_rows(connection, query.limit(1))), None)


def first_value(connection: Connection, query: Select[T]) -> T | None:
    """The first column of that row."""
    return connection.execute(query.limit(1)).scalar()


def any_row(connection: Connection, query: Select[Any]) -> bool:
    """Whether this query finds a row."""
    return first_row(connection, query) is not None


def count_rows(connection: Connection, table: FromClause, *where: Any) -> int:
    """How many rows of this table fulfil all of these conditions."""
    return connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one()


def pairs(connection: Connection, query: Select[Any]) -> dict[Any, Any]:
    """What a query of two columns finds: the second by the first."""
    return dict(connection.execute(query).all())
