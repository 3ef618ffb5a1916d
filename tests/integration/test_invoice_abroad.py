"""Invoices of sellers in other countries, in every type and category that EN 16931 knows, by the official rules."""

from collections.abc import Iterator
from typing import Any

import pytest

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.check import check_invoice
from mailworker.invoices.document_types import KIND_OF_CODE
from mailworker.invoices.facturx import CiiWriter
from mailworker.invoices.invoice_json import read_invoice
from mailworker.invoices.locale_format import page_format
from tests.official_rules import OfficialRules, official_rules

pytestmark = pytest.mark.integration

SELLER = {
    "name": "Nordlicht Netz GmbH",
    "country": "DE",
    "vat_id": "DE123456789",
    "email": "r@nordlicht.example",
}
LINE = {"description": "Anschluss", "quantity": 2, "unit_price": "15.00", "tax_rate": 19}
HEAD = {
    "invoice_number": "R-1",
    "date": "2026-03-01",
    "due_date": "2026-03-15",
    "client": {"name": "Kunde AG", "country": "DE", "vat_id": "DE987654321", "email": "k@kunde.example"},
}


@pytest.fixture(scope="module")
def rules() -> Iterator[OfficialRules]:
    with official_rules() as compiled:
        yield compiled


def settings(**seller: Any) -> InvoiceSettings:
    return InvoiceSettings.model_validate({"e_invoice": "factur-x", "seller": SELLER | seller})


def broken(rules: OfficialRules, raw: dict[str, Any], chosen: InvoiceSettings) -> list[str]:
    assert check_invoice(raw, chosen) == []
    invoice = read_invoice(raw, chosen)
    xml = CiiWriter(chosen).write(invoice, page_format(invoice.language))
    return rules.broken(xml, profile=chosen.profile, french=False)


@pytest.mark.parametrize("code", sorted(KIND_OF_CODE))
def test_every_type_of_document_is_valid(rules: OfficialRules, code: str) -> None:
    assert broken(rules, HEAD | {"type": code, "transactions": [LINE]}, settings()) == []


@pytest.mark.parametrize(
    "line",
    [
        {"tax_category": "L", "tax_rate": 7},
        {"tax_category": "M", "tax_rate": "0.5"},
        {"tax_category": "K", "tax_rate": 0},
        {"tax_category": "G", "tax_rate": 0},
        {"tax_category": "E", "tax_rate": 0, "exemption_reason": "§ 4 Nr. 11 UStG"},
    ],
    ids=lambda line: f"{line['tax_category']} {line['tax_rate']}",
)
def test_every_category_of_tax_is_valid(rules: OfficialRules, line: dict[str, Any]) -> None:
    assert broken(rules, HEAD | {"transactions": [LINE | line]}, settings()) == []


def test_without_tax_igic_is_refused() -> None:
    untaxed = HEAD | {"transactions": [LINE | {"tax_category": "L", "tax_rate": 0}]}
    assert check_invoice(untaxed, settings()) == [
        "tax_rate must be above 0 in category L (BT-152, BR-AF-05)."
    ]


def test_a_corrective_invoice_takes_everything_back(rules: OfficialRules) -> None:
    raw = HEAD | {
        "type": "corrective",
        "corrects": "R-0",
        "transactions": [LINE | {"quantity": -2}],
        "discounts": [{"description": "Rabatt", "amount": "-5.00", "tax_rate": 19}],
    }
    assert broken(rules, raw, settings()) == []
    assert read_invoice(raw, settings()).totals.gross < 0


def test_forints_are_rounded_to_whole_ones_where_all_sums_are_whole(rules: OfficialRules) -> None:
    fuel = {"description": "Gázolaj", "quantity": 64, "unit_price": 36109, "price_base_quantity": 100}
    raw = HEAD | {
        "currency": "HUF",
        "transactions": [fuel | {"charge": 330, "tax_rate": 27, "amount": 23440}],
        "total_amount": 29769,
        "total_tax": 6329,
    }
    assert broken(rules, raw, settings()) == []
