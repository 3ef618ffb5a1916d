"""What the unit tests share: a ledger whose tables are there already, a Redis with its clock, a logo."""

import gc
import shutil

import pytest
from PIL import Image

from mailworker.ledger import Ledger
from tests.migrated_once import migrate_once
from tests.redis_clock import SimulatedClock, simulated_redis
from tests.rows import NOW
from tests.scan_world import World, open_ledger, wipe

__all__ = ["migrate_once"]  # a fixture


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
