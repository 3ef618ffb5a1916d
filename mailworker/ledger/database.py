"""Opening the ledger: engine, transactions, and what its absence means."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mailworker.core.database_faults import OF_THE_LEDGER, READ_ONLY, first_line, in_our_words, sqlstate
from mailworker.core.unset_text import known
from mailworker.core.vanished_host import POSTGRESQL
from mailworker.errors import ConfigError
from mailworker.ledger.migrate import migrate
from mailworker.ledger.schema_version import LedgerSchemaMismatch, SchemaStatus, status
from mailworker.ledger.sqlite_write_queue import (
    PATIENCE_SECONDS,
    LedgerUnavailable,
    WriteQueue,
    unwritable,
)

#: A server that does not answer is given up after so many seconds, and a vanished host soon.
_PATIENCE = {"connect_timeout": 5, **POSTGRESQL}
#: So many seconds a reader, or one who only asks, waits for a lock: a page and a metric want an answer soon.
_QUICK_SECONDS = 5
STANDBY = (
    "The ledger's server is a standby, or read-only, and takes no mail: point worker.database_url at its "
    "primary, or promote it (docs/several-hosts.md)."
)


class Ledger:
    """The database that holds every message. Open one per process, after the fork."""

    def __init__(self, engine: Engine, queue: WriteQueue) -> None:
        self._engine = engine
        self._queue = queue
        self._read_engine = engine.execution_options(mailworker_read=True, mailworker_patience=_QUICK_SECONDS)

    @classmethod
    def open(cls, url: str) -> "Ledger":
        """Open the ledger at this SQLAlchemy URL.

        An empty database gets its tables, and SQLite's are brought up to date: it serves one host. On
        PostgreSQL that is a step of its own (`migrate_tables`), for older workers may still be at work.
        Raises LedgerUnavailable where the database does not answer, LedgerSchemaMismatch where its tables are
        not of a version that this code can use, ConfigError where it is of another make.
        """
        where = _parsed(url)
        ledger = cls(_engine(where), WriteQueue.beside(where))
        try:
            ledger._make_usable()
        except BaseException:
            ledger.close()
            raise
        return ledger

    @classmethod
    def migrate_tables(cls, url: str) -> SchemaStatus:
        """Bring the tables up to date, and give what they are of now. Raises what `open` raises."""
        return _with_engine(url, migrate)

    @classmethod
    def schema_status(cls, url: str) -> SchemaStatus:
        """How the tables and this code stand to each other; changes nothing. Raises LedgerUnavailable."""
        return _with_engine(url, status)

    def _make_usable(self) -> None:
        try:
            with _translated():
                found = status(self._engine)
                behind = found.is_older and self._engine.dialect.name == "sqlite"
                if found.database is None or behind:
                    found = migrate(self._engine)
        except DatabaseError as fault:  # a file that is none of SQLite's, a user who may make no tables
            raise LedgerUnavailable(f"The ledger cannot be used: {in_our_words(fault)}.") from None
        if found.mismatch:
            raise LedgerSchemaMismatch(found.mismatch)

    @contextmanager
    def write(self, patience: float | None = None) -> Iterator[Connection]:
        """A transaction that commits at its end and leaves nothing behind if it fails.

        It waits for others' locks for `patience` seconds; raises LedgerUnavailable where they last longer.
        """
        patience = PATIENCE_SECONDS if patience is None else patience
        engine = self._engine.execution_options(mailworker_patience=patience)
        with _translated(), self._queue.my_turn(patience), engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view that waits for no writer."""
        with _translated(), self._read_engine.begin() as connection:
            yield connection

    def demand_writable(self) -> None:
        """Raise LedgerUnavailable where a writer is refused, or kept waiting for more than five seconds."""
        with self.write(_QUICK_SECONDS) as connection:
            connection.exec_driver_sql("UPDATE messages SET state = state WHERE 1 = 0")
            if connection.dialect.name == "sqlite":  # a page is written, which a full disk refuses
                connection.exec_driver_sql("PRAGMA user_version = 0")

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()


def _with_engine(url: str, work: Callable[[Engine], SchemaStatus]) -> SchemaStatus:
    engine = _engine(_parsed(url))
    try:
        with _translated():
            return work(engine)
    finally:
        engine.dispose()


def _parsed(url: str) -> URL:
    try:
        return make_url(known(url))
    except (ArgumentError, ValueError):  # ValueError is what it has for a port that is no number
        raise ConfigError(
            "worker.database_url (or DATABASE_URL) is no URL: write postgresql://user:password@host/name."
        ) from None


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url)
    if url.get_backend_name() == "postgresql":
        return _postgres_engine(url.set(drivername="postgresql+psycopg"))
    raise ConfigError(
        "worker.database_url (or DATABASE_URL): the ledger is SQLite or PostgreSQL; write "
        "postgresql://user:password@host/name."
    )


def _postgres_engine(url: URL) -> Engine:
    engine = create_engine(
        url,
        connect_args={name: value for name, value in _PATIENCE.items() if name not in url.query}
        # Behind a pooler each transaction may find another server, which knows no statement of ours.
        # Autocommit: we write BEGIN ourselves, below.
        | {"prepare_threshold": None, "autocommit": True},
        hide_parameters=True,
        pool_pre_ping=True,
        # Ten processes of ours, six connections each at the most, stay below PostgreSQL's hundred.
        pool_size=2,
        max_overflow=4,
        pool_timeout=PATIENCE_SECONDS,
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # For this transaction alone: behind a pooler the next one may be somebody else's. Sent together with
        # BEGIN, it costs no round trip. A migration names no patience, and waits.
        seconds = connection.get_execution_options().get("mailworker_patience")
        wait = f"; SET LOCAL lock_timeout = '{seconds}s'" if seconds else ""
        connection.exec_driver_sql(f"BEGIN{wait}")

    @event.listens_for(engine, "handle_error")
    def _refused(context: ExceptionContext) -> None:
        # A session stays read-only for as long as it lasts, though the database is so no more.
        if sqlstate(context.sqlalchemy_exception) == READ_ONLY:
            context.is_disconnect = True

    return engine


def _sqlite_engine(url: URL) -> Engine:
    if url.database:
        # Customers' data: for our user alone. SQLite gives the files beside it the same rights.
        try:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if url.database != ":memory:":
                Path(url.database).touch(mode=0o600)
        except OSError as fault:
            raise unwritable(url.database, fault) from None
    engine = create_engine(url, connect_args={"timeout": PATIENCE_SECONDS}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we write BEGIN ourselves, below
        connection.execute("PRAGMA journal_mode=WAL")
        # FULL, not NORMAL: a job that was accepted from a client must survive a power cut.
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # IMMEDIATE takes the write lock at once. A transaction that reads first and writes later would be
        # refused without waiting when another writer came between.
        options = connection.get_execution_options()
        if options.get("mailworker_read"):
            connection.exec_driver_sql("BEGIN")
            return
        patience = options.get("mailworker_patience", PATIENCE_SECONDS)
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(patience * 1000)}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, InternalError, PoolTimeout) as fault:
        if sqlstate(fault) == READ_ONLY:
            raise LedgerUnavailable(STANDBY) from fault
        if isinstance(fault, InternalError) and sqlstate(fault) not in OF_THE_LEDGER:
            raise
        raise LedgerUnavailable(f"The ledger does not answer: {in_our_words(fault)}.") from fault
    except (IntegrityError, DataError) as fault:
        raise _without_rows(fault) from None
    except DatabaseError as fault:
        if type(fault) is DatabaseError or sqlstate(fault) in OF_THE_LEDGER:  # of SQLite's: a damaged file
            raise LedgerUnavailable(f"The ledger cannot be used: {in_our_words(fault)}.") from fault
        raise


def _without_rows(fault: DBAPIError) -> DBAPIError:
    """The same mistake of ours, without the row that PostgreSQL quotes: it would go into a log."""
    return type(fault)(fault.statement, None, Exception(first_line(fault)), hide_parameters=True)
