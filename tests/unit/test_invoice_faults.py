"""What an invoice's JSON says wrongly is named with its field; what it says rightly comes out to the cent."""

from datetime import date
from decimal import Decimal

import pytest

from mailworker.errors import BadInput
from mailworker.invoices.from_json.invoice import read_invoice
from mailworker.invoices.languages.locale_format import page_format
from tests.unit.test_invoice_reading import MINIMAL, SETTINGS, invoice, line


def faults(raw):
    with pytest.raises(BadInput) as fault:
        read_invoice(raw, SETTINGS)
    return list(fault.value.faults)


@pytest.mark.parametrize(
    ("change", "sentences"),
    [
        ({"payment_methods": ["card"] * 11}, "payment_methods has 11 entries; the most is 10."),
        ({"payment_method": "barter"}, "payment_method must be one of "),
        ({"tax_currency": "XX1"}, "tax_currency is not a code of ISO 4217, such as EUR."),
        ({"exchange_rate": 0}, "exchange_rate must be above 0."),
        ({"exchange_rate": -1}, "exchange_rate must be above 0."),
        ({"operation": "barter"}, "operation must be goods, services or mixed."),
        ({"transactions": [line(operation="x")]}, "operation must be goods, services or mixed."),
        ({"transactions": [{"description": "a", "amount": 5, "quantity": 0, "tax_rate": 20}]}, "quantity is zero, so the amount has no unit price."),
        ({"transactions": [{"description": "a", "quantity": 1, "tax_rate": 20}]}, "amount is missing, and there is no unit_price to reckon it from."),
        ({"transactions": [line(tax_rate=101)]}, "tax_rate must be a percentage from 0 to 100."),
        ({"transactions": [line(tax_rate=-1)]}, "tax_rate must be a percentage from 0 to 100."),
        ({"transactions": [line(tax_category="X")]}, "tax_category must be one of "),
        ({"transactions": [line(tax_rate=0, tax_category="S")]}, "tax_rate must be above 0 in category S."),
        ({"transactions": [line(tax_rate=20, tax_category="E")]}, "tax_rate must be 0 in category E."),
        ({"transactions": [line()], "discounts": [{"amount": -1, "description": "x", "tax_rate": 20}]}, "amount must be positive"),
        ({"client": {"name": "A", "address": "\n".join("abcdefg")}}, "address has 7 lines; the most is 6."),
        ({"client": {"name": "A", "address": ["x" * 101]}}, "address has a line of 101 characters; the most is 100."),
        ({"usage": [{"date": "x", "amount": "many"}]}, "amount "),
    ],
)  # fmt: skip
def test_one_sentence_with_its_field(change, sentences):
    assert any(sentences in one for one in faults(MINIMAL | change))


@pytest.mark.parametrize(
    "change",
    [
        {"payment_methods": ["card"] * 10},
        {"exchange_rate": "0.01"},
        {"operation": "goods"},
        {"transactions": [line(tax_rate=100)], "total_amount": None, "total_tax": None},
        {"client": {"name": "A", "address": "\n".join("abcdef")}},
        {"client": {"name": "A", "address": ["x" * 100]}},
    ],
)
def test_at_its_edge_it_is_taken(change):
    raw = {name: value for name, value in (MINIMAL | change).items() if value is not None}
    assert read_invoice(raw, SETTINGS).number


def test_a_line_whose_tax_does_not_fit_its_rate_is_not_taken_as_rounded_line_by_line():
    wrong = line(quantity=1, unit_price=100, tax_rate=20, tax_amount=35)
    assert any("total_tax" in one for one in faults(invoice(wrong, total_tax=35)))
    for tax, taken in (("19.99", True), ("20.01", True), ("19.98", False), ("20.02", False)):
        raw = invoice(line(quantity=1, unit_price=100, tax_rate=20, tax_amount=tax), total_tax=tax)
        if taken:
            assert read_invoice(raw, SETTINGS).totals.tax == Decimal(tax)
        else:
            assert faults(raw)


def test_the_row_of_a_total_alone_says_basis_and_tax():
    read = read_invoice(MINIMAL | {"total_amount": 120, "total_tax": 0}, SETTINGS)
    assert [(row.basis, row.tax) for row in read.vat] == [(Decimal(120), Decimal(0))]
    read = read_invoice(MINIMAL | {"total_amount": 120, "total_tax": 20}, SETTINGS)
    assert [(row.basis, row.tax) for row in read.vat] == [(Decimal(100), Decimal(20))]
    plain = {"description": "a", "quantity": 1, "unit_price": 100}
    read = read_invoice(invoice(plain, total_tax=20), SETTINGS)
    assert [(row.basis, row.tax) for row in read.vat] == [(Decimal(100), Decimal(20))]


def test_where_it_was_delivered():
    day = {"delivery_date": "2026-07-01"}
    assert read_invoice(MINIMAL, SETTINGS).delivery is None
    assert read_invoice(MINIMAL | day, SETTINGS).delivery.day == date(2026, 7, 1)
    text = read_invoice(MINIMAL | day | {"delivery_address": "1 quai\n\n13002 Marseille"}, SETTINGS).delivery
    assert (text.address.lines, text.day) == (("1 quai", "13002 Marseille"), date(2026, 7, 1))
    long = read_invoice(MINIMAL | {"delivery_address": "\n".join("abcdefgh")}, SETTINGS).delivery
    assert long.address.lines == tuple("abcdef")
    named = read_invoice(
        MINIMAL | day | {"delivery": {"name": "Dépôt", "city": "Lyon", "date": "2026-07-02"}}, SETTINGS
    )
    assert (named.delivery.name, named.delivery.address.city, named.delivery.day) == (
        "Dépôt",
        "Lyon",
        date(2026, 7, 2),
    )


def test_how_it_is_paid():
    def means(**fields):
        return [
            (one.mandate, one.debited_iban, one.day)
            for one in read_invoice(MINIMAL | fields, SETTINGS).payments
        ]

    assert means() == []
    debit = {"mandate": "RUM1", "iban": "FR76 3000", "date": "2026-08-01"}
    assert means(direct_debit=debit) == [("RUM1", "FR763000", date(2026, 8, 1))]
    assert means(direct_debit=debit, payment_method="card") == [
        ("RUM1", "FR763000", date(2026, 8, 1)),
        ("", "", None),
    ]
    assert means(direct_debit=True) == [("", "", None)]
    assert means(direct_debit=False) == []
    own = {"method": "direct_debit", "mandate": "RUM2", "iban": "FR76 4000", "date": "2026-09-01"}
    assert means(payment_methods=[own], direct_debit=debit) == [("RUM2", "FR764000", date(2026, 9, 1))]


@pytest.mark.parametrize(
    ("tax", "stated", "rate", "amount"),
    [(20, None, "0.5", "10.00"), (20, "9.99", "0.5", "9.99"), (0, None, None, "0.00")],
)
def test_the_tax_in_the_currency_of_the_books(tax, stated, rate, amount):
    more = {"currency": "USD", "total_tax": tax, "exchange_rate": rate, "total_tax_in_tax_currency": stated}
    raw = MINIMAL | {name: value for name, value in more.items() if value is not None}
    assert read_invoice(raw, SETTINGS).accounting_tax.amount == Decimal(amount)
    assert read_invoice(MINIMAL | {"exchange_rate": 2}, SETTINGS).accounting_tax is None


@pytest.mark.parametrize(
    ("language", "amount", "currency", "text"),
    [
        ("fr", "1234567.5", "EUR", "1\u202f234\u202f567,50"),
        ("en-GB", "1234567.5", "EUR", "1,234,567.50"),
        ("en-IN", "1234567.5", "INR", "12,34,567.50"),
        ("en-GB", "1234567", "JPY", "1,234,567"),
    ],
)
def test_columns_of_amounts(language, amount, currency, text):
    assert page_format(language).plain(Decimal(amount), currency) == text
