"""Rows out of OmniCRM's own database, whose names are looked up once, at the first question."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import URL, Engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from mailworker.config.crm import CrmSettings, Question
from mailworker.config.omnicrm import DATABASE_NAMES, OmnicrmSettings
from mailworker.crm.omnicrm.probe import Found, probe
from mailworker.crm.omnicrm.record_queries import Queries, queries_of
from mailworker.crm.row_source_interface import Cursor, Row, RowPage
from mailworker.crm.sql_connection import connect_read_only
from mailworker.crm.sql_rows import SqlRows
from mailworker.errors import Misconfigured, Unreachable

_COLUMNS = text(
    "SELECT table_name AS t, column_name AS c, data_type AS d FROM information_schema.columns"
    " WHERE table_schema = DATABASE()"
)
#: How far a replica is behind, in seconds, and how far it may be.
_BEHIND, _MOST_BEHIND = ("Seconds_Behind_Master", "Seconds_Behind_Source"), 60
_REPLICA = "OmniCRM's database is a replica"
#: MariaDB's numbers: wrong user or password; no right to this database; no such database.
_WRONG_PASSWORD, _NO_RIGHT, _NO_DATABASE = {1045, 1698}, {1044}, {1049}


@dataclass(frozen=True, slots=True)
class Opened:
    """The database as it was found."""

    name: str
    queries: Queries
    rows: SqlRows


class OmnicrmRows:
    """A row source over OmniCRM's tables. What the operator wrote under `crm.sql.queries` wins.

    Connects at the first question.
    """

    def __init__(self, settings: CrmSettings) -> None:
        self._settings = settings
        self._opened: Opened | None = None

    def offers(self, question: Question) -> bool:
        """Whether the database has what it needs, or misses it: then asking raises what."""
        queries = self.opened().queries
        return question in queries.sql or question in queries.faults

    def pages(
        self, question: Question, order: Sequence[str], after: Cursor | None = None
    ) -> Iterator[RowPage]:
        """All rows by these columns, a page at a time."""
        with self._forgets_when_refused():
            yield from self._asked(question).pages(question, order, after)

    def changed(self, since: datetime) -> Iterator[RowPage]:
        """Customers changed since then."""
        with self._forgets_when_refused():
            yield from self._asked("changed_customers").changed(since)

    def of(self, question: Question, ids: Sequence[Any]) -> Sequence[Row]:
        """The rows whose key is one of these."""
        with self._forgets_when_refused():
            return self._asked(question).of(question, ids)

    def count(self, question: Question) -> int | None:
        """How many rows there are."""
        with self._forgets_when_refused():
            return self._asked(question).count(question)

    def check(self, question: Question, required: Sequence[str]) -> list[str]:
        """What is missing, or what the database does not take."""
        opened = self.opened()
        if question in opened.queries.faults:
            return [opened.queries.faults[question]]
        return [*opened.rows.check(question, required), *_lag(opened.rows.engine)]

    def close(self) -> None:
        """Let go of connections."""
        if self._opened is not None:
            self._opened.rows.close()

    def opened(self) -> Opened:
        """The database, its names and our queries; looked up once. Raises Misconfigured, Unreachable."""
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def _asked(self, question: Question) -> SqlRows:
        opened = self.opened()
        if fault := opened.queries.faults.get(question):
            raise Misconfigured(fault)
        return opened.rows

    @contextmanager
    def _forgets_when_refused(self) -> Iterator[None]:
        """Forget the names that were found where they do not fit: OmniCRM may be another version by now."""
        try:
            yield
        except Misconfigured:
            self.close()
            self._opened = None
            raise

    def _open(self) -> Opened:
        settings = self._settings
        name, engine, found = _first_database(settings.omnicrm, self._connect)
        made = queries_of(probe(found), settings.omnicrm)
        own = settings.sql.queries
        faults = {question: fault for question, fault in made.faults.items() if question not in own}
        queries = Queries(made.sql | own, faults)
        return Opened(name, queries, SqlRows(engine, queries.sql, settings.page_size, settings.timezone))

    def _connect(self, url: URL) -> Engine:
        seconds = self._settings.sql.timeout.total_seconds()
        return connect_read_only(url.render_as_string(hide_password=False), seconds, self._settings.timezone)


def urls_of(settings: OmnicrmSettings) -> list[URL]:
    """Where the database may be: as configured, else each name of the manual's on OmniCRM's server."""
    if settings.url:
        try:
            return [make_url(settings.url.reveal())]
        except (ArgumentError, ValueError):
            raise Misconfigured(
                "crm.omnicrm.url is not like mysql+pymysql://user:password@host/omnicrm."
            ) from None
    shared = settings.database
    if shared is None:
        raise Misconfigured("crm.source is omnicrm, but there is neither `database:` nor crm.omnicrm.url.")
    host, _, port = shared.server.partition(":")
    password = shared.password.reveal() if shared.password else None
    return [
        URL.create(
            "mysql+pymysql",
            shared.username,
            password,
            host,
            int(port) if port.isdecimal() else 3306,
            name,
            {"charset": "utf8mb4"},
        )
        for name in DATABASE_NAMES
    ]


def _first_database(settings: OmnicrmSettings, connect: Callable[[URL], Engine]) -> tuple[str, Engine, Found]:
    """The first database that is there and has tables. Raises Misconfigured with the names tried."""
    tried: list[str] = []
    for url in urls_of(settings):
        engine = connect(url)
        try:
            found = _columns(engine)
        except DBAPIError as fault:
            engine.dispose()
            _raise_unless_absent(fault)
            tried.append(str(url.database))
            continue
        if found:
            return str(url.database), engine, found
        engine.dispose()
        tried.append(str(url.database))
    raise Misconfigured(
        f"No database of OmniCRM's is called {' or '.join(tried)} on that server, or its user may not read "
        "it; set crm.omnicrm.url to mysql+pymysql://user:password@host/NAME."
    )


def _raise_unless_absent(fault: DBAPIError) -> None:
    number = next(iter(getattr(fault.orig, "args", ())), None)
    if number in _NO_DATABASE | _NO_RIGHT:
        return
    if number in _WRONG_PASSWORD:
        raise Misconfigured(
            "OmniCRM's database refuses the user or the password: correct `database:` in crm_config.yaml, or "
            "set crm.omnicrm.url to an account that may read."
        ) from None
    raise Unreachable(f"OmniCRM's database cannot be reached (error {number}).") from None


def _columns(engine: Engine) -> Found:
    tables: dict[str, dict[str, str]] = {}
    try:
        with engine.connect() as connection:
            for table, column, type_ in connection.execute(_COLUMNS):
                tables.setdefault(str(table), {})[str(column)] = str(type_)
    except DBAPIError:
        raise
    except SQLAlchemyError as fault:
        raise Unreachable(f"OmniCRM's database cannot be read: {type(fault).__name__}.") from None
    return tables


def _lag(engine: Engine) -> list[str]:
    """Whether this is a replica that is behind; nothing where the account may not ask."""
    for question in ("SHOW REPLICA STATUS", "SHOW SLAVE STATUS"):
        try:
            with engine.connect() as connection:
                row = connection.execute(text(question)).mappings().first()
        except DBAPIError:
            continue
        return [] if row is None else lag_faults(dict(row))
    return []


def lag_faults(status: Mapping[str, Any]) -> list[str]:
    """What is wrong with a replica, by the row of SHOW REPLICA STATUS."""
    behind = next((status[name] for name in _BEHIND if name in status), 0)
    if behind is None:
        return [f"{_REPLICA} that is not replicating: paid invoices would be reminded of."]
    if int(behind) > _MOST_BEHIND:
        cure = "an invoice paid meanwhile would be reminded of; point crm.omnicrm.url at the primary"
        return [f"{_REPLICA} {int(behind)} s behind: {cure}."]
    return []
