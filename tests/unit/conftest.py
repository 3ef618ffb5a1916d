"""What the unit tests share: a ledger whose tables are there already."""

import shutil

import pytest

from mailworker.ledger import Ledger


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
