"""How the ledger's databases are opened: what a vanished server costs, who may read the file, and what an error shows."""

import stat
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mailworker.errors import ConfigError
from mailworker.ledger import Ledger, database
from mailworker.ledger.database import LedgerUnavailable
from mailworker.ledger.schema_version import LedgerSchemaMismatch
from mailworker.ledger.sqlite_write_queue import WriteQueue

KEEPALIVE = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}


@pytest.mark.parametrize(
    ("query", "left_to_us"),
    [
        ("", KEEPALIVE),
        ("?connect_timeout=1", {name: n for name, n in KEEPALIVE.items() if name != "connect_timeout"}),
    ],
)
def test_a_server_that_vanished_is_noticed_in_seconds(monkeypatch, query, left_to_us):
    given = {}
    made = database.create_engine("sqlite://")
    monkeypatch.setattr(database, "create_engine", lambda url, **more: given.update(url=url, **more) or made)
    database._engine(make_url(f"postgresql://u:p@host/db{query}"))
    assert given.pop("url").drivername == "postgresql+psycopg"
    assert given == {
        "connect_args": left_to_us | {"prepare_threshold": None, "autocommit": True},
        "hide_parameters": True,
        "pool_pre_ping": True,
        "pool_size": 2,
        "max_overflow": 4,
        "pool_timeout": 30,
    }


def test_a_database_of_another_make_is_a_fault_of_the_configuration():
    with pytest.raises(ConfigError, match="SQLite or PostgreSQL"):
        Ledger.open("mysql://u:p@host/db")


@pytest.mark.parametrize("url", ["nonsense", "", "postgresql://u:secret@host:port/d"])
def test_what_is_no_address_says_how_one_is_written_and_shows_no_secret(url):
    for opens in (Ledger.open, Ledger.migrate_tables, Ledger.schema_status):
        with pytest.raises(
            ConfigError, match=r"worker\.database_url \(or DATABASE_URL\) is no URL: write postgresql"
        ) as fault:
            opens(url)
        assert "secret" not in str(fault.value)


def test_a_file_is_its_users_alone(tmp_path):
    ledger = Ledger.open(f"sqlite:///{tmp_path}/new/folder/ledger.db")
    with ledger.write():
        pass
    ledger.close()
    file = tmp_path / "new" / "folder" / "ledger.db"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(Path(f"{file}.lock").stat().st_mode) == 0o600


def open_files(beside):
    files = (file.readlink() for file in Path("/proc/self/fd").iterdir() if file.is_symlink())
    return [file for file in files if file.is_relative_to(beside)]


def test_a_ledger_that_cannot_be_used_is_left_closed(tmp_path):
    url = f"sqlite:///{tmp_path}/ledger.db"
    ledger = Ledger.open(url)
    with ledger.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9001'"))
        connection.execute(text("UPDATE ledger_schema SET compatible_down_to = '9001'"))
    assert open_files(tmp_path)
    ledger.close()
    for use in (Ledger.open, Ledger.migrate_tables):
        with pytest.raises(LedgerSchemaMismatch) as caught:
            use(url)
        assert open_files(tmp_path) == [], caught
    assert (Ledger.schema_status(url).database, open_files(tmp_path)) == ("9001", [])


def test_how_sqlite_keeps_what_it_promised(ledger_file):
    with closing(Ledger.open(f"sqlite:///{ledger_file}")) as ledger, ledger.read() as connection:
        settings = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:////a/b.db", Path("/a/b.db.lock")),
        ("sqlite:///:memory:", None),
        ("sqlite://", None),
        ("postgresql://u@h/db", None),
    ],
)
def test_only_a_sqlite_file_has_a_queue_of_writers(url, path):
    assert WriteQueue.beside(make_url(url)) == WriteQueue(path)


class Cause(Exception):
    """What a driver says."""

    def __init__(self, words, sqlstate=None):
        super().__init__(words)
        self.sqlstate = sqlstate


def fault(kind, sqlstate=None):
    return kind(
        "SELECT secret", {"a": "zoe@x.example"}, Cause("  server closed\nDETAIL: zoe@x.example", sqlstate)
    )


@pytest.mark.parametrize(
    ("raised", "sentence"),
    [
        (fault(OperationalError), "The ledger does not answer: the connection was cut (“server closed”)."),
        (fault(InterfaceError), "The ledger does not answer: the connection was cut (“server closed”)."),
        (
            fault(OperationalError, "53100"),
            "The ledger does not answer: its disk is full (“server closed”).",
        ),
        (
            fault(InternalError, "25006"),
            (
                "The ledger's server is a standby, or read-only, and takes no mail: point worker.database_url at its "
                "primary, or promote it (docs/several-hosts.md)."
            ),
        ),
    ],
)
def test_a_database_that_does_not_answer_says_so_in_one_line(ledger, raised, sentence):
    with pytest.raises(LedgerUnavailable) as caught, ledger.read():
        raise raised
    assert str(caught.value) == sentence
    assert caught.value.__cause__ is raised


def test_a_pool_without_a_connection_is_a_database_that_does_not_answer(ledger):
    with (
        pytest.raises(
            LedgerUnavailable, match="The ledger does not answer: all connections of this process are in use"
        ),
        ledger.write(),
    ):
        raise PoolTimeout("QueuePool limit")


@pytest.mark.parametrize("sqlstate", [None, "XX000"])
def test_a_servers_own_fault_is_no_absence(ledger, sqlstate):
    with pytest.raises(InternalError), ledger.read():
        raise fault(InternalError, sqlstate)


@pytest.mark.parametrize("kind", [IntegrityError, DataError])
def test_a_mistake_of_ours_quotes_no_row(ledger, kind):
    with pytest.raises(kind) as caught, ledger.write():
        raise fault(kind)
    assert "server closed" in str(caught.value)
    assert "zoe" not in str(caught.value)
    assert caught.value.__cause__ is None
