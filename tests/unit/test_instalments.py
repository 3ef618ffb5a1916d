"""A plan of payments: each instalment climbs the ladder by its own due date, and says its own amount."""

import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from mailworker.crm.instalments import current, instalments, named
from mailworker.crm.record_source import RecordSource
from mailworker.crm.records import Instalment, PaymentPlan
from mailworker.crm.sql_rows import SqlRows
from mailworker.reminders.explain import explain
from mailworker.rules.crm_facts import InvoiceStatus
from mailworker.rules.reminder_due import Due
from mailworker.templates.language.render import render
from mailworker.templates.shipped_templates import mail_template
from tests.scan_world import MONDAY, REMINDER, World, days_ago, invoice, open_ledger

AMOUNTS = st.lists(st.integers(1, 10_000).map(lambda cents: Decimal(cents) / 100), min_size=1, max_size=6)


def planned(*amounts, owed, **more):
    parts = [Instalment(date(2026, 12, 1) + timedelta(days=30 * n), one) for n, one in enumerate(amounts)]
    return replace(
        invoice(7, due=date(2026, 11, 1), **more), owed=owed, payment_plan=PaymentPlan(tuple(parts))
    )


@given(AMOUNTS, st.integers(0, 100_000))
def test_all_that_is_owed_is_in_some_instalment_the_oldest_paid_first(amounts, cents):
    owed = Decimal(cents) / 100
    left = [one.owed for one in instalments(planned(*amounts, owed=owed))]
    assert sum(left) == owed
    open_ = [n for n, one in enumerate(left) if one]
    assert open_ == list(range(open_[0], len(left))) if open_ else True, "no gap before an open one"
    assert all(one <= amount for one, amount in zip(left[1:], amounts[1:], strict=True))


def test_a_plan_that_says_what_is_left_of_each_is_believed():
    plan = PaymentPlan(
        (
            Instalment(date(2026, 12, 1), Decimal(40), Decimal(40)),
            Instalment(date(2027, 1, 1), Decimal(40), Decimal(0)),
        )
    )
    own = instalments(replace(invoice(7, due=date(2026, 11, 1)), owed=Decimal(40), payment_plan=plan))
    assert [one.status for one in own] == [InvoiceStatus.OPEN, InvoiceStatus.PAID]


def test_a_reminder_by_hand_speaks_of_the_oldest_that_is_not_paid():
    now = current(planned(Decimal(40), Decimal(40), Decimal(40), owed=Decimal(70)))
    assert (now.invoice_id, now.instalment, now.owed, now.total) == ("7", 2, Decimal(30), Decimal(40))


@pytest.mark.parametrize(("id_", "number"), [("FA-7", 2), ("FA-7/instalment-1", 1), ("FA-7/instalment-3", 3)])
def test_an_id_names_an_instalment_or_the_oldest_that_is_not_paid(id_, number):
    plan = replace(planned(Decimal(40), Decimal(40), Decimal(1), owed=Decimal("41.00")), invoice_id="FA-7")
    assert named(plan, id_).instalment == number
    assert named(plan, "FA-7/instalment-4") is None
    assert [one.status for one in instalments(plan)] == [
        InvoiceStatus.PAID,
        InvoiceStatus.OPEN,
        InvoiceStatus.OPEN,
    ]


class Planned:
    """A CRM's database with one invoice, whose plan and rest change."""

    def __init__(self, tmp_path):
        self.engine = create_engine(f"sqlite:///{tmp_path}/crm.db")
        query = "SELECT * FROM invoice"
        rows = SqlRows(self.engine, {"invoices": query}, 2, ZoneInfo("Europe/Paris"))
        self.source = RecordSource(rows, ZoneInfo("Europe/Paris"), {})
        columns = (
            "invoice_id INTEGER PRIMARY KEY, customer_id, status, due_date, currency, owed, total, email, customer_name, "
            "number, pay_url, payment_plan"
        )
        with self.engine.begin() as link:
            link.execute(text(f"CREATE TABLE invoice ({columns})"))

    def put(self, *, owed, plan):
        with self.engine.begin() as link:
            link.execute(text("DELETE FROM invoice"))
            link.execute(
                text(
                    "INSERT INTO invoice VALUES (7, 'C', 'open', :due, 'EUR', :owed, 120, 'z@c.example',"
                    " 'Zoé', 'FA-7', 'https://crm.example/pay/7', :plan)"
                ),
                {"due": str(days_ago(60)), "owed": owed, "plan": json.dumps(plan) if plan else None},
            )


@pytest.fixture
def crm(tmp_path):
    return Planned(tmp_path)


@pytest.fixture
def world(crm):
    ledger = open_ledger()
    made = World(ledger)
    made.crm = crm.source
    yield made
    ledger.close()


def due(days):
    return {"due_date": str(days_ago(days)), "amount": 40}


def said(world):
    return [
        (mail.variables["invoice_number"], mail.variables["instalment"], mail.variables["days_overdue"])
        for _, mail in world.box.mails
    ]


def test_each_instalment_is_reminded_of_by_its_own_due_date(crm, world):
    crm.put(owed=80, plan=[due(38), due(8), due(-22)])  # one paid, one eight days late, one to come
    world.scan()
    world.dispatch()
    assert said(world) == [("FA-7", "versement 2 sur 3", 8)]
    crm.put(owed=40, plan=[due(38), due(8), due(-22)])
    world.clock.now = MONDAY + timedelta(days=23)
    world.scan()
    world.dispatch()
    assert said(world)[1:] == [("FA-7", "versement 3 sur 3", 1)]


def test_an_instalment_paid_meanwhile_is_not_reminded_of(crm, world):
    crm.put(owed=80, plan=[due(38), due(8), due(-22)])
    world.scan()
    crm.put(owed=40, plan=[due(38), due(8), due(-22)])
    world.dispatch()
    assert world.states == ["cancelled"]


def test_a_plan_that_is_given_up_puts_the_invoice_itself_on_the_ladder(crm, world):
    crm.put(owed=80, plan=[due(38), due(8)])
    world.scan()
    crm.put(owed=80, plan=None)
    world.dispatch()
    assert set(world.states) == {"cancelled"}
    assert crm.source.invoice("7").due_date == days_ago(60)


def test_staff_ask_by_the_invoice_and_are_told_of_the_instalment(crm, world):
    crm.put(owed=80, plan=[due(38), due(8), due(-22)])
    for asked in ("7", "FA-7", "7/instalment-2"):
        told = explain(world.subject(), crm.source, asked, MONDAY)
        assert isinstance(told.verdict, Due), asked
        assert (told.invoice.invoice_id, told.invoice.due_date) == ("7/instalment-2", days_ago(8))


def test_a_plan_that_cannot_be_read_is_told_by_its_invoice(crm):
    crm.put(owed=80, plan=[{"due": "2026-12-01"}])
    page = next(crm.source.open_invoices())
    assert page.faults == (
        "Invoice 7: payment_plan is not a list of instalments, each with due_date and amount.",
    )


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        ("fr", ["facture FA-7 (versement 2 sur 3)", "Un versement de votre facture reste à régler"]),
        ("en", ["invoice FA-7 (instalment 2 of 3)", "An instalment of your invoice is still unpaid"]),
    ],
)
def test_the_mail_says_which_one_it_is_about(language, sentences):
    words = {"fr": "versement 2 sur 3", "en": "instalment 2 of 3"}[language]
    values = {
        "customer_name": "Zoé",
        "invoice_number": "FA-7",
        "due_date": "x",
        "days_overdue": 8,
        "total_amount": "40 €",
        "pay_url": "https://x.example",
        "timing": "overdue",
        "several": "no",
        "instalment": words,
        "invoices": [{"number": "FA-7", "amount": "40 €", "due_date": "x"}],
    }
    text_part = render(mail_template(REMINDER, language).text, values)
    for sentence in sentences:
        assert sentence in text_part.replace("\u2019", "\u2019"), text_part
