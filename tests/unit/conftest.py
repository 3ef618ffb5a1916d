"""What the unit tests share: a ledger whose tables are there already."""

import shutil

import pytest

from mailworker.ledger import Ledger
from tests.scan_world import World, open_ledger, wipe


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
