"""An empty database becomes a ledger, on both databases, once, whoever comes first."""

import importlib
import pkgutil
import threading
from datetime import UTC, datetime

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Integer, create_engine, insert, inspect, select, text

from mailworker import ledger as ledger_room
from mailworker.config.builtin_kinds import KINDS, VERIFICATION
from mailworker.intake.accept import accept_whole
from mailworker.intake.job_row import row_of
from mailworker.ledger import Ledger, database
from mailworker.ledger.contact_tables import mailjet_contacts
from mailworker.ledger.insert_messages import AcceptVerdict
from mailworker.ledger.migrate import migrate
from mailworker.ledger.tables import metadata
from mailworker.rules.job.check_job import check_job
from mailworker.rules.job.idempotency_key import message_id

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def each_migrates(monkeypatch):
    """No copies of tables here."""
    monkeypatch.setattr(database, "migrate", migrate)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request):
    return request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "fresh_postgres_url")


def test_the_migrations_make_what_the_code_thinks(empty_url):
    for module in pkgutil.iter_modules(ledger_room.__path__, "mailworker.ledger."):
        importlib.import_module(module.name)  # each may bring tables
    Ledger.open(empty_url).close()
    engine = create_engine(empty_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)
        found = set(inspect(connection).get_table_names())
        keys = {name: inspect(connection).get_pk_constraint(name)["constrained_columns"] for name in found}
    engine.dispose()
    assert differences == []
    assert set(metadata.tables) <= found
    assert {name: keys[name] for name in metadata.tables} == {
        name: [column.name for column in table.primary_key.columns] for name, table in metadata.tables.items()
    }


def test_each_index_over_some_rows_has_the_condition_that_the_code_notes(empty_url):
    for module in pkgutil.iter_modules(ledger_room.__path__, "mailworker.ledger."):
        importlib.import_module(module.name)
    Ledger.open(empty_url).close()
    noted = {
        index.name: index.info.get("where") for table in metadata.tables.values() for index in table.indexes
    }
    engine = create_engine(empty_url)
    with engine.connect() as connection:
        made = {
            index["name"]: index.get("dialect_options", {}).get(f"{engine.name}_where")
            for table in metadata.tables
            for index in inspect(connection).get_indexes(table)
        }
    engine.dispose()
    assert {name for name in noted if made[name] is not None} == {name for name in noted if noted[name]}
    if engine.name == "sqlite":  # which gives a condition back as it was written
        assert {name: str(made[name]) for name in noted if noted[name]} == {
            name: where for name, where in noted.items() if where
        }


def test_opening_again_changes_nothing(empty_url):
    for _ in range(2):
        Ledger.open(empty_url).close()


def test_many_workers_may_start_at_once(empty_url):
    faults, barrier = [], threading.Barrier(3)

    def start():
        barrier.wait()
        try:
            Ledger.open(empty_url).close()
        except Exception as fault:  # noqa: BLE001 - told below
            faults.append(fault)

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_property_names_of_former_versions_become_lower_case(empty_url):
    Ledger.open(empty_url).close()
    (migration,) = [one for one in _migrations().walk_revisions() if "lower case" in one.doc]
    columns = mailjet_contacts.c
    row = {one.name: None for one in columns} | {
        "lists": [],
        "told_lists": [],
        "told_excluded": False,
        "left_out": False,
    }
    for one in columns:
        if not one.nullable and row[one.name] is None and not one.default:
            row[one.name] = 0 if isinstance(one.type, Integer) else "x"
    old = {"Since_year": "2019", "city": "Lyon", "City": "Nice"}
    moments = {
        one.name: datetime(2026, 3, 1, tzinfo=UTC)
        for one in columns
        if "_at" in one.name and not one.nullable
    }
    row |= moments | {
        "email": "a@example.com",
        "properties": old,
        "told_names": ["City", "city", "Since_year"],
    }
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(insert(mailjet_contacts), row)
        connection.execute(
            text("UPDATE alembic_version SET version_num = :old"), {"old": migration.down_revision}
        )
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, migration.revision)  # this one alone: later ones have run
    with engine.connect() as connection:
        kept = connection.execute(select(columns.properties, columns.told_names)).one()
    engine.dispose()
    assert tuple(kept) == ({"since_year": "2019", "city": "Lyon"}, ["city", "since_year"])


def test_addresses_of_former_versions_come_into_their_one_form(empty_url):
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0009")
        now = datetime(2026, 3, 1, tzinfo=UTC)
        told = {
            "idempotency_key": "k",
            "fingerprint": "f",
            "kind": "k",
            "lane": 1,
            "language": "fr",
            "recipients": 1,
        }
        told |= {"content_bytes": 1, "batch_limit": 50, "state": "sent", "not_before": now, "attempts": 1}
        told |= {"lookups": 0, "accepted_at": now, "changed_at": now}
        for number, email in enumerate(["Ana@Example.com", "Claire@exämple.fr", "É@x.fr", None]):
            row = told | {"id": f"m{number}", "idempotency_key": f"k{number}", "to_email": email}
            _insert(connection, "messages", row)
        for email, reason in (
            ("claire@xn--exmple-cua.fr", "unsubscribed"),
            ("claire@exämple.fr", "soft_bounces"),
            ("ana@example.com", "spam"),
        ):
            _insert(
                connection, "suppressions", {"email": email, "reason": reason, "since": now, "source": "e"}
            )
        contact = {
            "email": "claire@exämple.fr",
            "name": "C",
            "properties": "{}",
            "lists": '[""]',
            "fingerprint": "f",
        }
        contact |= {
            "told": "f",
            "told_lists": '[""]',
            "told_names": "[]",
            "told_excluded": False,
            "left_out": False,
        }
        contact |= {
            "state": "in_step",
            "task": "tell",
            "audience": "a",
            "batch_limit": 1,
            "due_at": now,
            "tries": 0,
        }
        _insert(connection, "mailjet_contacts", contact | {"changed_at": now})
        command.upgrade(config, "head")
    with engine.connect() as connection:
        known = connection.execute(text("SELECT to_canonical FROM messages ORDER BY id")).scalars().all()
        listed = connection.execute(text("SELECT email, reason FROM suppressions ORDER BY email")).all()
        (waiting,) = connection.execute(text("SELECT state, barred FROM mailjet_contacts")).all()
    engine.dispose()
    assert known == ["ana@example.com", "claire@exämple.fr", "é@x.fr", None]
    assert [tuple(row) for row in listed] == [
        ("ana@example.com", "spam"),
        ("claire@exämple.fr", "unsubscribed"),
    ]
    assert tuple(waiting) == ("pending", "unsubscribed"), "Mailjet is told"


#: Messages as they were before 0024: their key, and whom they went to.
OLD = (
    ("alone", "a@x.example"), ("some#b@x.example", "B@x.example"), ("some#c@x.example", "c@x.example"),
    ("both", "d@x.example"), ("both#d@x.example", "d@x.example"),
    ("order#7", "e@x.example"), ("blocked#again", "f@x.example"), ("campaign:0123456789ab:1", "g@x.example"),
    (None, "h@x.example"), ("nobody", None),
)  # fmt: skip


@pytest.mark.parametrize(
    ("key", "to", "refused"),
    [
        ("alone", ["a@x.example", "z@x.example"], True),
        ("alone", ["y@x.example", "z@x.example"], False),
        ("some", ["b@x.example"], True),
        ("some", ["C@X.example"], True),
        ("some", ["z@x.example"], False),
        ("both", ["d@x.example", "z@x.example"], True),
        ("order#7", ["e@x.example", "z@x.example"], True),
        ("other", ["a@x.example", "b@x.example", "h@x.example"], False),
    ],
)
def test_messages_of_former_versions_count_as_sent_under_their_callers_key(empty_url, key, to, refused):
    engine = create_engine(empty_url)
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0023")
        told = {"fingerprint": "f", "kind": VERIFICATION, "lane": 0, "language": "fr", "recipients": 1}
        told |= {"content_bytes": 1, "batch_limit": 50, "state": "sent", "not_before": now, "attempts": 1}
        told |= {"lookups": 0, "accepted_at": now, "changed_at": now}
        for number, (old, email) in enumerate(OLD):
            id_ = message_id(old) if old else f"m{number}"
            row = told | {"id": id_, "idempotency_key": old or id_, "to_email": email}
            _insert(connection, "messages", row)
        command.upgrade(config, "head")
        filled = set(
            connection.execute(
                text("SELECT idempotency_key FROM messages WHERE recipient_key IS NOT NULL")
            ).scalars()
        )
        assert filled - {"both", "both#d@x.example"} == {
            "alone", "some#b@x.example", "some#c@x.example", "order#7",
        }  # fmt: skip
        assert len(filled) == 5, "of two under one key to one person the first keeps it"
        values = {"user_name": "N", "verification_url": "https://x.example/"}
        asked = {"kind": VERIFICATION, "to": to, "variables": values, "idempotency_key": key}
        rows = [row_of(job, (), now) for job in check_job(asked, KINDS, now=now, language="fr")]
        verdicts = {one.verdict for one in accept_whole(connection, rows, now, [0] * len(rows))}
    engine.dispose()
    assert (AcceptVerdict.CONFLICT in verdicts) is refused
    assert (AcceptVerdict.NEW in verdicts) is not refused


def _insert(connection, table, row):
    names = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    if connection.dialect.name == "sqlite":
        row = {name: str(value) if isinstance(value, datetime) else value for name, value in row.items()}
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)


def _config():
    config = Config()
    config.set_main_option("script_location", "mailworker:ledger/migrations")
    return config


def _migrations():
    return ScriptDirectory.from_config(_config())
