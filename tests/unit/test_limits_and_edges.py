"""Decisions at their very edges: one more, one second later, one piece left out."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from mailworker.config.builtin_kinds import INVOICE, KINDS, PASSWORD_RESET
from mailworker.core.kind import Kind, Variable
from mailworker.core.message import Address
from mailworker.errors import BadInput
from mailworker.rules.balance_key import Alert
from mailworker.rules.balance_thresholds import AlertDue, NoAlertReason, decide
from mailworker.rules.job.check_job import MAX_TO, check_job
from mailworker.rules.job.fingerprint import fingerprint
from mailworker.rules.job.idempotency_key import call_message_id, derived_key, key_for_recipient
from mailworker.rules.quiet_hours import Hours, local_day
from tests.rows import NOW
from tests.unit.test_balances import BALANCE, RULES
from tests.unit.test_balances import NOW as BALANCE_NOW
from tests.unit.test_invoice_reading import MINIMAL
from tests.unit.test_job import INVOICE_VARIABLES, raw

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize("name", ["Nowhere/Atall", "../etc/passwd", "a" * 300, "\x00"])
def test_a_zone_that_is_none_is_the_operators(name):
    assert Hours(PARIS).zone_of(name) == PARIS
    assert Hours(PARIS).zone_of("Indian/Reunion") == ZoneInfo("Indian/Reunion")


def test_a_day_is_the_one_that_the_zones_clocks_show():
    late = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    assert local_day(late, PARIS) == date(2026, 12, 1)
    assert local_day(late, ZoneInfo("America/New_York")) == date(2026, 11, 30)


@pytest.mark.parametrize(
    ("at_start", "told"), [("19.99", NoAlertReason.OLD_NEWS), ("20", Alert.LOW), (None, Alert.LOW)]
)
def test_only_what_was_below_at_the_first_sight_is_old_news(at_start, told):
    facts = replace(BALANCE, amount_at_start=None if at_start is None else Decimal(at_start))
    found = decide(facts, RULES, BALANCE_NOW)
    assert (found.alert if isinstance(found, AlertDue) else found.why) == told


def job(**changes):
    values = {"user_name": "Z", "reset_url": "https://x.example/r", "expiry_time": "1 h"}
    return {"kind": PASSWORD_RESET, "to": "a@b.example", "variables": values} | changes


def test_so_many_recipients_and_not_one_more():
    people = [f"p{n}@example.com" for n in range(MAX_TO + 1)]
    assert len(check_job(job(to=people[:-1], idempotency_key="k"), KINDS, now=NOW)) == MAX_TO
    with pytest.raises(BadInput, match=f"{MAX_TO + 1} recipients are more than {MAX_TO}"):
        check_job(job(to=people, idempotency_key="k"), KINDS, now=NOW)


@pytest.mark.parametrize("client", [{}, {"name": "Zoé"}, None, "zoe", 7])
def test_an_invoice_whose_client_has_no_address_and_no_recipient_is_told(client):
    invoice = {**MINIMAL, "client": client}
    with pytest.raises(BadInput, match="to"):
        check_job({"kind": INVOICE, "invoice": invoice}, KINDS, now=NOW)


def test_a_file_more_or_another_one_is_other_content():
    def one(*files):
        attachments = [{"filename": n, "content_type": "text/plain", "content": c} for n, c in files]
        (checked,) = check_job(job(idempotency_key="k", attachments=attachments), KINDS, now=NOW)
        return fingerprint(checked)

    prints = [
        one(),
        one(("a.txt", b"1")),
        one(("a.txt", b"2")),
        one(("b.txt", b"1")),
        one(("a.txt", b"1"), ("b.txt", b"2")),
    ]
    assert len(set(prints)) == len(prints)
    assert one(("a.txt", b"1")) == prints[1]


def test_a_number_that_is_nothing_is_content_and_an_empty_text_is_none():
    def one(**more):
        asked = raw(kind=INVOICE, variables=INVOICE_VARIABLES | more)
        return fingerprint(check_job(asked, KINDS, now=NOW)[0])

    assert one(paid_amount="") == one()
    assert len({one(), one(paid_amount=0), one(paid_amount="0")}) == 3


def test_an_invoice_is_the_same_in_whatever_order_its_keys_come():
    """A database or another language's JSON may give them in another one."""
    client = {"email": "zoe@client.example", "name": "Zoé"}
    invoice = {"invoice_number": "7", "date": "2026-01-02", "client": client}
    backwards = dict(reversed((invoice | {"client": dict(reversed(client.items()))}).items()))
    both = [check_job({"kind": INVOICE, "invoice": one}, KINDS, now=NOW)[0] for one in (invoice, backwards)]
    assert fingerprint(both[0]) == fingerprint(both[1])


def test_a_derived_key_is_written_out_as_long_as_the_ledger_takes_it():
    kind = Kind("api_crmCommunicationK", (Variable("n"),), business_key=("n",))
    rest = len(f"{kind.name}::a@b.example")
    someone = Address("a@b.example")
    exact = derived_key(kind, {"variables": {"n": "x" * (500 - rest)}}, someone)
    assert len(exact) == 500
    assert exact.endswith("x:a@b.example")
    longer = derived_key(kind, {"variables": {"n": "x" * (501 - rest)}}, someone)
    assert len(longer) == len(kind.name) + 1 + 64
    assert longer != derived_key(kind, {"variables": {"n": "x" * (502 - rest)}}, someone)
    assert derived_key(kind, {"variables": {"n": "1"}}, None) == f"{kind.name}:1:"


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ({"invoice": {"invoice_number": "7"}}, "7:"),
        ({"invoice": {"invoice_number": "7", "date": "2026-02-01"}}, "7:2026:"),
        ({"invoice": {"invoice_number": "2026-7", "date": "2026-02-01"}}, "2026-7:"),
        (
            {"invoice": {"invoice_number": "7", "type": "381"}, "replaces": "m-1"},
            "7:credit_note:replaces-m-1:",
        ),
        ({"variables": {"invoice_number": "7", "invoice_date": "2026-02-01"}}, "7:2026:"),
        ({"invoice_id": "4711"}, "4711:"),
        ({"invoice_id": "4711", "variables": {"invoice_date": "2026-02-01"}}, "4711:"),
    ],
)
def test_a_number_counts_within_its_sequence_and_an_id_by_itself(content, key):
    invoice = KINDS["api_crmCommunicationCustomerInvoice"]
    assert derived_key(invoice, {"variables": {}} | content, None) == f"{invoice.name}:{key}"


def test_what_carries_no_invoice_has_no_sequence():
    kind = KINDS["api_crmCommunicationCustomerInvoiceReminder"]
    variables = {"invoice_number": "7", "days_overdue": 3, "invoice_date": "2026-02-01"}
    assert derived_key(kind, {"variables": variables}, None) == f"{kind.name}:7:3:"


def test_ids_of_one_call_differ_by_place_and_are_none_outside_a_task():
    assert call_message_id(None) is None
    ids = {call_message_id("t", n) for n in range(5)} | {call_message_id("u", 0)}
    assert len(ids) == 6
    assert call_message_id("t") == call_message_id("t", 0)


@pytest.mark.parametrize(
    ("to", "recipients", "key"),
    [("A@B.example", 1, "k"), ("A@B.example", 2, "k#a@b.example"), (None, 2, "k"), (None, 1, "k")],
)
def test_a_key_names_its_recipient_only_among_several(to, recipients, key):
    assert key_for_recipient("k", Address(to) if to else None, recipients) == key


def test_an_hour_of_the_operators_zone_is_no_utc_hour():
    assert local_day(datetime(2026, 6, 30, 22, 0, tzinfo=UTC), PARIS) - date(2026, 6, 30) == timedelta(days=1)
