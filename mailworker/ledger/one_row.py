"""Selecting one row of however many a query finds: the database looks for no second one."""

from typing import Any, TypeVar

from sqlalchemy import Connection, RowMapping, Select

T = TypeVar("T")


def first_row(connection: Connection, query: Select[Any]) -> RowMapping | None:
    """The first row that this query finds; None where it finds none."""
    return connection.execute(query.limit(1)).mappings().first()


def first_value(connection: Connection, query: Select[T]) -> T | None:
    """The first column of that row."""
    return connection.execute(query.limit(1)).scalar()


def any_row(connection: Connection, query: Select[Any]) -> bool:
    """Whether this query finds a row."""
    return first_row(connection, query) is not None
