"""What the unit tests share: a ledger whose tables are there already, a Redis with its clock, a logo."""

import gc
import pickle
import shutil
from functools import lru_cache

import pytest
import typer.testing
import yaml
from PIL import Image
from sqlalchemy import event
from sqlalchemy.util import LRUCache

from mailworker.ledger import Ledger, database
from tests.migrated_once import migrate_once
from tests.redis_clock import SimulatedClock, simulated_redis
from tests.rows import NOW
from tests.scan_world import World, open_ledger, wipe

__all__ = ["migrate_once"]  # a fixture


@pytest.fixture(scope="session", autouse=True)
def compile_once():
    """Let all SQLite ledgers of this process share what SQLAlchemy compiled.

    Each engine would compile every statement anew, for a test that executes it once.
    """
    open_engine, dialect, compiled = database._sqlite_engine, [], LRUCache(2_000)

    def engine_of(url):
        engine = open_engine(url)
        dialect.append(engine.dialect)
        del dialect[1:]
        engine.dialect, engine._compiled_cache = dialect[0], compiled
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_sqlite_engine", engine_of)
        yield


@pytest.fixture(scope="session", autouse=True)
def parse_once():
    """Parse each YAML text once: tests read the same few configurations thousands of times."""
    parse = yaml.compose

    @lru_cache(200)
    def parsed(text, loader):
        return pickle.dumps(parse(text, Loader=loader))  # a copy for each reader, who changes it

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml, "compose", lambda text, Loader: pickle.loads(parsed(text, Loader)))  # noqa: N803
        yield


@pytest.fixture(scope="session", autouse=True)
def command_line_once():
    """Make the command line's parsers of functions' signatures once, and not for each call of a command."""
    make, made = typer.testing._get_command, {}

    def command_of(app):
        functions = tuple(one.callback for one in app.registered_commands)
        apps = tuple(one.typer_instance for one in app.registered_groups)
        key = (app.info.name, functions, apps)
        if key not in made:
            made[key] = make(app)
        return made[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.testing, "_get_command", command_of)
        yield


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
    """An empty ledger in SQLite, open. It waits for no disk: nobody cuts the power."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ledger, "_make_usable", lambda _: None)  # as the one that it is a copy of
        found = Ledger.open(f"sqlite:///{ledger_file}")
    event.listen(found._engine, "connect", lambda opened, _: opened.execute("PRAGMA synchronous=OFF"))
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
