from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from mailworker.rules.crm_facts import InvoiceFacts, InvoiceStatus
from mailworker.rules.reminder_due import Due
from mailworker.rules.reminder_grouping import alone, merge
from mailworker.rules.reminder_ladder import Step

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


def due(number, days, customer="C-1", currency="EUR", at=NOW, owed="10.00"):
    invoice = InvoiceFacts(
        invoice_id=f"F-{number}",
        customer_id=customer,
        status=InvoiceStatus.OPEN,
        due_date=date(2026, 11, number),
        currency=currency,
        owed=Decimal(owed),
    )
    step = Step(days, "kind")
    return invoice, Due(step, f"reminder:F-{number}:{step.name}", at, max(0, days))


def mails_for(due, reader=lambda _invoice: "zoe@x.example"):
    return merge(due, reader)


def about(reminders):
    return [sorted(invoice.invoice_id for invoice, _ in one.all) for one in reminders]


def test_one_mail_for_each_customer():
    both = mails_for([due(1, 14), due(8, 7), due(9, 7, customer="C-2")])
    assert about(both) == [["F-1", "F-8"], ["F-9"]]
    assert both[0].owed == Decimal("20.00")


def test_each_reader_gets_their_own_invoices_alone():
    readers = {"F-1": "a@x.example", "F-2": "b@x.example", "F-3": "a@x.example"}
    made = mails_for([due(1, 7), due(2, 7), due(3, 7)], lambda invoice: readers[invoice.invoice_id])
    assert about(made) == [["F-1", "F-3"], ["F-2"]]


def test_currencies_are_not_added_up():
    assert about(mails_for([due(1, 7), due(2, 7, currency="XPF")])) == [["F-1"], ["F-2"]]


def test_one_mail_names_fifty_invoices_at_most():
    many = mails_for(
        [due(number, 7) for number in range(1, 28)] + [due(number, 14) for number in range(1, 28)]
    )
    assert [len(one.all) for one in many] == [50, 4]
    assert sum(one.owed for one in many) == 54 * Decimal("10.00")
    assert len({one.key for one in many}) == 2
    assert {reminder.step.days for _, reminder in many[1].all} == {7}, "the latest steps lead"


def test_due_soon_is_not_overdue():
    assert about(mails_for([due(1, 7), due(26, -3)])) == [["F-1"], ["F-26"]]
    assert about(mails_for([due(1, 7), due(23, 0)])) == [
        ["F-1", "F-23"]
    ]  # "is due today" asks for payment too


def test_the_latest_step_of_the_oldest_invoice_leads():
    merged = mails_for([due(8, 7), due(3, 14), due(1, 14)])[0]
    assert merged.leading[0].invoice_id == "F-1"
    assert mails_for([due(10, 14), due(8, 14)])[0].leading[0].invoice_id == "F-8", (
        "by the date, not by the id"
    )
    twin = replace(due(3, 14)[0], invoice_id="F-2"), due(3, 14)[1]
    assert mails_for([due(3, 14), twin])[0].leading[0].invoice_id == "F-2", "of one day by the id"


def test_it_leaves_when_all_may():
    later = NOW.replace(hour=15)
    assert mails_for([due(1, 7), due(2, 7, at=later)])[0].not_before == later


def test_the_key_says_what_is_in_it_whatever_the_order():
    one, two, three = due(1, 7), due(2, 7), due(3, 7)
    assert mails_for([one, two])[0].key == mails_for([two, one])[0].key
    assert mails_for([one, two])[0].key != mails_for([one, three])[0].key
    assert mails_for([one, two])[0].keys == ("reminder:F-1:d+7", "reminder:F-2:d+7")
    put_off = replace(one[0], due_date=date(2026, 11, 9)), one[1]
    assert mails_for([put_off, two])[0].keys == ("reminder:F-2:d+7", "reminder:F-1:d+7")
    assert mails_for([put_off, two])[0].key == mails_for([one, two])[0].key


def test_a_single_invoice_keeps_its_own_key():
    assert mails_for([due(1, 7)])[0].key == alone([due(1, 7)])[0].key == "reminder:F-1:d+7"


def test_without_merging_each_goes_alone():
    assert about(alone([due(1, 7), due(2, 7)])) == [["F-1"], ["F-2"]]


def test_facts_may_be_richer_than_the_rule_needs():
    invoice, verdict = due(1, 7)
    assert (
        mails_for([(replace(invoice, timezone="Europe/Paris"), verdict)])[0].leading[0].timezone
        == "Europe/Paris"
    )
