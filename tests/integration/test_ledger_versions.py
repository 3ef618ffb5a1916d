"""Older and newer code at one ledger: who may go on, who must not, and what it says."""

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from mailworker.ledger import Ledger
from mailworker.ledger.schema_version import LedgerSchemaMismatch, alembic_config, status

pytestmark = pytest.mark.integration

SCRIPTS = ScriptDirectory.from_config(alembic_config())
HEAD = SCRIPTS.get_current_head()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request):
    return request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "fresh_postgres_url")


@pytest.fixture
def url(empty_url):
    Ledger.open(empty_url).close()
    return empty_url


@pytest.fixture
def say(url):
    """Writes what another version of the code would have left in the ledger."""

    def set_(revision, down_to=None):
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
            if down_to:
                connection.execute(text("UPDATE ledger_schema SET compatible_down_to = :d"), {"d": down_to})
        engine.dispose()

    return set_


def test_a_newer_compatible_ledger_is_no_stop(url, say):
    say("9001", HEAD)
    ledger = Ledger.open(url)
    with ledger.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM messages")).scalar() == 0
    ledger.close()
    found = Ledger.schema_status(url)
    assert (found.database, found.code, found.compatible_down_to, found.mismatch) == (
        "9001",
        HEAD,
        HEAD,
        None,
    )
    assert Ledger.migrate_tables(url).database == "9001", "there is nothing to do for older code"


def test_a_newer_incompatible_ledger_is_told_in_a_sentence(url, say):
    say("9001", "9001")
    for use in (Ledger.open, Ledger.migrate_tables):
        with pytest.raises(
            LedgerSchemaMismatch, match=f"of revision 9001, and this mailworker knows none later than {HEAD}"
        ):
            use(url)
    say("9001", HEAD)
    Ledger.open(url).close()


def test_an_older_ledger_waits_for_its_command_unless_it_is_one_hosts(empty_url):
    before = SCRIPTS.get_revision(HEAD).down_revision
    engine = create_engine(empty_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, before)
    if engine.dialect.name == "postgresql":
        with pytest.raises(LedgerSchemaMismatch, match="run `mailworker ledger migrate`"):
            Ledger.open(empty_url)
        assert status(engine).database == before, "opening changed nothing"
        Ledger.migrate_tables(empty_url)
    Ledger.open(empty_url).close()
    assert status(engine).mismatch is None
    engine.dispose()


def test_migrations_name_the_oldest_code_that_can_go_on():
    words = []
    for one in reversed(list(SCRIPTS.walk_revisions())):
        if hasattr(one.module, "compatible_down_to"):
            assert int(one.module.compatible_down_to) <= int(one.revision), one.revision
            words.append(int(one.module.compatible_down_to))
    assert words == sorted(words), "no later migration takes back what an earlier one demands"


@pytest.mark.parametrize("arguments", [("ledger", "status"), ("ledger", "status", "--json")])
def test_the_status_command(run, arguments):
    with pytest.raises(AssertionError):  # it ends with 1: there are no tables yet
        run(*arguments)
    assert f"of revision {HEAD}" in run("ledger", "migrate")
    assert HEAD in run(*arguments)
