"""A CRM that is none, refuses, is gone or cannot be named: an empty answer, or a sentence about what to mend."""

from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
import requests
from sqlalchemy import create_engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from mailworker.config.cgrates import CgratesSettings
from mailworker.config.crm import CrmSettings, OmnicrmSettings
from mailworker.crm import open_source
from mailworker.crm.cgrates import CgratesClient
from mailworker.crm.omnicrm import database_rows as omnicrm
from mailworker.crm.print_crm_block import queries_block
from mailworker.crm.record_source import RecordSource
from mailworker.crm.row_source_interface import KEYS, LONG_AGO, NoRows
from mailworker.crm.sql_connection import connect_read_only
from mailworker.crm.sql_rows import SqlRows
from mailworker.errors import BadInput, Misconfigured, Unreachable

PARIS = ZoneInfo("Europe/Paris")
BALANCE = {
    "balance_id": "7", "customer_id": "C", "balance_type": "data", "amount": 1, "period_start": "2026-11-01",
    "email": "z@x.example", "customer_name": "Zoé", "service_name": "Mobile",
}  # fmt: skip


def test_no_crm_offers_nothing_finds_nothing_and_is_in_order():
    rows = NoRows()
    for question in KEYS:
        assert not rows.offers(question)
        assert list(rows.pages(question, (KEYS[question],))) == list(rows.changed(LONG_AGO)) == []
        assert (list(rows.of(question, ["7"])), rows.count(question)) == ([], 0)
        assert rows.check(question, ()) == []
    crm = open_source(CrmSettings())
    assert (crm.count("open_invoices"), crm.check()) == (0, [])
    crm.close()


def test_balances_are_asked_for_by_their_ids():
    asked = []

    def of(question, ids):
        asked.append((question, list(ids)))
        return [BALANCE] if "7" in ids else []

    crm = RecordSource(SimpleNamespace(offers=lambda _question: True, of=of), PARIS, {})
    assert [one.service_name for one in crm.balances_of(["7", "8"]).values()] == ["Mobile"]
    assert crm.balances_of([]) == {}
    assert asked == [("balances", ["7", "8"])]


def test_customers_that_reminders_leave_alone():
    row = {"customer_id": "C", "reason": "friend"}
    rows = SimpleNamespace(
        offers=lambda _question: True, of=lambda _question, ids: [row] if "C" in ids else []
    )
    crm = RecordSource(rows, PARIS, {})
    assert {key: one.reason for key, one in crm.exclusions_of(["C", "D"]).items()} == {"C": "friend"}


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (requests.ConnectTimeout(), Unreachable, r"did not answer in time"),
        (requests.ReadTimeout(), Unreachable, r"did not answer in time"),
        (requests.exceptions.InvalidURL(), Misconfigured, r"balances\.cgrates\.url is not an address"),
        (requests.exceptions.InvalidSchema(), Misconfigured, r"balances\.cgrates\.url is not an address"),
        (requests.ConnectionError(), Unreachable, r"cannot be reached"),
    ],
)
def test_each_silence_of_the_engine_says_what_to_do(fault, error, words):
    client = CgratesClient(CgratesSettings(url="http://127.0.0.1:1/jsonrpc"))
    asked = []

    def post(url, **more):
        asked.append((url, more["timeout"][0]))
        raise fault

    client._session.post = post
    with pytest.raises(error, match=words):
        client.version()
    assert asked == [("http://127.0.0.1:1/jsonrpc", 5)]
    client.close()


class Refusing:
    """A database's connection that answers every statement with this fault."""

    dialect = SimpleNamespace(name="postgresql")

    def __init__(self, fault):
        self.fault = fault

    def connect(self):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def execute(self, *_):
        raise self.fault


def database_said(text, *, gone=False):
    return OperationalError("SELECT", {"id": "secret"}, Exception(text), connection_invalidated=gone)


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        (database_said("database is locked"), Unreachable, "The CRM's database gave up on invoices: database is locked"),
        (database_said("Statement TIMEOUT\nmore"), Unreachable, "The CRM's database gave up on invoices: Statement TIMEOUT"),
        (database_said("oh", gone=True), Unreachable, "The CRM's database gave up on invoices: oh"),
        (database_said("no such table: t"), Misconfigured, "crm.sql.queries.invoices: the database refuses it: no such table: t"),
        (SQLAlchemyError("no value\nfor secret"), Misconfigured, "crm.sql.queries.invoices: no value"),
    ],
)  # fmt: skip
def test_what_passes_is_for_later_and_what_the_query_did_is_for_the_operator(fault, error, said):
    rows = SqlRows(Refusing(fault), {"invoices": "SELECT 1"}, 10, PARIS)
    with pytest.raises(error) as raised:
        rows.of("invoices", ["7"])
    assert str(raised.value) == said


@pytest.mark.parametrize(
    "said", ["is locked", "Busy", "deadlock found", "lock timeout", "timed out", "has gone away", "terminating", "shutting down"]
)  # fmt: skip
def test_what_a_database_says_that_passes(said):
    with pytest.raises(Unreachable):
        SqlRows(Refusing(database_said(said)), {"invoices": "SELECT 1"}, 10, PARIS).of("invoices", ["7"])


def test_a_database_of_another_make_is_refused_with_those_that_will_do(monkeypatch, tmp_path):
    class Other(SQLiteDialect_pysqlite):
        name = "other"

    monkeypatch.setattr(registry, "load", lambda name: Other)
    with pytest.raises(Misconfigured, match=r"must be of SQLite, PostgreSQL, MariaDB or MySQL\."):
        connect_read_only(f"other:///{tmp_path}/x", 3, PARIS)


def test_without_an_address_omnicrms_database_cannot_be_opened():
    with pytest.raises(Misconfigured, match=r"neither `database:` nor crm\.omnicrm\.url"):
        omnicrm.urls_of(OmnicrmSettings())
    with pytest.raises(Misconfigured, match=r"crm\.omnicrm\.url is not like"):
        omnicrm.urls_of(OmnicrmSettings(url="mysql://host:port/omnicrm"))


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        (SQLAlchemyError("secret"), Unreachable, "OmniCRM's database cannot be read: SQLAlchemyError."),
        (database_said("gone"), OperationalError, None),
    ],
)
def test_what_omnicrms_database_has_cannot_be_read(fault, error, said):
    with pytest.raises(error) as raised:
        omnicrm._columns(Refusing(fault))
    assert said in {None, str(raised.value)}


def test_the_sql_in_use_is_printed_as_a_block_for_the_configuration():
    engine = create_engine("sqlite://")
    rows = SqlRows(engine, {"invoices": "SELECT 1\n  AS x ", "balances": "SELECT 2"}, 10, PARIS)
    assert queries_block(rows) == (
        "crm:\n  sql:\n    queries:\n"
        "      invoices: |\n        SELECT 1\n          AS x\n"
        "      balances: |\n        SELECT 2\n"
    )
    engine.dispose()
    with pytest.raises(BadInput, match="reads no database"):
        queries_block(NoRows())
