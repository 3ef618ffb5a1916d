"""What stands in the file is what the settings have, in its one spelling; and what the rules make of names and numbers."""

import sys
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from mailworker.config.contacts import CampaignDefaults, PropertyBlock
from mailworker.config.crm import SqlSettings
from mailworker.config.kind_block import KindBlock
from mailworker.config.mailjet import MailjetSettings
from mailworker.config.omnicrm import AttributeNames, OmnicrmSettings
from mailworker.config.reminders import ReminderSettings
from mailworker.config.sending_hours import read_holiday
from mailworker.config.settings import parse_settings
from mailworker.config.worker import WorkerSettings
from mailworker.config.yaml_document import read_document
from mailworker.core.redis_url import parse_redis_url
from mailworker.errors import ConfigError
from mailworker.rules.balance_history import Reading, first_sight, seen_again
from mailworker.rules.job.document_number import document_sequence
from mailworker.rules.quiet_hours import Quiet
from tests.rows import NOW

BLOCK = {"from_email": "a@example.com", "from_name": "A", "template_id": 1, "subject": "S"}


@pytest.mark.parametrize(
    ("section", "key", "written", "read"),
    [
        (OmnicrmSettings, "billing_contact", "Comptes 1/2", "Comptes 1/2"),
        (OmnicrmSettings, "pay_url", "https://x.example/{invoice_id}", "https://x.example/{invoice_id}"),
        (OmnicrmSettings, "invoice_url", "", ""),
        (AttributeNames, "custom_fields", ["a", "b c"], ("a", "b c")),
        (SqlSettings, "queries", {"invoices": " select 1 ; "}, {"invoices": "select 1"}),
        (SqlSettings, "queries", {"invoices": "/* a */ SELECT 1 -- b"}, {"invoices": "SELECT 1"}),
        (CampaignDefaults, "from_email", "Me@EXAMPLE.com", "Me@example.com"),
        (CampaignDefaults, "from_email", "", ""),
        (WorkerSettings, "timezone", "Asia/Tokyo", ZoneInfo("Asia/Tokyo")),
        (WorkerSettings, "redis_url", "redis://h:1/2", "redis://h:1/2"),
        (WorkerSettings, "database_url", "sqlite:///x", "sqlite:///x"),
        (WorkerSettings, "lookups_after", ["1m", "2h"], (timedelta(minutes=1), timedelta(hours=2))),
    ],
)
def test_a_value_is_kept(section, key, written, read):
    assert getattr(section(**{key: written}), key) == read


def test_values_of_blocks():
    assert (
        PropertyBlock.model_validate({"from": "customer.custom_fields.x"}).source
        == "customer.custom_fields.x"
    )
    block = KindBlock(**BLOCK | {"from_email": "A@EXAMPLE.com", "reply_to": "B@EXAMPLE.com"})
    assert (block.from_email, block.reply_to) == ("A@example.com", "B@example.com")
    mailjet = MailjetSettings(api_key="a", api_secret="b", proxy="http://u:p@x.example:1")
    assert mailjet.proxy.reveal() == "http://u:p@x.example:1"
    assert "redis://" not in repr(WorkerSettings())


@pytest.mark.parametrize("steps", [[1, 7, 7, 14], [1, 14, 7, 30], [7, 1, 14]])
def test_one_step_out_of_order_is_enough(steps):
    with pytest.raises(ValueError, match="steps must rise, each day once"):
        ReminderSettings(steps=steps)


@pytest.mark.parametrize(
    "written", ["${NOWHERE}", "!!int ${NOWHERE}", "!!float '${NOWHERE}'", '"${NOWHERE}"']
)
def test_an_unset_variable_is_told_whatever_its_tag(written):
    found = read_document(f"mailjet:\n  a: {written}\n", "f", {}, {"mailjet"})
    assert found.data == {"mailjet": {"a": ""}}
    assert [fault.partition(" needs")[0] for fault in found.unset_faults] == ["f:2: mailjet.a"]


@pytest.mark.parametrize(
    ("environ", "value"), [({"V": "5"}, 5), ({"V": "x"}, "x"), ({"V": "1.5"}, 1.5), ({"V": "true"}, True), ({"V": "07"}, "07")]
)  # fmt: skip
def test_an_unquoted_variable_is_what_it_says(environ, value):
    for mark, found in (("", value), ("'", environ["V"])):
        text = f"mailjet:\n  a: {mark}${{V}}{mark}\n"
        assert read_document(text, "f", environ, {"mailjet"}).data == {"mailjet": {"a": found}}


def test_a_password_may_have_every_sign():
    found = parse_redis_url("sentinel://u%2F1:p%2F%40%3A@h1,h2:7/service/3?sentinel_password=s")
    assert found.broker == "sentinel://u%2F1:p%2F%40%3A@h1:26379/3;sentinel://u%2F1:p%2F%40%3A@h2:7/3"
    assert found.login == {"username": "u/1", "password": "p/@:", "db": 3}
    assert found.broker_options["master_name"] == "service"
    assert found.broker_options["sentinel_kwargs"]["password"] == "s"
    assert found.sentinels == (("h1", 26379), ("h2", 7))
    assert "password" not in parse_redis_url("sentinel://h1/service").broker_options["sentinel_kwargs"]
    assert (
        parse_redis_url("unix://:p@/run/redis.sock").broker
        == "redis+socket://:p@/run/redis.sock?virtual_host=0"
    )


@pytest.mark.parametrize(
    ("document", "sequence"),
    [
        ({}, ""),
        ({"date": "2026-01-02", "invoice_date": "2025-01-02", "invoice_number": "7"}, "2026"),
        ({"invoice_date": "2 janvier 2025", "invoice_number": "7"}, "2025"),
        ({"date": "2026-01-02", "invoice_number": "F-2026-7"}, ""),
        ({"type": "381", "invoice_number": "7"}, "credit_note"),
        ({"document_type": "Credit_Note", "date": "2026-01-02"}, "credit_note:2026"),
        ({"credit_note": True}, "credit_note"),
        ({"credit_note": 1}, ""),
        ({"type": "380"}, ""),
        ({"type": "pro forma"}, "pro_forma"),
        ({"type": "x" * 50}, "x" * 40),
        ({"date": 20260102}, ""),
    ],
)
def test_which_number_it_is(document, sequence):
    assert document_sequence(document) == sequence


def test_a_country_is_taken_as_it_is_where_nobody_knows_holidays(monkeypatch):
    monkeypatch.setitem(sys.modules, "holidays", None)
    assert [read_holiday(one) for one in ("FR", "XX", "FR-0")] == ["FR", "XX", "FR-0"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("mailjet: {a: [1}\n", "f:1: this is not YAML: expected ',' or ']', but got '}'."),
        ("mailjet: \x07", 'f: this is not YAML: unacceptable character #x0007: special characters are not allowed in "<unicode string>", position 9.'),
        ("mailjet:\n  a: !!timestamp 2026-13-45\n", "f: this is not YAML: month must be in 1..12"),
    ],
)  # fmt: skip
def test_what_is_no_yaml_is_told_with_its_line_where_it_has_one(text, told):
    with pytest.raises(ConfigError) as fault:
        read_document(text, "f", {}, {"mailjet"})
    assert str(fault.value).startswith(told[:-1])


INVOICE = "api_crmCommunicationCustomerInvoice"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"  {INVOICE}:\n    repply_to: x\n", f":5: mailjet.{INVOICE}.repply_to is not a known key; did you mean 'reply_to'?"),
        (f"  {INVOICE}:\n    languages:\n      en:\n        form_name: x\n", f":7: mailjet.{INVOICE}.languages.en.form_name is not a known key; did you mean 'from_name'?"),
        (f"  {INVOICE}:\n    variables:\n    - {{nam: x}}\n", f":6: mailjet.{INVOICE}.variables.0.nam is not a known key; did you mean 'name'?"),
        ("reminders:\n  steps:\n  - {days: 1, sujbect: x}\n", ":6: reminders.steps.0.sujbect is not a known key; did you mean 'subject'?"),
        ("balances:\n  low:\n  - belov: 1\n", ":6: balances.low.0.belov is not a known key; did you mean 'below'?"),
        ("balances:\n  cgrates:\n    units:\n      x:\n        dvide: 1\n", ":8: balances.cgrates.units.x.dvide is not a known key; did you mean 'divide'?"),
        ("balances:\n  quiet_hours:\n    strat: 1\n", ":6: balances.quiet_hours.strat is not a known key; did you mean 'start'?"),
        ("contacts:\n  properties:\n    a:\n      frm: customer.city\n", ":7: contacts.properties.a.frm is not a known key; did you mean 'from'?"),
        ("crm:\n  htp: {}\n", ":5: crm.htp is not a known key; did you mean 'http'?"),
        ("worker:\n  zzz: 1\n", ":5: worker.zzz is not a known key; remove it."),
        ("reminders:\n  blocks: 1\n", ":5: reminders.blocks is not a known key; remove it."),
    ],
)  # fmt: skip
def test_a_misspelt_key_is_told_with_the_right_one_wherever_it_stands(text, told):
    with pytest.raises(ConfigError) as fault:
        parse_settings(f"mailjet:\n  api_key: a\n  api_secret: b\n{text}", environ={})
    assert f"crm_config.yaml{told}" in fault.value.faults


READ = Reading("u", "a", "*data", "d", 10)
SEEN = first_sight(READ, NOW, started=True)
LATER = NOW + timedelta(hours=1)


def test_a_balance_that_is_seen_first_and_again():
    assert (SEEN.value, SEEN.highest, SEEN.first_seen, SEEN.last_seen, SEEN.at_start) == (
        10,
        10,
        NOW,
        NOW,
        None,
    )
    assert first_sight(READ, NOW, started=False).at_start == 10
    assert seen_again(SEEN, READ, LATER) is SEEN
    lower = seen_again(SEEN, Reading("u", "a", "*data", "d", 4), LATER)
    assert (lower.value, lower.highest, lower.topped_up_at, lower.last_seen, lower.version) == (
        4,
        10,
        None,
        LATER,
        1,
    )
    risen = seen_again(lower, Reading("u", "a", "*data", "d", 12), LATER)
    assert (risen.highest, risen.topped_up_at, risen.level_after_top_up, risen.version) == (12, LATER, 12, 2)
    moved = seen_again(risen, Reading("u", "b", "*data", "d", 12, NOW), NOW)
    assert (moved.account, moved.expires_at, moved.last_seen, moved.topped_up_at) == ("b", NOW, LATER, LATER)


@pytest.mark.parametrize(
    ("start", "end", "quiet", "open_"),
    [("20:00", "08:00", ["20:00", "23:59", "00:00", "07:59"], ["08:00", "19:59"]), ("12:00", "14:00", ["12:00", "13:59"], ["11:59", "14:00"])],
)  # fmt: skip
def test_which_hours_are_quiet(start, end, quiet, open_):
    settings = parse_settings(
        f"mailjet: {{api_key: a, api_secret: b}}\nreminders: {{quiet_hours: {{start: '{start}', end: '{end}'}}}}\n",
        environ={},
    ).reminders.quiet_hours
    hours = Quiet(settings.start, settings.end)
    read = type(settings.start).fromisoformat
    assert all(hours.covers(read(at)) for at in quiet)
    assert not any(hours.covers(read(at)) for at in open_)
