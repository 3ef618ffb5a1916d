"""What the unit tests share: a ledger whose tables are there already, a Redis with its clock, a logo."""

import gc
import shutil
import sqlite3

import pytest
from PIL import Image

from mailworker.ledger import Ledger, database
from mailworker.ledger.migrate import migrate
from mailworker.ledger.schema_version import status
from tests.redis_clock import SimulatedClock, simulated_redis
from tests.rows import NOW
from tests.scan_world import World, open_ledger, wipe


@pytest.fixture(scope="session", autouse=True)
def migrate_once():
    """Copy the tables that the migrations made once into each later SQLite ledger that is empty.

    The migrations themselves are tested in tests/integration; a run of all of them costs more than most tests.
    """
    made = sqlite3.connect(":memory:", check_same_thread=False)  # servers of tests open ledgers in theirs

    def migrate_or_copy(engine):
        if engine.dialect.name != "sqlite" or status(engine).database is not None:
            return migrate(engine)
        with engine.connect() as connection:
            ours = connection.connection.driver_connection
            if made.execute("SELECT 1 FROM sqlite_master").fetchone():
                made.backup(ours)
                return status(engine)
            found = migrate(engine)
            ours.backup(made)
            return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "migrate", migrate_or_copy)
        yield
    made.close()


@pytest.fixture(scope="session")
def _migrated_ledger(tmp_path_factory):
    path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    Ledger.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def ledger_file(_migrated_ledger, tmp_path):
    """The path of an empty ledger in SQLite, its tables made."""
    return shutil.copy(_migrated_ledger, tmp_path / "ledger.db")


@pytest.fixture
def ledger(ledger_file):
    """An empty ledger in SQLite, open."""
    found = Ledger.open(f"sqlite:///{ledger_file}")
    yield found
    found.close()


@pytest.fixture
def connection(ledger):
    """A transaction on an empty ledger, for as long as the test runs."""
    with ledger.write() as found:
        yield found


@pytest.fixture(scope="module")
def scan_ledger():
    """A ledger for all scans of a file."""
    found = open_ledger()
    yield found
    found.close()


@pytest.fixture
def make_world(scan_ledger):
    """Makes an operator's evening with these records in its CRM, on an empty ledger."""
    wipe(scan_ledger)
    return lambda *records, **more: World(scan_ledger, *records, **more)


@pytest.fixture
def clock(monkeypatch):
    """The clock of `redis`, which only the test moves."""
    return SimulatedClock(NOW.timestamp()).install(monkeypatch)


@pytest.fixture
def redis(clock):
    """A Redis of the test's own."""
    return simulated_redis()


@pytest.fixture
def frozen_garbage():
    """As in the rendering process: the collection after each page looks at that page only."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="module")
def assets(tmp_path_factory):
    """A folder with a logo."""
    folder = tmp_path_factory.mktemp("assets")
    Image.new("RGBA", (900, 300), (11, 79, 108, 200)).save(folder / "logo.png")
    return folder
