"""The words of the invoice e-mail, and the name of its file."""

from typing import Any

import pytest

from mailworker.config.invoice import InvoiceSettings
from mailworker.errors import BadInput
from mailworker.invoices.file_name import pdf_name, safe_part
from mailworker.invoices.from_json.invoice import read_invoice
from mailworker.invoices.languages.locale_format import locale_format
from mailworker.invoices.mail_variables import mail_variables
from mailworker.invoices.page.template_context import view_of

INVOICE: dict[str, Any] = {
    "invoice_number": "FA-2026-17",
    "date": "2026-10-31",
    "due_date": "2026-11-20",
    "total_amount": "1234.5",
    "total_tax": "205.75",
    "currency": "EUR",
    "client": {"name": "Zoë Müller"},
    "invoice_url": "https://portail.example/f/17",
    "pay_url": "https://portail.example/p/17",
}


def test_every_variable_of_the_kind() -> None:
    assert mail_variables(INVOICE, language="fr") == {
        "customer_name": "Zoë Müller",
        "invoice_number": "FA-2026-17",
        "invoice_date": "31 octobre 2026",
        "due_date": "20 novembre 2026",
        "total_amount": "1\u202f234,50\u00a0€",
        "invoice_url": "https://portail.example/f/17",
        "pay_url": "https://portail.example/p/17",
        "document_type": "invoice",
        "payment_state": "due",
        "amount_due": "1\u202f234,50\u00a0€",
        "paid_amount": "",
        "corrected_number": "",
    }


@pytest.mark.parametrize(
    ("language", "currency", "total", "due"),
    [
        ("en", "EUR", "€1,234.50", "20 November 2026"),
        ("en-US", "USD", "$1,234.50", "November 20, 2026"),
        ("fr-CA", "CAD", "1\u00a0234,50\u00a0$", "20 novembre 2026"),
        ("de", "EUR", "1.234,50\u00a0€", "20. November 2026"),
        ("xx-nonsense", "GBP", "£1,234.50", "20 November 2026"),
        ("", "TND", "1\u202f234,500\u00a0TND", "20 novembre 2026"),
    ],
)
def test_amounts_and_dates_in_the_customers_language(
    language: str, currency: str, total: str, due: str
) -> None:
    given = mail_variables(INVOICE | {"currency": currency}, language=language)
    assert (given["total_amount"], given["due_date"]) == (total, due)


def test_a_currency_without_minor_units() -> None:
    yen = INVOICE | {"currency": "JPY", "total_amount": 1234, "total_tax": 112}
    assert mail_variables(yen, language="fr")["total_amount"] == "1\u202f234\u00a0JPY"


def test_the_total_is_the_total_and_what_is_left_to_pay_stands_beside_it() -> None:
    given = mail_variables(INVOICE | {"paid_amount": "1000"}, language="en")
    assert (given["total_amount"], given["paid_amount"], given["amount_due"]) == (
        "€1,234.50",
        "€1,000.00",
        "€234.50",
    )


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "due"),
        ({"paid_amount": "1000"}, "part_paid"),
        ({"paid_amount": "1234.50"}, "paid"),
        ({"total_amount": 0, "total_tax": 0}, "nothing_due"),
        ({"direct_debit": True}, "direct_debit"),
        ({"direct_debit": {"date": "2026-12-05"}}, "direct_debit"),
        ({"direct_debit": True, "paid_amount": "1234.50"}, "paid"),
    ],
)
def test_who_has_what_to_do(changes: dict[str, Any], state: str) -> None:
    assert mail_variables(INVOICE | changes)["payment_state"] == state


@pytest.mark.parametrize(
    ("type_", "sort"),
    [("credit_note", "credit_note"), ("381", "credit_note"), ("384", "corrective"), ("prepayment", "prepayment"), ("380", "invoice")],
)  # fmt: skip
def test_the_sort_of_document(type_: str, sort: str) -> None:
    assert mail_variables(INVOICE | {"type": type_})["document_type"] == sort


def test_a_credit_note_says_its_total() -> None:
    given = mail_variables(INVOICE | {"type": "credit_note"}, language="en")
    assert given["total_amount"] == "€1,234.50"


def test_a_wrong_invoice_says_so() -> None:
    with pytest.raises(BadInput, match="client is missing"):
        mail_variables(INVOICE | {"client": None}, language="fr")


@pytest.mark.parametrize(
    ("number", "language", "credit", "name"),
    [
        ("FA-2026-17", "fr", False, "Facture-FA-2026-17.pdf"),
        ("FA-2026-17", "en", False, "Invoice-FA-2026-17.pdf"),
        ("AV 3/2026", "fr", True, "Avoir-AV-3-2026.pdf"),
        ("3", "en-GB", True, "Credit-note-3.pdf"),
        ("../../etc/passwd", "fr", False, "Facture-etc-passwd.pdf"),
        ('n°é"\r\nX: y', "fr", False, "Facture-ne-X-y.pdf"),
        ("株式", "fr", False, "Facture-document.pdf"),
    ],
)
def test_a_file_name_that_survives_every_mail_client(
    number: str, language: str, credit: bool, name: str
) -> None:
    raw = INVOICE | {"invoice_number": number, "credit_note": credit}
    assert pdf_name(read_invoice(raw, InvoiceSettings(), language=language)) == name


def test_a_long_number_makes_no_long_name() -> None:
    assert len(safe_part("9" * 300)) == 60


@pytest.mark.parametrize(
    ("debit", "day"),
    [({}, "30 novembre 2026"), ({"direct_debit": True}, "30 novembre 2026"), ({"direct_debit": {"date": "2026-12-05"}}, "5 décembre 2026")],
)  # fmt: skip
def test_mail_and_page_name_the_day_of_the_debit_and_offer_no_second_way_to_pay(
    debit: dict[str, Any], day: str
) -> None:
    document = INVOICE | {"due_date": "2026-11-30", "pay_url": "https://pay.example/1", **debit}
    assert mail_variables(document, language="fr")["due_date"] == day
    read = read_invoice(document, InvoiceSettings(), language="fr")
    view = view_of(read, InvoiceSettings(), locale_format("fr"))
    assert view["due_day"] == day
    assert view["pay_online"] == ("" if debit else "https://pay.example/1")
