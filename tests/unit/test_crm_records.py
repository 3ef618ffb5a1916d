"""Records out of rows: which question is asked where, what a page and a find give, and each value at its edge."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
import requests
from sqlalchemy import create_engine, event
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from mailworker.balances.alert_mail import expired_variables
from mailworker.config.crm import HttpSettings
from mailworker.core.masked_secret import Secret
from mailworker.crm.http_auth import ApiKey, Headers, TokenLogin, login_of
from mailworker.crm.http_responses import checked, json_of, timeouts, unreachable
from mailworker.crm.http_rows import HttpRows
from mailworker.crm.instalments import current, instalment_id, instalments, invoice_of_instalment, named
from mailworker.crm.invoice_document import document_of, gaps
from mailworker.crm.record_source import RecordSource
from mailworker.crm.records import Balance, CrmContact, Instalment, PaymentPlan, Service
from mailworker.crm.row_parser import Reader, amount, currency, plan, table, text, whole, yes_or_no
from mailworker.crm.row_source_interface import KEYS, LONG_AGO, RowPage
from mailworker.crm.sql_connection import connect_read_only, zone_fault
from mailworker.crm.sql_rows import SqlRows, _after, _first_line, _kept, _spelt
from mailworker.errors import BadInput, Misconfigured, Throttled, Unreachable
from mailworker.rules.crm_facts import InvoiceStatus
from tests.scan_world import balance, invoice

PARIS = ZoneInfo("Europe/Paris")
DAY = date(2026, 11, 22)
ROW = {
    "invoice_id": 7, "customer_id": "C", "status": "open", "due_date": "2026-11-22", "currency": "EUR", "owed": 30, "email": "z@x.example",
    "customer_name": "Zoé", "number": "FA-7", "total": 30,
}  # fmt: skip
PLAN = [{"due_date": "2026-12-01", "amount": 10}, {"due_date": "2027-01-01", "amount": 20}]


@pytest.mark.parametrize(
    ("customers", "contacts", "unread", "untraced"),
    [
        ([{"customer_id": "C"}], [{"contact_id": 1, "customer_id": "C", "name": "N", "email": "e"}], ("1",), 0),
        ([{"customer_id": None, "name": "n"}], [], (), 1),
        ([{"customer_id": "C", "name": "n"}], [{"customer_id": "C", "name": "N", "email": "e"}], (), 1),
        ([{"customer_id": "C", "name": "n"}], [{"contact_id": {}, "customer_id": "C", "name": "N", "email": "e"}], (), 1),
        ([{"customer_id": "C", "name": "n"}], [{"contact_id": "", "customer_id": "C", "name": "N", "email": None}], (), 1),
        ([{"customer_id": "C", "name": "n"}], [{"contact_id": 7, "customer_id": "C", "name": "N", "email": None}], ("7",), 0),
        ([{"customer_id": "C", "name": "n", "version": "x"}], [{"contact_id": 7, "customer_id": "C", "name": "N", "email": None}], ("7",), 0),
    ],
)  # fmt: skip
def test_whose_a_record_is_that_cannot_be_read(customers, contacts, unread, untraced):
    crm, _ = source(customers=customers, contacts=contacts)
    (page,) = crm.customers()
    assert (page.unread, len(page.faults) - page.traced) == (unread, untraced)


class Rows:
    """Rows by question; what was asked is kept."""

    def __init__(self, **rows):
        self.rows, self.asked, self.faults = rows, [], {}

    def offers(self, question):
        return question in self.rows

    def pages(self, question, order, after=None):
        self.asked.append((question, tuple(order), after))
        for start in range(0, len(self.rows[question]), 2):
            some = self.rows[question][start : start + 2]
            yield RowPage(some, [(row.get(KEYS[question]),) for row in some])

    def changed(self, since):
        self.asked.append(("changed", since))
        yield RowPage(self.rows["changed_customers"], [(0,)])

    def of(self, question, ids):
        self.asked.append((question, [*ids]))
        wanted = {str(one) for one in ids}
        return [row for row in self.rows.get(question, []) if str(row[KEYS[question]]) in wanted]

    def count(self, question):
        return len(self.rows[question])

    def check(self, question, required):
        self.asked.append(("check", question, tuple(required)))
        return self.faults.get(question, [])


def source(**rows):
    found = Rows(**rows)
    return RecordSource(found, PARIS, {}), found


@pytest.mark.parametrize(
    ("offered", "scanned", "found"),
    [
        (["open_invoices"], "open_invoices", "open_invoices"),
        (["invoices"], "invoices", "invoices"),
        (["open_invoices", "invoices"], "open_invoices", "invoices"),
    ],
)
def test_of_two_queries_of_invoices_each_has_its_use(offered, scanned, found):
    crm, rows = source(**{name: [ROW] for name in offered})
    assert crm.offers("open_invoices")
    assert crm.offers("invoices") is ("invoices" in offered)
    assert [one.invoice_id for page in crm.open_invoices() for one in page.records] == ["7"]
    assert rows.asked == [(scanned, ("invoice_id",), None)]
    list(crm.open_invoices(by_customer=True, after=("C", 3)))
    assert rows.asked[-1] == (scanned, ("customer_id", "invoice_id"), ("C", 3))
    assert crm.invoice("7").number == "FA-7"
    assert rows.asked[-1] == (found, ["7"])
    assert crm.invoice("8") is None
    assert set(crm.invoices(["7", "8"])) == {"7"}
    assert crm.count("open_invoices") == 1


def test_what_is_not_offered_answers_with_nothing():
    crm, rows = source()
    assert list(crm.open_invoices()) == list(crm.customers()) == list(crm.changed_customers(LONG_AGO)) == []
    assert crm.invoice("7") is crm.customer("C") is crm.token("t") is crm.invoice_document("7") is None
    assert crm.invoices(["7"]) == crm.services_of(["s"]) == crm.exclusions() == {}
    assert (crm.count("open_invoices"), crm.count("balances")) == (0, 0)
    assert (crm.offers("open_invoices"), crm.check(), rows.asked) == (False, [], [])


def test_a_page_gives_what_can_be_read_and_how_far_it_goes():
    bad = ROW | {"invoice_id": 8, "owed": "x"}
    crm, _ = source(open_invoices=[ROW, bad, ROW | {"invoice_id": 9}])
    first, second = crm.open_invoices()
    assert ([one.invoice_id for one in first.records], first.faults) == (
        ["7"],
        ("Invoice 8: owed is not a number.",),
    )
    assert (first.ends, first.end, second.end) == (((7,),), (8,), (9,))
    found = crm.invoices(["7", "8", "7"])
    assert (found["7"].owed, type(found["8"])) == (30, BadInput)
    assert crm.invoices([]) == {}
    with pytest.raises(BadInput):
        crm.invoice("8")


def test_an_invoice_with_a_plan_is_read_by_its_instalments():
    crm, rows = source(invoices=[ROW | {"payment_plan": PLAN}, ROW | {"invoice_id": 8}])
    (page,) = crm.open_invoices()
    assert [one.invoice_id for one in page.records] == ["7/instalment-1", "7/instalment-2", "8"]
    assert page.ends == ((7,), (7,), (8,))
    found = crm.invoices(["7", "7/instalment-2", "7/instalment-3", "8/instalment-1", "9"])
    assert {id_: (one.invoice_id, one.instalment) for id_, one in found.items()} == {
        "7": ("7", 1),
        "7/instalment-2": ("7/instalment-2", 2),
    }
    assert rows.asked[-1] == ("invoices", ["7", "8", "9"])
    assert crm.invoice("7/instalment-2").owed == 20
    assert crm.invoice("7/instalment-3") is None


def test_customers_come_with_their_own_contacts():
    contacts = [
        {"contact_id": number, "customer_id": owner, "name": "N", "email": "e"}
        for number, owner in ((1, "C"), (2, "D"), (3, "C"))
    ]
    customers = [{"customer_id": one, "name": one} for one in "CDE"]
    crm, rows = source(
        customers=customers,
        contacts=[*contacts, {"contact_id": 4, "customer_id": "D"}],
        changed_customers=customers[1:2],
    )
    first, second = crm.customers(after=("B",))
    assert [[one.contact_id for one in customer.contacts] for customer in first.records] == [
        ["1", "3"],
        ["2"],
    ]
    assert (first.end, first.faults) == (("D",), ("Contact 4: name is missing, email is missing.",))
    assert (first.unread, first.traced) == (("4",), 1)
    assert ([one.contacts for one in second.records], second.end) == ([()], ("E",))
    assert rows.asked == [
        ("customers", ("customer_id",), ("B",)),
        ("contacts", ["C", "D"]),
        ("contacts", ["E"]),
    ]
    (changed,) = crm.changed_customers(LONG_AGO)
    assert [one.customer_id for one in changed.records] == ["D"]
    assert [one.contact_id for one in crm.customer("C").contacts] == ["1", "3"]
    assert crm.customer("F") is None


@pytest.mark.parametrize("nameless", [{"name": "X"}, {"customer_id": None, "name": "X"}])
def test_a_customer_without_an_id_takes_nothing_from_the_others(nameless):
    crm, rows = source(customers=[nameless, {"customer_id": "C", "name": "C"}], contacts=[])
    (page,) = crm.customers()
    assert [one.customer_id for one in page.records] == ["C"]
    assert [fault.partition(": ")[2] for fault in page.faults] == ["customer_id is missing."]
    assert rows.asked[-1] == ("contacts", ["C"])


def test_a_document_is_its_header_with_its_own_lines():
    header = {"invoice_id": 7, "invoice_number": "FA-7", "client_name": "Zoé"}
    lines = [
        {"invoice_id": 7, "position": 2, "description": "B"},
        {"invoice_id": 7, "description": "A"},
        {"invoice_id": 8, "description": "C"},
    ]
    crm, _ = source(invoice_document=[header], invoice_lines=lines)
    assert [line["description"] for line in crm.invoice_document("7")["transactions"]] == ["A", "B"]
    assert crm.invoice_document("9") is None


@pytest.mark.parametrize(
    ("header", "listed", "status", "paid_amount"),
    [
        ({}, {"status": "BEZAHLT", "total": 12, "owed": 0}, "paid", "12.00"),
        ({}, {"status": "open", "total": "12.00", "owed": "2.50"}, "open", "9.50"),
        ({}, {"status": "open", "total": 120.12, "owed": 60.06 + 1e-14}, "open", "60.06"),
        ({"currency": "jpy"}, {"status": "open", "total": 1200.4, "owed": 200}, "open", "1000"),
        ({"currency": "?"}, {"status": "open", "total": 12, "owed": 2}, "open", None),
        ({}, {"status": "open", "total": 12, "owed": 12}, "open", None),
        ({}, {"status": "open", "total": 12, "owed": 13}, "open", None),
        ({}, {"status": "what?", "total": None, "owed": None}, None, None),
        ({}, None, None, None),
        ({"status": "BEZAHLT"}, {"status": "open", "total": 12, "owed": 0}, "paid", None),
        ({"status": "sent"}, {"status": "paid"}, "sent", None),
        ({"paid": False}, {"status": "paid"}, None, None),
        ({"paid_amount": 0}, {"status": "paid", "total": 12, "owed": 0}, None, 0),
    ],
)
def test_a_document_says_what_is_paid_as_the_reminders_know_it(header, listed, status, paid_amount):
    head = {"invoice_id": 7, "invoice_number": "FA-7"} | header
    listed_too = [] if listed is None else [{"invoice_id": 7, "currency": "EUR"} | listed]
    rows = Rows(invoice_document=[head], invoices=listed_too)
    document = RecordSource(rows, PARIS, {"bezahlt": "paid"}).invoice_document("7")
    assert (document.get("status"), document.get("paid_amount")) == (status, paid_amount)
    asked = ("invoices", ["7"]) in rows.asked
    shown = header.keys() & {"status", "paid", "paid_amount"}
    assert asked is not bool(shown), "the list is asked only for what the document leaves out"


def test_the_doctor_checks_each_question_and_reads_a_sample():
    bad = [ROW | {"invoice_id": number, "owed": "x"} for number in (1, 2)]
    crm, rows = source(open_invoices=bad, invoice_document=[], services=[])
    assert crm.check() == [
        "crm open_invoices: Invoice 1: owed is not a number.",
        "crm open_invoices: Invoice 2: owed is not a number.",
    ]
    asked = [one[1:] for one in rows.asked if one[0] == "check"]
    assert [question for question, _ in asked] == ["open_invoices", "services", "invoice_document"]
    assert asked[2][1] == ("invoice_id", "invoice_number", "date", "total_amount", "client_name")
    rows.faults = {"open_invoices": ["no"], "services": ["no"], "invoice_document": ["never"]}
    assert crm.check() == ["no", "never"]


def test_the_doctor_leaves_no_question_out():
    questions = [
        "open_invoices", "invoices", "balances", "customers", "changed_customers", "contacts", "exclusions", "services",
        "tokens",
    ]  # fmt: skip
    crm, rows = source(**{question: [] for question in questions})
    rows.faults = {question: [f"{question}: no"] for question in questions}
    assert crm.check() == [f"{question}: no" for question in questions]


class Many(Rows):
    def pages(self, question, order, after=None):
        yield RowPage(self.rows[question], [(0,)] * len(self.rows[question]))


def test_the_doctor_tells_that_what_is_listed_is_not_found_by_its_id():
    crm, rows = source(open_invoices=[ROW], invoices=[ROW | {"invoice_id": "INV-7"}])
    (told,) = crm.check()
    assert told.startswith(
        "crm open_invoices: of the first 1 none is found by its invoice_id in invoices, so"
    )
    rows.rows["invoices"].append(ROW)
    assert crm.check() == []


def test_three_faults_of_a_sample_are_enough():
    rows = Many(invoices=[ROW | {"invoice_id": number, "owed": "x"} for number in range(5)])
    assert len(RecordSource(rows, PARIS, {}).check()) == 3


@pytest.mark.parametrize(("value", "found"), [(" a ", "a"), (7, "7"), (Decimal("1.50"), "1.50")])
def test_a_text(value, found):
    assert text(value) == found


@pytest.mark.parametrize("value", [{}, [], True])
def test_what_is_no_text(value):
    with pytest.raises(TypeError):
        text(value)


def test_other_values():
    assert [yes_or_no(one) for one in (b"\x01", b"\x00", " Y ", 0)] == [True, False, True, False]
    for word in ("1", "true", "t", "yes", "y"):
        assert yes_or_no(word.upper()) is True
    for word in ("0", "false", "f", "no", "n"):
        assert yes_or_no(word.upper()) is False
    assert (whole("7"), amount(0.1), amount("1.5"), amount(7)) == (7, Decimal("0.1"), Decimal("1.5"), 7)
    assert currency(" eur ") == "EUR"
    assert table('{"a": 1, "b": null}') == table({"a": 1, "b": None}) == {"a": "1"}
    assert table([("a", "b")]) == {"a": "b"}
    for bad in (float("inf"), "NaN"):
        with pytest.raises(ValueError):  # noqa: PT011
            amount(bad)


def test_a_plan_is_sorted_by_its_days():
    found = plan([PLAN[1] | {"owed": "0"}, PLAN[0]])
    assert found == PaymentPlan(
        (Instalment(date(2026, 12, 1), Decimal(10)), Instalment(date(2027, 1, 1), Decimal(20), Decimal(0)))
    )
    assert plan("[]") is None
    for bad in ({}, [1], [{"due_date": 7, "amount": 1}], "7"):
        with pytest.raises(TypeError):
            plan(bad)


SERVICES = Reader(Service, PARIS, {})
SERVICE = {"service_uuid": "s", "customer_id": "C", "service_name": "N", "email": "e", "customer_name": "Z"}


IN_REUNION = {"timezone": "Indian/Reunion"}  # four hours ahead of UTC
IN_CAYENNE = {"timezone": "America/Cayenne"}  # three behind


@pytest.mark.parametrize(
    ("ends", "more", "found", "day"),
    [
        ("2026-12-01", {}, "2026-12-01 23:00", "1er décembre 2026"),
        (date(2026, 12, 1), {}, "2026-12-01 23:00", "1er décembre 2026"),
        # The day that staff chose, in a column with times.
        ("2026-12-01T00:00:00", {}, "2026-12-01 23:00", "1er décembre 2026"),
        (datetime(2026, 12, 1), {}, "2026-12-01 23:00", "1er décembre 2026"),  # noqa: DTZ001 - as MariaDB gives it
        ("2026-12-01T00:00:00+01:00", {}, "2026-12-01 23:00", "1er décembre 2026"),
        ("2026-11-30T23:00:00Z", {}, "2026-12-01 23:00", "1er décembre 2026"),
        # A moment, by any other time.
        ("2026-12-01T00:00:01", {}, "2026-11-30 23:00:01", "1er décembre 2026"),
        ("2026-12-01T23:59:59", {}, "2026-12-01 22:59:59", "1er décembre 2026"),
        (datetime(2026, 12, 1, tzinfo=UTC), {}, "2026-12-01 00:00", "1er décembre 2026"),
        # A day is over where the customer lives.
        ("2026-12-01", IN_REUNION, "2026-12-01 20:00", "1er décembre 2026"),
        ("2026-12-01T00:00:00", IN_REUNION, "2026-12-01 20:00", "1er décembre 2026"),
        ("2026-12-01", IN_CAYENNE, "2026-12-02 03:00", "1er décembre 2026"),
        ("2026-12-01T00:00:00", IN_CAYENNE, "2026-12-02 03:00", "1er décembre 2026"),
    ],
)
def test_a_service_ends_when_its_last_day_is_over_and_is_told_by_that_day(ends, more, found, day):
    service = SERVICES.read(SERVICE | more | {"ends_at": ends})
    assert service.ends_at == datetime.fromisoformat(found).replace(tzinfo=UTC)
    zone = ZoneInfo(service.timezone or "Europe/Paris")
    told = expired_variables(balance(1), service.ends_at, language="fr", zone=zone)
    assert told["expiry_date"] == day


@pytest.mark.parametrize("ends", ["", None])
def test_a_service_need_not_end(ends):
    assert SERVICES.read(SERVICE | {"ends_at": ends}).ends_at is None


@pytest.mark.parametrize(
    ("expires", "more", "found"),
    [
        ("2026-12-01T00:00:00", {}, "2026-11-30 23:00"),  # the engine's moment: good through 30 November
        ("2026-12-01", {}, "2026-12-01 23:00"),
        ("2026-12-01", IN_REUNION, "2026-12-01 20:00"),
    ],
)
def test_a_balance_expires_at_its_moment_or_when_its_day_is_over(expires, more, found):
    row = {"balance_id": 1, "customer_id": 2, "balance_type": "t", "amount": 1, "period_start": "2026-11-01"}
    row |= {"email": "e", "customer_name": "Z", "service_name": "N", "expires_at": expires} | more
    read = Reader(Balance, PARIS, {}).read(row)
    assert read.expires_at == datetime.fromisoformat(found).replace(tzinfo=UTC)


def test_a_moment_is_the_first_of_a_bare_day():
    contacts = Reader(CrmContact, PARIS, {})
    row = {"contact_id": 1, "customer_id": 2, "name": "n", "email": "e"}
    assert contacts.read(row | {"updated_at": "2026-12-01"}).updated_at == datetime(
        2026, 11, 30, 23, tzinfo=UTC
    )
    assert contacts.read(row | {"updated_at": date(2026, 12, 1)}).updated_at == datetime(
        2026, 11, 30, 23, tzinfo=UTC
    )
    with pytest.raises(BadInput) as told:
        contacts.read(row | {"updated_at": 7, "name": None, "contact_id": None})
    assert told.value.faults[0].startswith(
        "Contact without contact_id: contact_id is missing, name is missing, updated_at is not a moment like"
    )


def test_a_customer_may_have_no_name_but_must_have_the_column():
    contacts = Reader(CrmContact, PARIS, {})
    assert contacts.read({"contact_id": 1, "customer_id": 2, "name": "", "email": ""}).name == ""


@pytest.mark.parametrize(
    ("id_", "of"),
    [("7/instalment-1", "7"), ("a/b/instalment-12", "a/b"), ("7/instalment-0", "7/instalment-0"), ("7/instalment-1000", "7/instalment-1000"), ("7/instalment-999", "7"), ("/instalment-1", "/instalment-1"), ("7", "7"), ("7/instalment-1x", "7/instalment-1x"), ("a\nb/instalment-1", "a\nb")],
)  # fmt: skip
def test_the_invoice_of_an_instalment(id_, of):
    assert invoice_of_instalment(id_) == of
    assert invoice_of_instalment(instalment_id(id_, 3)) == id_


def planned(*left, owed=30, **more):
    parts = tuple(
        Instalment(DAY + timedelta(days=n), Decimal(10), one if one is None else Decimal(one))
        for n, one in enumerate(left)
    )
    return invoice(
        7,
        due=DAY,
        owed=Decimal(owed),
        total=Decimal(30),
        payment_plan=PaymentPlan(parts),
        paid_part_on=DAY,
        **more,
    )


@pytest.mark.parametrize(
    ("given", "owed", "part_paid"),
    [
        (planned(None, None, None), ["10.00", "10.00", "10.00"], [False] * 3),
        (planned(None, None, None, owed=15), ["0.00", "5.00", "10.00"], [False, True, False]),
        (planned(None, None, None, owed=35), ["15.00", "10.00", "10.00"], [False] * 3),
        (planned(None, None, None, owed=0), ["0.00", "0.00", "0.00"], [False] * 3),
        (planned(4, 0, 10), ["4.00", "0.00", "10.00"], [True, False, False]),
        (planned(4, None, 10, owed=15), ["0.00", "5.00", "10.00"], [False, True, False]),
    ],
)
def test_what_is_left_of_each_instalment(given, owed, part_paid):
    own = instalments(given)
    assert [str(one.owed) for one in own] == owed
    assert [one.paid_part_on is not None for one in own] == part_paid
    assert [one.status is InvoiceStatus.PAID for one in own] == [amount_ == "0.00" for amount_ in owed]
    assert [(one.instalment, one.instalments, one.payment_plan) for one in own] == [
        (n, 3, None) for n in (1, 2, 3)
    ]
    assert [one.due_date for one in own] == [DAY + timedelta(days=n) for n in range(3)]


def test_of_a_cancelled_plan_no_instalment_is_paid():
    own = instalments(planned(None, None, owed=0, status=InvoiceStatus.CANCELLED))
    assert {one.status for one in own} == {InvoiceStatus.CANCELLED}


def test_which_instalment_an_id_names():
    plain, given = invoice(7, due=DAY), planned(None, None, None, owed=15)
    assert instalments(plain) == (plain,)
    assert named(plain, "7") == plain
    assert named(plain, "7/instalment-1") is None
    assert (named(given, "7").instalment, named(given, "7").invoice_id) == (2, "7")
    assert named(given, "7/instalment-3").invoice_id == "7/instalment-3"
    assert named(given, "7/instalment-4") is None
    assert current(planned(None, None, None, owed=0)).instalment == 3


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"total_tax": 0}, []),
        ({"total_tax": ""}, ["says nothing of tax: neither total_tax nor a tax_rate on each line"]),
        ({"total_tax": None, "reverse_charge": True}, []),
        ({"total_tax": None, "reverse_charge": "yes"}, ["says nothing of tax: neither total_tax nor a tax_rate on each line"]),
        ({"total_tax": None, "transactions": [{"tax_rate": 0}, {"vat_rate": 1}, {"tax_percentage": 2}, {"tax_category": "E"}]}, []),
        ({"total_tax": None, "transactions": [{"tax_rate": 0}, {"tax_rate": None}]}, ["says nothing of tax: neither total_tax nor a tax_rate on each line"]),
        ({"total_tax": None, "transactions": [{"tax_rate": 0}, 7]}, ["says nothing of tax: neither total_tax nor a tax_rate on each line"]),
        ({"transactions": None, "transaction_list": [{}]}, []),
        ({"transactions": [], "client": None}, ["has no lines (transactions)", "does not name the customer (client.name)"]),
        ({"client": "Zoé"}, ["does not name the customer (client.name)"]),
        ({"client": {"name": ""}}, ["does not name the customer (client.name)"]),
    ],
)  # fmt: skip
def test_what_a_document_does_not_say(changes, said):
    assert gaps({"total_tax": 1, "transactions": [{}], "client": {"name": "Z"}} | changes) == said


def test_a_document_keeps_what_is_there():
    header = {
        "client_name": "Z",
        "client_city": None,
        "date": DAY,
        "created": datetime(2026, 11, 22, 9, tzinfo=UTC),
        "total": Decimal("1E+2"),
        "zero": 0,
        "no": False,
        "empty": "",
    }
    assert document_of(header, ()) == {
        "date": "2026-11-22",
        "created": "2026-11-22T09:00:00+00:00",
        "total": "100",
        "zero": 0,
        "no": False,
        "client": {"name": "Z"},
    }
    assert document_of({"client": {"name": "A"}, "client_id": 7}, ()) == {
        "client": {"name": "A"},
        "client_id": 7,
    }
    assert document_of({"client": "A", "client_id": 7}, ()) == {"client": {"id": 7}}


def test_sqlite_knows_no_zones_and_is_not_asked():
    engine = create_engine("sqlite://")
    asked = []
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    with engine.connect() as link:
        assert zone_fault(link, PARIS) is None
    engine.dispose()
    assert asked == []


class Zoned:
    """A connection to MariaDB whose clock is so many minutes ahead of UTC."""

    dialect = SimpleNamespace(name="mariadb")

    def __init__(self, minutes):
        self.minutes = minutes

    def execute(self, _statement):
        return SimpleNamespace(scalar_one=lambda: self.minutes)


@pytest.mark.parametrize(("minutes", "right"), [(540, True), (0, False), (539, False), (-540, False)])
def test_a_database_tells_the_crms_time(minutes, right):
    fault = zone_fault(Zoned(minutes), ZoneInfo("Asia/Tokyo"))
    assert (
        fault is None
        if right
        else fault.startswith("crm.sql: the database does not know the time zone Asia/Tokyo")
    )


def test_a_url_that_cannot_be_used_is_a_sentence(tmp_path):
    path = tmp_path / "a.db"
    path.touch()
    engine = connect_read_only(f"sqlite:///{path}", 0.2, PARIS)
    with engine.connect() as link:
        assert link.exec_driver_sql("PRAGMA query_only").scalar() == 1
        assert link.exec_driver_sql("PRAGMA busy_timeout").scalar() == 1000
    engine.dispose()
    for url, words in (
        ("sqlite://", "SQLite file"),
        (f"sqlite:///{tmp_path}/none", "SQLite file"),
        ("x", "not a SQLAlchemy URL"),
        ("nope://h", "not a SQLAlchemy URL"),
        ("mysql://h:port/d", "not a SQLAlchemy URL"),
        ("oracle://h", "needs the Python package|must be of SQLite"),
    ):
        with pytest.raises(Misconfigured, match=words):
            connect_read_only(url, 3, PARIS)


@pytest.mark.parametrize(
    ("url", "driver"),
    [("mysql://h/d", "pymysql"), ("mariadb://h/d", "pymysql"), ("mariadb+pymysql://h/d", "pymysql")],
)
def test_a_short_url_takes_the_driver_that_comes_with_us(url, driver):
    engine = connect_read_only(url, 3, PARIS)
    assert engine.dialect.driver == driver
    engine.dispose()


def test_pieces_of_sql():
    assert _after(("a",)) == "q.a > :after_0"
    assert _after(("a", "b")) == "q.a >= :after_0 AND (q.a > :after_0 OR q.b > :after_1)"
    assert (_kept(None), _kept(7), _kept("x"), _kept(Decimal("1.5"))) == (None, 7, "x", "1.5")
    assert _spelt(" Ab ") == _spelt("aB")
    assert _spelt(7) == "7"
    said = Exception("  near 'x'\n) AS q WHERE secret"), Exception("near 'y' ) AS q WHERE secret")
    assert [_first_line(OperationalError("S", {}, one)) for one in said] == ["near 'x'", "near 'y' "]
    assert _first_line(SQLAlchemyError("no\nmore")) == "no"


@pytest.fixture
def table_of(tmp_path):
    """A query over a table of these ids, in pages of two."""
    engine = create_engine(f"sqlite:///{tmp_path}/crm.db")

    def made(*ids, query="SELECT * FROM t", size=2):
        with engine.begin() as link:
            link.exec_driver_sql("CREATE TABLE t (invoice_id, customer_id)")
            for one in ids:
                link.exec_driver_sql("INSERT INTO t VALUES (?, 'C')", (one,))
        return SqlRows(engine, {"invoices": query}, size, PARIS)

    yield made
    engine.dispose()


@pytest.mark.parametrize(
    ("count", "pages"), [(0, []), (1, [1]), (2, [2]), (3, [2, 1]), (4, [2, 2]), (5, [2, 2, 1])]
)
def test_pages_of_a_query(table_of, count, pages):
    rows = table_of(*range(count))
    found = list(rows.pages("invoices", ("invoice_id",)))
    assert [len(page.rows) for page in found] == pages
    assert [end for page in found for end in page.ends] == [(number,) for number in range(count)]
    assert rows.count("invoices") == count
    assert [
        row["invoice_id"] for page in rows.pages("invoices", ("invoice_id",), (0,)) for row in page.rows
    ] == list(range(1, count))


def test_rows_without_their_key_come_last_and_hide_no_other(table_of):
    rows = table_of(None, None, None, 1)
    pages = list(rows.pages("invoices", ("invoice_id",)))
    assert [[row["invoice_id"] for row in page.rows] for page in pages] == [[1], [None, None], [None]]
    assert [page.ends[-1] for page in pages] == [(1,), (None, 2), (None, 3)]
    assert [len(page.rows) for page in rows.pages("invoices", ("invoice_id",), (None, 2))] == [1]


def test_rows_are_found_by_their_ids_alone(table_of):
    rows = table_of("7", "8", "a", query=" SELECT * FROM t; ")
    assert [row["invoice_id"] for row in rows.of("invoices", ["7", "A ", "9"])] == ["7"]
    assert rows.of("invoices", []) == rows.of("balances", ["7"]) == ()
    assert rows.check("invoices", ("invoice_id", "owed")) == [
        "crm.sql.queries.invoices does not return owed; add it"
    ]
    assert rows.check("invoices", ("invoice_id",)) == []


@pytest.mark.parametrize("query", ["SELECT * FROM t", "SELECT invoice_id + 0 AS invoice_id FROM t"])
def test_numbers_of_a_column_without_a_type_are_found_by_their_ids(table_of, query):
    rows = table_of(7, 8, 2**62, query=query)
    asked = ["7", "007", "9", "inv-1", str(2**62), "9" * 30]
    assert [row["invoice_id"] for row in rows.of("invoices", asked)] == [7, 2**62]


def answer(status=200, body="{}", **headers):
    made = requests.Response()
    made.status_code, made._content, made.encoding = status, body.encode(), "utf-8"
    made.headers.update(headers)
    return made


@pytest.mark.parametrize(
    ("status", "raised"),
    [(200, None), (204, None), (299, None), (300, Misconfigured), (399, Misconfigured), (400, Misconfigured), (401, Misconfigured), (403, Misconfigured), (404, Misconfigured), (428, Misconfigured), (429, Throttled), (430, Misconfigured), (499, Misconfigured), (500, Unreachable), (503, Unreachable)],
)  # fmt: skip
def test_what_a_status_means(status, raised):
    given = answer(status)
    if raised is None:
        assert checked(given, "it") is given
        return
    with pytest.raises(raised) as caught:
        checked(given, "it")
    assert type(caught.value) is raised
    assert "redirects it elsewhere" in str(caught.value) or not 300 <= status < 400
    assert "rights" in str(caught.value) or status not in {401, 403}


@pytest.mark.parametrize(("said", "seconds"), [("7", 7.0), ("", 60.0), ("soon", 60.0), ("1.5", 60.0)])
def test_how_long_to_wait(said, seconds):
    with pytest.raises(Throttled) as caught:
        checked(answer(429, **{"Retry-After": said}), "it")
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    ("fault", "raised", "words"),
    [
        (requests.exceptions.InvalidURL(), Misconfigured, "not an address"),
        (requests.exceptions.InvalidSchema(), Misconfigured, "not an address"),
        (requests.exceptions.SSLError(), Misconfigured, "certificate"),
        (requests.exceptions.ReadTimeout(), Unreachable, "in time"),
        (requests.exceptions.ConnectionError(), Unreachable, "cannot be reached"),
    ],
)
def test_what_a_silence_means(fault, raised, words):
    found = unreachable(fault)
    assert (type(found), words in str(found)) == (raised, True)


def test_numbers_stay_exact():
    assert json_of(answer(body='{"a": 0.10, "b": 7}'), "it") == {"a": "0.10", "b": 7}
    with pytest.raises(Misconfigured, match="not JSON"):
        json_of(answer(body="<html>"), "it")
    assert timeouts(
        HttpSettings(connect_timeout=timedelta(seconds=1), read_timeout=timedelta(seconds=2))
    ) == (1, 2)


def test_who_we_are():
    key, user = (
        HttpSettings(api_key=Secret("k"), api_key_header="X"),
        HttpSettings(email="e", password=Secret("p")),
    )
    assert isinstance(login_of(key), ApiKey)
    assert isinstance(login_of(user), TokenLogin)
    request = SimpleNamespace(headers={})
    assert login_of(key).auth()(request).headers == {"X": "k"}
    assert Headers("A", Secret("t"), "Bearer ")(request).headers["A"] == "Bearer t"
    assert login_of(key).renew() is False


class Session:
    """Gives these answers one after the other; keeps what was asked."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def get(self, url, **given):
        self.asked.append((url, given["params"], given["timeout"]))
        return self.answers.pop(0)


def rest(*answers, renews=False, **settings):
    login = SimpleNamespace(auth=lambda: None, renew=lambda: renews)
    made = HttpRows(HttpSettings.model_validate({"base_url": "https://crm.example/"} | settings), login, 2)
    made._session.close()
    made._session = Session(*answers)
    return made


def listed(*ids):
    return answer(body=json.dumps({"data": [{"id": one} for one in ids]}))


FIELDS = {"fields": {"invoices": {"invoice_id": "id"}}}


def test_pages_of_an_api_end_with_an_empty_one():
    rows = rest(listed(1, 2), listed(3), listed(), **FIELDS)
    first, second = rows.pages("invoices", ())
    assert [row["invoice_id"] for row in (*first.rows, *second.rows)] == [1, 2, 3]
    assert ([*first.ends], [*second.ends]) == ([(0,), (1,)], [(2,)])
    assert [given["page"] for _, given, _ in rows._session.asked] == [1, 2, 3]
    assert rows._session.asked[0] == (
        "https://crm.example/crm/invoice/",
        {"page": 1, "per_page": 2},
        (5.0, 30.0),
    )
    assert rows.count("invoices") is None


def test_reading_goes_on_after_a_page_and_ends_where_one_comes_twice():
    rows = rest(listed(7), listed(7), **FIELDS)
    assert len(list(rows.pages("invoices", (), (3,)))) == 1
    assert [given["page"] for _, given, _ in rows._session.asked] == [4, 5]
    assert list(rest().pages("balances", ())) == []


def test_what_changed_is_asked_for_in_utc():
    lists = {
        "lists": {"changed_customers": "/c?since={updated_since}"},
        "fields": {"customers": {"customer_id": "id"}},
    }
    rows = rest(listed(1), listed(), **lists)
    (page,) = rows.changed(datetime(2026, 11, 1, 1, tzinfo=PARIS))
    assert page.rows == [{"id": 1, "customer_id": 1}]
    assert rows._session.asked[0][0] == "https://crm.example/c?since=2026-11-01T00%3A00%3A00Z"


def test_a_whole_list_that_must_know_since_when_is_asked_since_the_year_2000():
    rows = rest(listed(1), listed(), lists={"customers": "/c?since={updated_since}"})
    list(rows.pages("customers", ()))
    assert rows._session.asked[0][0] == "https://crm.example/c?since=2000-01-01T00%3A00%3A00Z"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('{"invoice_id": 7}', [{"invoice_id": 7}]),
        ('{"data": {"invoice_id": "7"}}', [{"invoice_id": "7"}]),
        ('{"data": [{"invoice_id": 7}, {"invoice_id": 8}]}', [{"invoice_id": 7}]),
        ('[{"invoice_id": 7}]', [{"invoice_id": 7}]),
        ('{"data": 3, "invoice_id": 7}', [{"data": 3, "invoice_id": 7}]),
        ('{"invoice_id": 4, "number": 7}', [{"invoice_id": 4, "number": 7}]),
        ('{"data": [{"invoice_id": 8}, {"invoice_id": 70}]}', []),  # the whole list, whatever was asked for
        ('{"data": null}', []),
        ("{}", []),
        ("[]", []),
        ("null", []),
    ],
)
def test_one_record_in_any_envelope_and_no_other(body, found):
    assert rest(answer(body=body)).of("invoices", ["7"]) == found


def test_an_id_in_a_path_is_quoted():
    rows = rest(answer(404))
    assert rows.of("invoices", ["a/b"]) == []
    assert rows._session.asked[0][:2] == ("https://crm.example/crm/invoice/a%2Fb", {})


@pytest.mark.parametrize(
    "body", ['{"error": "database is locked"}', '{"data": null, "message": "try later"}', "[5]"]
)
def test_an_error_with_the_status_of_an_answer_is_no_invoice_that_is_gone(body):
    """What was to leave about it waits; it was cancelled, as if the CRM did not know it any more."""
    with pytest.raises(Unreachable, match="something that has no invoice_id"):
        rest(answer(body=body)).of("invoices", ["7"])


def test_a_document_of_another_invoice_is_never_printed():
    other = '{"invoice_id": 8, "invoice_number": "F-8", "client": {"name": "B"}}'
    assert rest(answer(body=other)).of("invoice_document", ["7"]) == []
    assert rest(answer(body=other)).of("invoice_document", ["F-8"]) != []
    nameless = '{"client": {"name": "B"}, "date": "2026-11-30"}'
    assert rest(answer(body=nameless)).of("invoice_document", ["7"]) != []


@pytest.mark.parametrize("status", [404, 410])
def test_a_record_that_is_gone_is_none(status):
    there = answer(body='{"invoice_id": 2}')
    assert rest(answer(status), there).of("invoices", [1, 2]) == [{"invoice_id": 2}]


@pytest.mark.parametrize("status", [400, 422])
def test_an_id_that_the_api_takes_for_none_harms_itself_alone(status):
    """Of three only that one cannot be read: the message about it waits, and the others leave."""
    good, refused = answer(body='{"customer_id": 1}'), answer(status)
    rows = rest(good, refused, good, refused, items={"exclusions": "/crm/excluded/{id}"})
    found = RecordSource(rows, PARIS, {}).exclusions_of(["1", "FA 7"])
    assert found["1"].customer_id == "1"
    assert str(found["FA 7"]).startswith(f"OmniCRM answered {status} to one of exclusions: it takes no such")
    with pytest.raises(BadInput, match="takes no such id"):
        RecordSource(rest(refused), PARIS, {}).invoice("FA 7")


def test_a_customer_of_no_id_is_unknown_and_a_page_keeps_the_contacts_of_the_others():
    items = {"customers": "/crm/customer/{id}", "contacts": "/crm/contact/{id}"}
    assert RecordSource(rest(answer(422), items=items), PARIS, {}).customer("A-7") is None
    listing = answer(
        body=json.dumps({"data": [{"customer_id": "A-7", "name": "A"}, {"customer_id": "8", "name": "B"}]})
    )
    person = answer(
        body=json.dumps({"contact_id": "3", "customer_id": "8", "name": "Z", "email": "a@client.example"})
    )
    lists = {"customers": "/crm/customer/"}
    rows = rest(
        listing, answer(422), answer(422), person, answer(body='{"data": []}'), lists=lists, items=items
    )
    (page,) = RecordSource(rows, PARIS, {}).customers()
    assert [len(one.contacts) for one in page.records] == [0, 1]
    assert page.faults == ("OmniCRM answered 422 to one of contacts: it takes no such id; where that is so for every id, check its path.",)  # fmt: skip


def test_without_a_path_for_one_the_list_is_searched():
    rows = rest(listed(1, 2), listed(3), listed(), items={}, **FIELDS)
    assert rows.of("invoices", ["2", 3]) == [{"id": 2, "invoice_id": 2}, {"id": 3, "invoice_id": 3}]
    assert (rows.offers("invoices"), rows.offers("balances"), rest(lists={}).offers("invoices")) == (
        True,
        False,
        True,
    )


@pytest.mark.parametrize(("renews", "calls"), [(True, 2), (False, 1)])
def test_a_refused_call_is_made_again_where_there_is_a_newer_token(renews, calls):
    rows = rest(answer(401), answer(body='{"invoice_id": 1}'), listed(), renews=renews)
    if renews:
        assert rows.of("invoices", [1]) == [{"invoice_id": 1}]
    else:
        with pytest.raises(Misconfigured):
            rows.of("invoices", [1])
    assert len(rows._session.asked) == calls


@pytest.mark.parametrize(
    ("base", "warns"),
    [
        ("https://crm.example", False),
        ("http://crm.example", True),
        ("http://localhost:1", False),
        ("http://127.0.0.1", False),
        ("http://[::1]", False),
    ],
)
def test_a_key_in_clear_is_told(base, warns):
    faults = rest(listed(1), listed(), base_url=base, **FIELDS).check("invoices", ("invoice_id",))
    assert bool(faults) is warns


def test_a_record_that_lacks_something_is_told_with_what_was_meant():
    faults = rest(answer(body='{"data": [{"emal": "x", "id": 1}]}'), listed(), **FIELDS).check(
        "invoices", ("invoice_id", "email", "owed")
    )
    assert faults == [
        "crm.http.fields.invoices: no field answers email; name it as `email: field.in.json`; did you mean 'emal'?",
        "crm.http.fields.invoices: no field answers owed; name it as `owed: field.in.json`",
    ]
    assert rest(listed(), **FIELDS).check("invoices", ("invoice_id",)) == []
    assert rest(answer(500)).check("invoices", ())[0].startswith("crm.http invoices: OmniCRM answered 500")
    with pytest.raises(Misconfigured, match="holds nothing that is an object"):
        list(rest(answer(body='{"data": [7]}')).pages("invoices", ()))
    (page,) = rest(answer(body='{"data": [null, {"invoice_id": 1}, 7]}'), listed()).pages("invoices", ())
    assert [row.get("invoice_id") for row in page.rows] == [None, 1, None], (
        "one bad record harms itself alone"
    )
    with pytest.raises(Misconfigured, match="records_field"):
        list(rest(answer(body='{"rows": []}')).pages("invoices", ()))
    assert (
        len(list(rest(answer(body='[{"a": 1}]'), answer(body="[]"), records_field="").pages("invoices", ())))
        == 1
    )


@pytest.mark.parametrize(
    ("record", "required"),
    [
        (Balance, {"balance_id", "customer_id", "balance_type", "amount", "period_start", "email", "customer_name", "service_name"}),
        (Service, {"service_uuid", "customer_id", "service_name", "email", "customer_name"}),
        (CrmContact, {"contact_id", "customer_id", "name", "email"}),
    ],
)  # fmt: skip
def test_which_columns_a_record_cannot_do_without(record, required):
    assert set(Reader(record, PARIS, {}).required) == required
