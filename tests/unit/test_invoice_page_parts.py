"""What the page says of sums and of paying, part by part; nothing is drawn."""

import pytest

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.from_json.invoice import read_invoice
from mailworker.invoices.languages.locale_format import locale_format
from mailworker.invoices.page.line_table import are_wide, rows_of
from mailworker.invoices.page.sums_and_payment import (
    code_of,
    due_of,
    legal_notes,
    masked,
    nothing_note,
    pay_facts,
    sums_of,
    terms_of,
    vat_of_view,
)
from tests.unit.test_invoice_reading import invoice, line

SELLER = {
    "name": "Alizé",
    "country": "FR",
    "iban": "FR7630006000011234567890189",
    "bic": "AGRIFRPP",
    "creditor_id": "FR12ZZZ1",
}
ENGLISH = locale_format("en")
PORTAL = {"pay_url": "https://pay.example/1"}
DEBIT = {"direct_debit": {"mandate": "M-1", "iban": "FR7630004000031234567890143", "date": "2026-02-15"}}


def understood(*lines, seller=SELLER, **fields):
    chosen = InvoiceSettings.model_validate({"seller": seller})
    return read_invoice(invoice(*(lines or (line(),)), **fields), chosen, language="en"), chosen


@pytest.mark.parametrize(
    ("fields", "caption"),
    [
        ({}, "Scan with your banking app"),
        (PORTAL, "Scan with your banking app"),
        ({"seller": SELLER | {"iban": ""}} | PORTAL, "Scan to pay online"),
        ({"seller": SELLER | {"iban": ""}}, None),
        ({"currency": "USD"} | PORTAL, "Scan to pay online"),
        ({"currency": "USD"}, None),
        ({"payment_method": "card"} | PORTAL, "Scan to pay online"),
        ({"payment_method": "card"}, None),
        ({"payment_methods": ["card", "transfer"]}, "Scan with your banking app"),
        (DEBIT | PORTAL, None),
        ({"paid_amount": "12.00"} | PORTAL, None),
        ({"paid_amount": "11.99"}, "Scan with your banking app"),
        ({"type": "credit_note"} | PORTAL, None),
        (
            {"seller": SELLER | {"iban": ""}, "payee": {"name": "F", "iban": "DE89370400440532013000"}},
            "Scan with your banking app",
        ),
    ],
)
def test_a_code_to_pay_stands_only_where_there_is_a_way_to_pay_oneself(fields, caption):
    found = code_of(*understood(**fields), ENGLISH)
    assert (found and found.caption) == caption


@pytest.mark.parametrize(
    ("fields", "facts"),
    [
        ({}, [("By bank transfer", "Alizé"), ("IBAN", "FR76 3000 6000 0112 3456 7890 189"), ("BIC", "AGRIFRPP"), ("Reference", "INV-2026-001234")]),
        ({"payment_reference": "R-7", "seller": SELLER | {"bic": ""}}, [("By bank transfer", "Alizé"), ("IBAN", "FR76 3000 6000 0112 3456 7890 189"), ("Reference", "R-7")]),
        ({"payment_method": "card"}, [("", "By bank card")]),
        ({"payment_methods": ["card", "cash", "card"]}, [("", "By bank card, in cash")]),
        (DEBIT, [("By direct debit", "Debited on 15 February 2026 from your account FR76\u00a0••••\u00a00143"), ("Mandate", "M-1"), ("Creditor ID", "FR12ZZZ1")]),
        ({"payment_method": "direct_debit", "due_date": None}, [("By direct debit", "By SEPA direct debit"), ("Creditor ID", "FR12ZZZ1")]),
        ({"payment_method": "direct_debit"}, [("By direct debit", "Debited on 10 February 2026"), ("Creditor ID", "FR12ZZZ1")]),
        (DEBIT | {"payment_methods": ["direct_debit", "card"]}, [("By direct debit", "Debited on 15 February 2026 from your account FR76\u00a0••••\u00a00143"), ("Mandate", "M-1"), ("Creditor ID", "FR12ZZZ1"), ("Also possible", "By bank card")]),
        ({"payment_method": "card", "payee": {"name": "F", "siren": "552081317"}}, [("Payee", "F · SIREN 552081317"), ("Also possible", "By bank card")]),
        ({"payment_method": "1"}, [("", "In another agreed way")]),
    ],
)  # fmt: skip
def test_how_to_pay(fields, facts):
    assert pay_facts(*understood(**fields), ENGLISH) == facts


def test_of_an_account_only_its_ends_are_shown():
    assert masked("FR7630004000031234567890143") == "FR76\u00a0••••\u00a00143"
    assert masked("123456789") == "1234\u00a0••••\u00a06789"
    assert masked("12345678") == "••••\u00a012345678"
    assert masked("0143") == "••••\u00a00143"


@pytest.mark.parametrize(
    ("kind", "currency", "gross"),
    [
        ("consumer", "EUR", "12.00"),
        ("consumer", "JPY", "12"),
        ("consumer", "TND", "12.006"),
        ("business", "EUR", ""),
    ],
)
def test_a_consumer_sees_each_line_with_its_tax_in_the_minor_units_of_the_currency(kind, currency, gross):
    price = {"EUR": "10.00", "JPY": "10", "TND": "10.005"}[currency]
    read, _ = understood(line(unit_price=price), currency=currency, client={"name": "C", "kind": kind})
    assert [row.gross for row in rows_of(read, ENGLISH)] == [gross]


def test_a_column_widens_after_thirteen_figures_and_after_twelve_beside_one_with_tax():
    assert not are_wide([], ["1234567890.00"], gross=False)
    assert are_wide([], ["12345678901.00"], gross=False)
    assert not are_wide([], ["123456789.00"], gross=True)
    assert are_wide([], ["1234567890.00"], gross=True)


def test_sums_stand_in_the_order_in_which_they_are_added_up():
    read, _ = understood(
        line(quantity=10),
        discounts=[{"description": "Loyalty", "percent": 5, "tax_rate": 20}],
        charges=[{"description": "Postage", "amount": "2.00", "tax_rate": 20}],
        paid_amount="20.00",
        rounding_amount="0.04",
    )
    assert [f"{label} {amount}" for label, amount in sums_of(read, ENGLISH)] == [
        "Subtotal €100.00", "Loyalty (5%) \u2212€5.00", "Postage €2.00", "Total excl. VAT €97.00", "Total VAT €19.40",
        "Total incl. VAT €116.40", "Already paid \u2212€20.00", "Rounding €0.04",
    ]  # fmt: skip
    plain, _ = understood()
    assert [label for label, _ in sums_of(plain, ENGLISH)] == [
        "Total excl. VAT",
        "Total VAT",
        "Total incl. VAT",
    ]


@pytest.mark.parametrize(
    ("fields", "due", "nothing"),
    [
        ({}, ("Amount due", "€12.00"), ""),
        ({"paid_amount": "12.00"}, ("Amount due", "€0.00"), "Nothing to pay: this invoice is settled."),
        ({"paid_amount": "15.00"}, ("Balance in your favour", "€3.00"), ""),
        ({"type": "credit_note"}, ("Amount credited", "€12.00"), ""),
        ({"transactions": [line(unit_price=0)]}, ("Amount due", "€0.00"), "Nothing to pay."),
    ],
)
def test_what_stands_out(fields, due, nothing):
    read, _ = understood(**fields)
    assert (due_of(read, ENGLISH), nothing_note(read, ENGLISH)) == (due, nothing)


def test_rows_of_nothing_are_distinguished_by_their_letter_which_the_note_repeats():
    free = line(tax_rate=0, tax_category="E", exemption_reason="Article 261")
    two, chosen = understood(free, line(tax_rate=0, tax_category="AE"), line())
    assert [vat_of_view(row, two, ENGLISH)[0] for row in two.vat] == ["20%", "0% (AE)", "0% (E)"]
    assert legal_notes(two, chosen, ENGLISH) == ["Reverse charge (AE)", "Article 261 (E)"]
    one, chosen = understood(free, line())
    assert [vat_of_view(row, one, ENGLISH)[0] for row in one.vat] == ["20%", "0%"]
    assert legal_notes(one, chosen, ENGLISH) == ["Article 261"]


def test_terms_are_owed_to_companies_and_public_bodies_and_a_public_bodys_rate_is_the_laws():
    def terms(kind, country="FR"):
        return terms_of(*understood(client={"name": "C", "kind": kind, "country": country}), ENGLISH)

    assert terms("consumer") == terms("") == ""
    assert "three times the French legal rate" in terms("business")
    assert "refinancing rate of the European Central Bank plus eight points" in terms("public")
    assert "three times the French legal rate" in terms("public", "BE")
    assert terms("business").endswith("a fixed recovery charge of €40.00. No discount for early payment.")
