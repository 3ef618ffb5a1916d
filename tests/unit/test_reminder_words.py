"""What a reminder prints and why it was written, field by field; and batches that end where a customer ends."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import groupby, pairwise
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailworker.crm import RecordPage
from mailworker.reminders.reminder_mail import _why, fill_gaps
from mailworker.reminders.reminder_variables import ReminderFacts, reminder_variables, variables
from mailworker.reminders.scan import whole_customers
from mailworker.rules.reminder_due import Due
from mailworker.rules.reminder_ladder import Step
from tests.scan_world import invoice

DAY = date(2026, 11, 22)
TODAY = date(2026, 11, 30)


def plain(**changes):
    return invoice(7, due=DAY, **{"language": "en"} | changes)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, {"invoice_number": "FA-7", "due_date": "22 November 2026", "total_amount": "€30.00", "days_overdue": 8, "days_left": "", "last": "no", "part_paid": "no", "invoice_count": "1", "instalment": "", "invoices": [], "customer_name": "Zoé Roussel", "account_url": ""}),
        ({"due_date": TODAY}, {"days_overdue": 0, "days_left": ""}),
        ({"due_date": TODAY + timedelta(days=1)}, {"days_overdue": 0, "days_left": "1"}),
        ({"due_date": TODAY - timedelta(days=1)}, {"days_overdue": 1, "days_left": ""}),
        ({"owed": Decimal(29)}, {"part_paid": "yes", "total_amount": "€29.00"}),
        ({"owed": Decimal(31)}, {"part_paid": "no"}),
        ({"pay_url": "https://p", "invoice_url": "https://i"}, {"pay_url": "https://p", "invoice_url": "https://i"}),
        ({"pay_url": "", "invoice_url": "https://i"}, {"pay_url": "https://i", "invoice_url": "https://i"}),
        ({"pay_url": "", "invoice_url": ""}, {"pay_url": "", "invoice_url": ""}),
        ({"instalment": 2, "instalments": 3}, {"instalment": "instalment 2 of 3"}),
        ({"currency": "CHF"}, {"total_amount": "CHF30.00"}),
    ],
)  # fmt: skip
def test_a_reminder_about_one_invoice(changes, found):
    made = reminder_variables(plain(**changes), language="en", today=TODAY)
    assert {name: made[name] for name in found} == found


def test_the_portal_and_the_last_step_are_said():
    assert (
        reminder_variables(plain(), language="en", today=TODAY, portal_url="https://a")["account_url"]
        == "https://a"
    )
    made = variables([plain()], ReminderFacts(5, 0, last=True), language="fr")
    assert (made["last"], made["days_overdue"], made["due_date"], made["instalment"]) == (
        "yes",
        5,
        "22 novembre 2026",
        "",
    )
    in_parts = plain(instalment=1, instalments=2)
    assert variables([in_parts], ReminderFacts(5), language="fr-CA")["instalment"] == "versement 1 sur 2"


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("https://p.example/7", "https://p.example/7"),
        ("HTTP://p", "HTTP://p"),
        ("javascript:x", ""),
        ("https://p x", ""),
        ("", ""),
    ],
)
def test_a_reminder_about_several_lists_each(link, shown):
    second = invoice(8, due=TODAY, owed=Decimal(5), total=Decimal(9), pay_url="", invoice_url=link)
    made = variables([plain(), second], ReminderFacts(8), language="en")
    assert (made["invoice_number"], made["total_amount"], made["invoice_count"]) == (
        "FA-7, FA-8",
        "€35.00",
        "2",
    )
    assert (made["due_date"], made["part_paid"], made["pay_url"]) == (
        "22 November 2026",
        "yes",
        "https://crm.example/pay/7",
    )
    assert made["instalment"] == ""
    assert made["invoices"] == [
        {
            "number": "FA-7",
            "due_date": "22 November 2026",
            "amount": "€30.00",
            "pay_url": "https://crm.example/pay/7",
        },
        {"number": "FA-8", "due_date": "30 November 2026", "amount": "€5.00", "pay_url": shown},
    ]
    parts = [plain(instalment=1, instalments=2), plain(instalment=2, instalments=2)]
    assert variables(parts, ReminderFacts(8), language="en")["instalment"] == ""


STEPS = {days: Step(days, "k") for days in (-3, 0, 1, 7)}
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("step", "overdue", "skipped", "why"),
    [
        (-3, 0, (), "FA-7: step d-3, due on 2026-11-22"),
        (0, 0, (), "FA-7: step d+0, 0 days overdue"),
        (1, 1, (), "FA-7: step d+1, 1 day overdue"),
        (7, 8, (1,), "FA-7: step d+7, 8 days overdue (d+1 missed)"),
        (7, 2, (0, 1), "FA-7: step d+7, 2 days overdue (d+0, d+1 missed)"),
        (0, 0, (-3,), "FA-7: step d+0, 0 days overdue (d-3 missed)"),
    ],
)
def test_why_it_was_written(step, overdue, skipped, why):
    due = Due(STEPS[step], "key", NOON, days_overdue=overdue, skipped=tuple(STEPS[one] for one in skipped))
    assert _why(plain(), due) == why


@pytest.mark.parametrize(
    ("known", "said", "found"),
    [
        ({"language": "en", "pay_url": "https://p"}, {"pay_url": "https://old"}, ("en", "https://p", "")),
        (
            {"language": "", "pay_url": ""},
            {"pay_url": "https://old", "invoice_url": "https://i"},
            ("fr", "https://old", "https://i"),
        ),
        ({"language": "", "pay_url": ""}, {}, ("fr", "", "")),
        ({"language": "", "pay_url": ""}, None, ("fr", "", "")),
        ({"language": "", "pay_url": ""}, {"pay_url": None}, ("fr", "", "")),
    ],
)
def test_the_crms_gaps_are_filled_with_what_the_mail_said(known, said, found):
    row = {"variables": said, "language": "fr"}
    made = fill_gaps(plain(**known), row)
    assert (made.language, made.pay_url, made.invoice_url) == found


def paged(customers, cuts):
    """Pages of these customers' invoices, cut at these places; each record's end is its number."""
    records = [SimpleNamespace(customer_id=name, number=n) for n, name in enumerate(customers)]
    places = sorted({0, len(records), *(cut for cut in cuts if cut < len(records))})
    for start, stop in pairwise(places):
        part = tuple(records[start:stop])
        yield RecordPage(part, ends=tuple((one.number,) for one in part), end=(part[-1].number,))


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=20).map(sorted), st.sets(st.integers(0, 20)))
def test_a_customer_is_whole_in_one_batch_and_each_batch_ends_where_it_says(customers, cuts):
    pages = list(paged(customers, cuts))
    batches = list(whole_customers(iter(pages)))
    assert [one.number for batch in batches for one in batch.records] == list(range(len(customers)))
    names = [name for batch in batches for name in dict.fromkeys(one.customer_id for one in batch.records)]
    assert names == [name for name, _ in groupby(customers)]
    assert all(batch.end == (batch.records[-1].number,) for batch in batches)
    assert len(batches) <= len(pages) + 1


def test_a_batch_leaves_as_soon_as_its_customer_is_over():
    read = []

    def pages():
        for page in paged("aabbb", {2, 3}):
            read.append(page.records[0].customer_id)
            yield page

    first = next(whole_customers(pages()))
    assert ([one.customer_id for one in first.records], first.end, read) == (["a", "a"], (1,), ["a", "b"])


def test_faults_go_along_and_move_no_place():
    pages = [RecordPage((), ("bad",)), *paged("ab", {1}), RecordPage((), ("worse",), end=(9,))]
    batches = list(whole_customers(iter(pages)))
    assert [(len(batch.records), batch.end, batch.faults) for batch in batches] == [
        (0, None, ("bad",)),
        (1, (0,), ()),
        (0, None, ("worse",)),
        (1, (9,), ()),
    ]
