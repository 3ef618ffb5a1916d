"""The ledger's columns: what they refuse, what they are without a word, and how moments and nothing come back."""

import importlib
import pkgutil
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import JSON, Integer, String, UniqueConstraint, insert, inspect, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, StatementError

from mailworker import ledger as package
from mailworker.ledger.balance_tables import seen_balances
from mailworker.ledger.callback_tables import callbacks
from mailworker.ledger.campaign_statistics import campaign_statistics
from mailworker.ledger.contact_tables import campaigns
from mailworker.ledger.operator_audit_log import operator_actions
from mailworker.ledger.readdress_waiting_mail import former_addresses
from mailworker.ledger.scan_tables import notifications
from mailworker.ledger.schema_version import ledger_schema
from mailworker.ledger.tables import (
    UtcDateTime,
    addressed_to,
    holds,
    in_state,
    messages,
    metadata,
    partial_index,
    timeline,
)
from mailworker.ledger.unsubscribe_link_key import ledger_keys
from tests.rows import NOW, row

for _module in pkgutil.iter_modules(package.__path__, "mailworker.ledger."):
    importlib.import_module(_module.name)  # each may bring tables
TABLES = sorted(metadata.tables)
PARIS = timezone(timedelta(hours=2))


def minimal(table):
    """A row with a value where the table needs one, and nothing elsewhere."""
    return {
        one.name: _value(one)
        for one in table.columns
        if not one.nullable and one.default is None and one.server_default is None
    }


def _value(column):
    if isinstance(column.type, UtcDateTime):
        return NOW
    if isinstance(column.type, JSON):
        return []
    return 1 if isinstance(column.type, Integer) or column.type.python_type in (int, bool) else "x"


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_the_migrations_made(connection, name):
    table, found = metadata.tables[name], inspect(connection)
    made = {one["name"]: one for one in found.get_columns(name)}
    assert {one.name for one in table.columns} == set(made)
    for one in table.columns:
        kept = made[one.name]
        assert kept["nullable"] == one.nullable, one
        assert str(kept["type"]) == one.type.compile(dialect=sqlite.dialect()), one
    assert found.get_pk_constraint(name)["constrained_columns"] == [one.name for one in table.primary_key]
    indexes = {
        one["name"]: (tuple(one["column_names"]), bool(one["unique"])) for one in found.get_indexes(name)
    }
    assert indexes == {
        one.name: (tuple(column.name for column in one.columns), bool(one.unique)) for one in table.indexes
    }
    unique = {tuple(one["column_names"]) for one in found.get_unique_constraints(name)}
    assert unique == {
        tuple(column.name for column in one.columns)
        for one in table.constraints
        if isinstance(one, UniqueConstraint)
    }


def test_each_module_with_tables_has_brought_them():
    some = (seen_balances, callbacks, campaign_statistics, campaigns, former_addresses, ledger_keys)
    assert {one.name for one in (*some, operator_actions, notifications, ledger_schema)} <= set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_nothing_is_null_in_the_database_too(connection, name):
    """Where JSON may be nothing, conditions ask for NULL; JSON's own null is a text to them."""
    table = metadata.tables[name]
    empty = [one.name for one in table.columns if isinstance(one.type, JSON) and one.nullable]
    given = minimal(table) | dict.fromkeys(empty)
    connection.execute(table.delete())
    connection.execute(insert(table), [given])
    for one in empty:
        asked = text(f"SELECT count(*) FROM {name} WHERE {one} IS NULL")
        assert connection.execute(asked).scalar_one() == 1, one


@pytest.mark.parametrize(
    ("table", "defaults"),
    [(messages, {"batch_limit": 50, "attempts": 0, "lookups": 0}), (holds, {"probes": 0})],
)
def test_what_a_column_is_without_a_word(connection, table, defaults):
    connection.execute(insert(table), [minimal(table)])
    found = dict(connection.execute(select(table)).mappings().one())
    assert {name: found[name] for name in defaults} == defaults


def test_rows_are_numbered_as_they_come(connection):
    for number in (1, 2):
        connection.execute(insert(timeline), [{"message_id": "m", "at": NOW, "what": str(number)}])
    assert list(connection.execute(select(timeline.c.id).order_by(timeline.c.id)).scalars()) == [1, 2]


def test_a_key_is_there_once(connection):
    connection.execute(insert(messages), [row("a", idempotency_key="k")])
    with pytest.raises(IntegrityError):
        connection.execute(insert(messages), [row("b", idempotency_key="k")])


# --- moments ----------------------------------------------------------------------------------------------


def test_a_moment_comes_back_in_utc(connection):
    local = datetime(2026, 11, 30, 11, 0, 0, 5, tzinfo=PARIS)
    connection.execute(insert(messages), [row("a", not_before=local)])
    found = connection.execute(select(messages.c.not_before, messages.c.expires_at)).one()
    assert (found.not_before, found.expires_at) == (local, None)
    assert found.not_before.tzinfo is UTC
    assert (
        connection.execute(text("SELECT not_before FROM messages"))
        .scalar()
        .startswith("2026-11-30 09:00:00.000005")
    )


def test_a_moment_without_a_zone_is_refused(connection):
    with pytest.raises(StatementError, match="aware moments only"):
        connection.execute(insert(messages), [row("a", not_before=datetime(2026, 11, 30))])  # noqa: DTZ001


def test_how_each_database_gets_and_gives_a_moment():
    column, local = UtcDateTime(), datetime(2026, 11, 30, 11, tzinfo=PARIS)
    naive = datetime(2026, 11, 30, 9)  # noqa: DTZ001 - as SQLite gives it
    assert column.process_bind_param(local, sqlite.dialect()) == naive
    kept = column.process_bind_param(local, postgresql.dialect())
    assert (kept, kept.tzinfo) == (local, UTC)
    assert column.process_bind_param(None, sqlite.dialect()) is None
    assert column.process_result_value(naive, sqlite.dialect()) == NOW
    assert column.process_result_value(local, postgresql.dialect()).tzinfo is PARIS
    assert column.process_result_value(None, sqlite.dialect()) is None
    assert column.impl.timezone


# --- conditions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"to_canonical": "zoe@x.example"}, True),
        ({"to_canonical": "paul@x.example", "to_email": "zoe@x.example"}, False),
        ({"to_canonical": None, "to_email": "Zoe@X.example"}, True),
        ({"to_canonical": None, "to_email": "paul@x.example"}, False),
        ({"to_canonical": None, "to_email": None}, False),
    ],
)
def test_to_whom_a_message_is_in_rows_of_any_age(connection, changes, found):
    connection.execute(insert(messages), [row("a", **changes)])
    ids = connection.execute(select(messages.c.id).where(addressed_to(["zoe@x.example"]))).scalars()
    assert list(ids) == ["a"] * found


def test_a_state_is_written_into_the_question_itself():
    assert str(select(messages.c.id).where(in_state("ready"))).endswith("WHERE messages.state = 'ready'")


@pytest.mark.parametrize("unique", [False, True])
def test_an_index_over_some_rows_notes_which(unique):
    found = partial_index("name", "a", "b", where=text("a > 1"), unique=unique)
    assert (found.name, found.unique, found.info) == ("name", unique, {"where": "a > 1"})
    assert partial_index("name", "a", where=text("a > 1")).unique is False


def test_a_text_is_bounded_where_an_index_needs_it():
    lengths = {one.name: one.type.length for one in messages.columns if type(one.type) is String}
    assert lengths["id"] == lengths["lease"] == lengths["mailjet_uuid"] == 36
    assert (lengths["idempotency_key"], lengths["to_email"], lengths["to_canonical"]) == (600, 320, 320)
