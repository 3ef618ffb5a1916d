"""Keeping PostgreSQL's planner on the right index, whatever its statistics show.

They are a minute old at best, and a backlog comes at once: they still show that nothing waits when a hundred
thousand messages do. Reading all of those for a few rows then looks cheap, and takes most of a second.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection

from mailworker.ledger.tables import messages


def in_index_order(connection: Connection) -> None:
    """For this transaction: rather take rows in an index's order than sort all that wait."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL enable_sort = off")


def still(word: str) -> ColumnElement[Any]:
    """`state = word`, to guard rows that are found by their ids: no index of states is of use to it."""
    return messages.c.state.concat("") == word
