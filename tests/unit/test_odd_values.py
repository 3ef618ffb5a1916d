"""Values that libraries answer with faults of several kinds: each comes to the same sentence, or to nothing."""

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from types import SimpleNamespace
from typing import get_args
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel

from mailworker.balances import BalanceScan
from mailworker.config.cgrates import CgratesSettings
from mailworker.config.settings import Settings, parse_settings
from mailworker.config.worker import WorkerSettings
from mailworker.crm.cgrates import CgratesClient
from mailworker.crm.cgrates.account import moment
from mailworker.crm.cgrates.parse_post import read_post
from mailworker.crm.cgrates.reset_triggers_after_top_up import _is_number
from mailworker.crm.instalments import instalments
from mailworker.crm.openapi_fetch import _read
from mailworker.crm.records import Balance, CrmContact, CrmInvoice, Customer, Exclusion, Service, Token
from mailworker.crm.row_parser import Reader
from mailworker.errors import BadInput, ConfigError, Misconfigured
from mailworker.reminders import ReminderScan
from mailworker.wording.subjects import _number

PARIS = ZoneInfo("Europe/Paris")
#: What zoneinfo answers with ZoneInfoNotFoundError, ValueError and OSError.
NO_ZONES = ["Nowhere/City", "../etc/passwd", "/etc/passwd", "Europe", "a" * 5000]
DEEP = "[" * 20_000
ROW = {
    "invoice_id": 7, "customer_id": "C", "status": "open", "due_date": "2026-11-22", "currency": "EUR", "owed": 30,
    "email": "z@x.example", "customer_name": "Zoé", "number": "FA-7", "total": 30,
}  # fmt: skip


@pytest.mark.parametrize("name", NO_ZONES)
def test_a_zone_that_there_is_none_of(name):
    with pytest.raises(ValueError, match="no time zone is called"):
        WorkerSettings(timezone=name)
    late = ROW | {"due_date": datetime(2026, 11, 22, 23, 30, tzinfo=UTC)}
    reader = Reader(CrmInvoice, PARIS, {})
    assert str(reader.read(late | {"timezone": name}).due_date) == "2026-11-23", "then it is the CRM's"
    assert str(reader.read(late | {"timezone": "America/New_York"}).due_date) == "2026-11-22"
    assert str(reader.read(late | {"timezone": 7}).due_date) == "2026-11-23"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("owed", "x", "owed is not a number"),  # ArithmeticError
        ("owed", [], "owed is not a number"),  # ValueError
        ("owed", None, "owed is missing"),
        ("owed", {}, "owed is not a number"),  # TypeError
        ("due_date", "9999-99-99", "due_date is not a date like 2026-11-30"),
        ("due_date", 7, "due_date is not a date like 2026-11-30"),
        ("direct_debit", "maybe", "direct_debit is neither true nor false"),
        ("currency", "EURO", "currency is not a currency's code of ISO 4217, such as EUR"),
    ],
)
def test_a_column_of_no_use_is_told_and_nothing_else_is_lost(field, value, said):
    records, faults = Reader(CrmInvoice, PARIS, {}).read_all([ROW | {field: value}, ROW])
    assert (len(records), faults) == (1, (f"Invoice 7: {said}.",))


@pytest.mark.parametrize(
    "raw",
    ["2026-02-30T00:00:00Z", "2026-11-30", "soon", 7, "0000-01-01T00:00:00Z"],
)
def test_a_time_of_the_engines_that_no_calendar_has(raw):
    with pytest.raises(BadInput, match="a time is not like 2026-12-01T00:00:00Z"):
        moment(raw)


@pytest.mark.parametrize(
    ("value", "is_one"),
    [(1, True), ("1.5", True), (1.5, True), ("x", False), (10**400, False), ("inf", False), (True, False), (None, False), (Decimal(1), False)],
)  # fmt: skip
def test_what_is_a_number_in_an_action(value, is_one):
    assert _is_number(value) is is_one


@pytest.mark.parametrize(
    "content", [b"{", b"[1]", DEEP.encode(), b"a: &b [*b", b"2026-13-45", b"\xff\xfe", b"!x", None]
)
def test_what_is_no_description_of_an_api(content):
    assert _read(content) is None


def test_a_description_in_json_or_yaml():
    found = {"openapi": "3.0", "paths": {}}
    assert _read(json.dumps(found).encode()) == _read(b"openapi: '3.0'\npaths: {}") == found
    assert _read(b"swagger: '2.0'\npaths: []") is None


@pytest.mark.parametrize("body", [DEEP, "{", "", "no=1&account"])
def test_a_post_that_cannot_be_read(body):
    with pytest.raises(BadInput, match="post: "):
        read_post(body)


@pytest.mark.parametrize("content", [DEEP.encode(), b"<html>", b"[1]", b'{"a": NaN}', b"\xff"])
def test_what_answers_is_not_the_engine(content):
    client = CgratesClient(CgratesSettings(url="http://127.0.0.1:1/jsonrpc"))
    client._session.post = lambda *_, **__: SimpleNamespace(status_code=200, content=content)
    with pytest.raises(Misconfigured, match="is not CGRateS") as fault:
        client.version()
    assert fault.value.code == "200"
    client.close()


@pytest.mark.parametrize(("value", "number"), [("8", 8), (8, 8), ("x", 0), ([1], 0), (None, 0), ("", 0)])
def test_a_number_of_a_subjects(value, number):
    assert _number({"days": value}, "days") == number
    assert _number({}, "days") == 0


@pytest.mark.parametrize("value", ["2026-13-45", "!!python/object:os.x 1", "{[a]: b}"])
def test_a_value_that_yaml_cannot_build_is_no_traceback(value):
    with pytest.raises(ConfigError):
        parse_settings(
            f"mailjet: {{api_key: k, api_secret: s}}\nreminders:\n  start_date: {value}\n", environ={}
        )


def keys_of(model, above=()):
    """The path of every key of the configuration."""
    for name, field in model.model_fields.items():
        if name != "blocks":
            yield (*above, field.alias or name)
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from keys_of(part, (*above, name))


@pytest.mark.parametrize(
    "odd", ["5", "-1.5", "true", "null", "''", "x", "[]", "[[1]]", "[null]", "{}", "{5: 5}"]
)
def test_a_key_with_any_value_is_read_or_told_as_a_fault_of_the_file(odd):
    keys = [*keys_of(Settings), ("database",), ("mailjet", "api_crmCommunicationX"), ("reminders", "steps")]
    for *above, key in keys:
        document = {"mailjet": {"api_key": "k", "api_secret": "s"}}
        if "omnicrm" in above or key == "database":
            document["crm"] = {"source": "omnicrm"}
        here = document
        for name in above:
            here = here.setdefault(name, {})
        here[key] = "ODD"
        try:
            parse_settings(json.dumps(document).replace('"ODD"', odd), environ={})
        except ConfigError as fault:
            assert fault.faults, (above, key)  # noqa: PT017 - one of the two


#: What databases, JSON and people put into a column, and what none of them should.
ODD = [
    None, "", 0, -1, True, float("nan"), float("inf"), Decimal("1e400"), Decimal("1e20"), Decimal("1e-400"), 10**400, "x" * 5000,
    "\x00", "\ud800", "\n", "a@b.fr; c@d.fr", [], [1], {}, {"a": 1}, b"abc", memoryview(b"x"), date.min, date.max,
    datetime.min,  # noqa: DTZ901 - of no zone
       datetime.max.replace(tzinfo=timezone(-timedelta(hours=12))), time(1), timedelta(1), uuid4(), "2026-11-30T25:00", "0000-00-00",
    "9999-12-31", "1,5", "\u0661\u0662", "Nowhere", "EUR", "no", "[]", [{"due_date": None}], [{"due_date": "2026-12-01", "amount": "x"}],
    '[{"due_date": "2026-12-01", "amount": 10}]', "[" * 20_000,
]  # fmt: skip
ROWS = {
    CrmInvoice: ROW | {"pay_url": "https://crm.example/p"},
    Balance: {
        "balance_id": 7, "customer_id": "C", "balance_type": "Data", "amount": 1, "allowance": 10, "unit": "Go",
        "period_start": "2026-11-01", "email": "z@x.example", "customer_name": "Zoé", "service_name": "Mobile",
        "topup_url": "https://crm.example/t", "renewal_url": "https://crm.example/r",
    },
    Customer: {"customer_id": "C", "name": "Zoé"},
    CrmContact: {"contact_id": 1, "customer_id": "C", "name": "Zoé", "email": "z@x.example"},
    Exclusion: {"customer_id": "C"},
    Service: {
        "service_uuid": "u", "service_id": 1, "customer_id": "C", "email": "z@x.example", "customer_name": "Zoé",
        "service_name": "Mobile",
    },
    Token: {"token_id": "t", "used": False},
}  # fmt: skip


@pytest.mark.parametrize("record", ROWS, ids=lambda one: one.__name__)
def test_no_value_of_a_column_stops_a_scan(make_world, record):
    """Each is a fault of its row, or goes out as it is."""
    reader = Reader(record, PARIS, {})
    key = reader.required[0]
    rows = (
        ROWS[record] | {key: f"{name}-{n}", name: odd} for name in reader.columns for n, odd in enumerate(ODD)
    )
    read, faults = reader.read_all(rows)
    assert read
    assert all(fault == fault.encode().decode() for fault in faults)
    if record in {CrmInvoice, Balance}:
        records = [part for one in read for part in (instalments(one) if record is CrmInvoice else [one])]
        world = make_world(*records, page_size=10_000)
        assert world.scan(ReminderScan if record is CrmInvoice else BalanceScan).finished_at
        world.dispatch()
