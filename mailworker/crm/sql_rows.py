"""OmniCRM's database, read with the operator's queries: SQLite, PostgreSQL, MariaDB and MySQL.

Each query is taken as a table, and this puts the paging, the order and the search for an id around it. Paging
is by key ("after the last one seen"), so that the millionth row costs what the first did, and each page is
one query in a transaction of its own, so that a scan of an hour holds no lock and no snapshot.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, TextClause, bindparam, text
from sqlalchemy.exc import DataError, DBAPIError, SQLAlchemyError
from sqlalchemy.types import NullType

from mailworker.config.crm import Question
from mailworker.core.database_faults import in_our_words
from mailworker.core.did_you_mean import did_you_mean
from mailworker.crm.row_parser import decoded
from mailworker.crm.row_source_interface import KEYS, LONG_AGO, Cursor, Row, RowPage
from mailworker.crm.sql_connection import zone_fault
from mailworker.errors import Misconfigured, Unreachable

#: Words in a database's answer that mean "not now" rather than "not like this".
_PASSING = ("locked", "busy", "deadlock", "timeout", "timed out", "gone away", "terminat", "shutting down")

#: As many as the largest number of SQLite's has.
_DIGITS = 19


class _OtherType(Misconfigured):
    """A value does not fit the type of what it is compared with."""


class SqlRows:
    """Rows of named queries. `zone` is what the database's dates and times mean that name none."""

    def __init__(
        self, engine: Engine, queries: Mapping[Question, str], page_size: int, zone: ZoneInfo
    ) -> None:
        self.engine = engine
        self.zone = zone
        self.queries = {name: query.strip().rstrip(";") for name, query in queries.items()}
        self.page_size = page_size

    def offers(self, question: Question) -> bool:
        """Whether there is a query of this name."""
        return question in self.queries

    def pages(
        self, question: Question, order: Sequence[str], after: Cursor | None = None
    ) -> Iterator[RowPage]:
        """All rows by these columns, a page at a time; together the columns must name a row."""
        return self._pages(question, order, after, LONG_AGO)

    def changed(self, since: datetime) -> Iterator[RowPage]:
        """The rows of `changed_customers` since then, by the customer's id."""
        return self._pages("changed_customers", ("customer_id",), None, since)

    def _pages(
        self, question: Question, order: Sequence[str], after: Cursor | None, since: datetime
    ) -> Iterator[RowPage]:
        """Rows with a whole key by it; then those without, which databases sort first or last.

        A position among these is (None, how many were read).
        """
        asked = self._asked(question, since)
        while after is None or after[0] is not None:
            rows = self._read(question, self._page(question, order, after is not None), _bound(after) | asked)
            ends: list[Cursor] = [tuple(_kept(row[column]) for column in order) for row in rows]
            if rows:
                yield RowPage(rows, ends)
            if len(rows) < self.page_size:
                break
            after = ends[-1]
        done = after[1] if after is not None and after[0] is None else 0
        while rows := self._read(question, self._keyless(question, order, done), asked):
            yield RowPage(rows, [(None, done + n) for n in range(1, 1 + len(rows))])
            done += len(rows)
            if len(rows) < self.page_size:
                return

    def of(self, question: Question, ids: Sequence[Any]) -> Sequence[Row]:
        """The rows whose key is one of these."""
        if not ids or not self.offers(question):
            return ()
        key, keys = f"q.{KEYS[question]}", list(ids)
        if self.engine.dialect.name == "sqlite":
            keys += _numbers(ids)
        try:
            found = self._by_key(question, key, keys)
        except _OtherType:
            # To PostgreSQL "FA-7" is no integer. Found as texts, without an index, the other ids still are.
            found = self._by_key(question, f"CAST({key} AS text)", keys)
        # To MariaDB the number 7 is what "7 or so" begins with, and 0 is any other text.
        wanted = {_spelt(one) for one in ids}
        return [row for row in found if _spelt(row[KEYS[question]]) in wanted]

    def count(self, question: Question) -> int | None:
        """How many rows the query has."""
        statement = text(f"SELECT count(*) AS n FROM (\n{self.queries[question]}\n) AS q")  # noqa: S608
        return int(self._read(question, statement, self._asked(question, LONG_AGO))[0]["n"])

    def check(self, question: Question, required: Sequence[str]) -> list[str]:
        """Whether the database takes the query, and whether it returns what is needed."""
        empty = self._around(question, "WHERE 1 = 0")
        try:
            with self._connection() as connection:
                answer = self._execute(question, connection, empty, self._asked(question, LONG_AGO))
                found = set(answer.keys())
                elsewhere = zone_fault(connection, self.zone)
        except (Misconfigured, Unreachable) as fault:
            return [str(fault)]
        where = f"crm.sql.queries.{question}"
        faults = [
            f"{where} does not return {column}; add it{did_you_mean(column, found)}"
            for column in required
            if column not in found
        ]
        return [*faults, elsewhere] if elsewhere else faults

    def close(self) -> None:
        """Let go of connections."""
        self.engine.dispose()

    def _by_key(self, question: Question, key: str, keys: Sequence[Any]) -> Sequence[Row]:
        # No type is given, so that the database compares its integers with our text by its own rules.
        ids = bindparam("ids", expanding=True, type_=NullType())
        return self._read(
            question, self._around(question, f"WHERE {key} IN :ids").bindparams(ids), {"ids": keys}
        )

    def _asked(self, question: Question, since: datetime) -> dict[str, str]:
        """What the query itself asks for. PostgreSQL wants the offset where its column has a zone."""
        if question != "changed_customers":
            return {}
        local = since.astimezone(self.zone)
        local = local if self.engine.dialect.name == "postgresql" else local.replace(tzinfo=None)
        return {"updated_since": local.isoformat(sep=" ", timespec="seconds")}

    def _page(self, question: Question, order: Sequence[str], further: bool) -> TextClause:  # noqa: FBT001
        whole = " AND ".join(f"q.{column} IS NOT NULL" for column in order)
        where = _after(order) if further else whole
        columns = ", ".join(f"q.{column}" for column in order)
        statement = self._around(question, f"WHERE {where} ORDER BY {columns} LIMIT {self.page_size:d}")
        keys = [bindparam(f"after_{n}", type_=NullType()) for n in range(len(order) if further else 0)]
        return statement.bindparams(*keys)

    def _keyless(self, question: Question, order: Sequence[str], done: int) -> TextClause:
        where = " OR ".join(f"q.{column} IS NULL" for column in order)
        last = f"q.{order[-1]}"
        return self._around(
            question, f"WHERE {where} ORDER BY {last} LIMIT {self.page_size:d} OFFSET {done:d}"
        )

    def _around(self, question: Question, clause: str) -> TextClause:
        # The query is the operator's own, out of the configuration; everything from outside is bound.
        # On lines of its own, so that a comment at its end comments nothing else out.
        return text(f"SELECT * FROM (\n{self.queries[question]}\n) AS q {clause}")  # noqa: S608

    def _read(self, question: Question, statement: TextClause, values: Mapping[str, Any]) -> Sequence[Row]:
        with self._connection() as connection:
            found = self._execute(question, connection, statement, values)
            names = tuple(found.keys())
            # Plain dicts: reading a million rows through SQLAlchemy's own mappings takes twice as long.
            return [dict(zip(names, row, strict=True)) for row in found]

    def _connection(self) -> Connection:
        try:
            return self.engine.connect()
        except SQLAlchemyError as fault:
            raise Unreachable(f"The CRM's database cannot be reached: {in_our_words(fault)}.") from None

    def _execute(
        self, question: Question, connection: Connection, statement: TextClause, values: Mapping[str, Any]
    ) -> Any:
        try:
            return connection.execute(statement, values)
        except DBAPIError as fault:
            line = _first_line(fault)
            if fault.connection_invalidated or any(word in line.lower() for word in _PASSING):
                raise Unreachable(f"The CRM's database gave up on {question}: {line}") from None
            typed = isinstance(fault, DataError) and self.engine.dialect.name == "postgresql"
            refused = _OtherType if typed else Misconfigured
            raise refused(f"crm.sql.queries.{question}: the database refuses it: {line}") from None
        except SQLAlchemyError as fault:
            raise Misconfigured(f"crm.sql.queries.{question}: {_first_line(fault)}") from None


def _after(order: Sequence[str]) -> str:
    """Past the last row seen; a column that is null is past nothing. An index on (first, second) serves."""
    if len(order) == 1:
        return f"q.{order[0]} > :after_0"
    first, second = order
    return f"q.{first} >= :after_0 AND (q.{first} > :after_0 OR q.{second} > :after_1)"


def _numbers(ids: Sequence[Any]) -> list[int]:
    """Ids as numbers too: to SQLite a column of no type, as a view has them, is 7 and never '7'."""
    texts = [
        one
        for one in map(str, ids)
        if one.isascii() and one.isdigit() and len(one) <= _DIGITS and int(one) < 2**63
    ]
    return [int(one) for one in texts]


def _kept(value: Any) -> Any:
    """A key as JSON can keep it. What is neither number nor text, the database reads back from its text."""
    value = decoded(value)
    return value if value is None or isinstance(value, int | str) else str(value)


def _spelt(key: Any) -> str:
    """A key as text; letter case is the database's to judge."""
    return str(decoded(key)).strip().casefold()


def _bound(after: Cursor | None) -> dict[str, Any]:
    return {f"after_{n}": value for n, value in enumerate(after or ())}


def _first_line(fault: SQLAlchemyError) -> str:
    """The database's error, without the statement and the values bound to it.

    MariaDB repeats where it stopped reading; our part, with the values, begins behind the operator's query.
    """
    text = str(fault.orig) if isinstance(fault, DBAPIError) else str(fault)
    return text.strip().split("\n", 1)[0].split(") AS q ", 1)[0]
