"""An invoice read as a whole: what it takes from the settings, how it is rounded, what it sells, and its edges."""

import dataclasses
from decimal import Decimal

import pytest

from mailworker.config.invoice import InvoiceSettings
from mailworker.errors import BadInput
from mailworker.invoices.from_json.invoice import read_invoice
from mailworker.invoices.from_json.unknown_keys import unknown_keys
from mailworker.invoices.model import DocumentAllowance, DocumentType, Exemption, Operation, VatCategory

HEAD = {"invoice_number": "R-1", "date": "2026-03-01", "due_date": "2026-03-15", "client": {"name": "A"}}
LINE = {"description": "L", "unit_price": "10.00", "tax_rate": 20}


def read(raw, language="", /, **block):
    fields = {"transactions": [LINE]} | raw
    return read_invoice(HEAD | fields, InvoiceSettings.model_validate(block), language=language)


def faults(raw, **block):
    with pytest.raises(BadInput) as fault:
        read(raw, **block)
    return list(fault.value.faults)


@pytest.mark.parametrize(
    ("raw", "language", "block", "attribute", "value"),
    [
        ({}, "", {}, "language", "fr"),
        ({}, "", {"language": "de"}, "language", "de"),
        ({"language": "en"}, "", {"language": "de"}, "language", "en"),
        ({"language": "en"}, "es", {"language": "de"}, "language", "es"),
        ({}, "", {}, "currency", "EUR"),
        ({}, "", {"currency": "CHF"}, "currency", "CHF"),
        ({"currency": "usd"}, "", {"currency": "CHF"}, "currency", "USD"),
        ({}, "", {}, "payment_terms", ""),
        ({}, "", {"payment_terms": "30 days"}, "payment_terms", "30 days"),
        ({"payment_terms": "now"}, "", {"payment_terms": "30 days"}, "payment_terms", "now"),
        ({}, "", {}, "vat_on_debits", False),
        ({}, "", {"seller": {"vat_on_debits": True}}, "vat_on_debits", True),
        ({"vat_on_debits": False}, "", {"seller": {"vat_on_debits": True}}, "vat_on_debits", False),
        ({"vat_on_debits": True}, "", {}, "vat_on_debits", True),
        ({}, "", {}, "full_call_numbers", False),
        ({"full_call_numbers": True}, "", {}, "full_call_numbers", True),
        ({"full_call_numbers": False}, "", {}, "full_call_numbers", False),
        ({"invoice_url": "https://a.example"}, "", {}, "invoice_url", "https://a.example"),
        ({"pay_url": "https://p.example"}, "", {}, "pay_url", "https://p.example"),
        ({"notes": "Hi"}, "", {}, "notes", ("Hi",)),
    ],
)
def test_the_invoice_speaks_before_the_settings(raw, language, block, attribute, value):
    assert getattr(read(raw, language, **block), attribute) == value


@pytest.mark.parametrize(
    ("raw", "kind", "code"),
    [
        ({}, DocumentType.INVOICE, "380"),
        ({"type": "Invoice"}, DocumentType.INVOICE, "380"),
        ({"type": "389"}, DocumentType.SELF_BILLED, "389"),
        ({"type": "partial"}, DocumentType.INVOICE, "326"),
        ({"type": "credit_note"}, DocumentType.CREDIT_NOTE, "381"),
        ({"credit_note": True}, DocumentType.CREDIT_NOTE, "381"),
        ({"credit_note": True, "type": "invoice"}, DocumentType.CREDIT_NOTE, "381"),
        ({"credit_note": True, "type": "261"}, DocumentType.CREDIT_NOTE, "261"),
        ({"credit_note": False, "type": "261"}, DocumentType.CREDIT_NOTE, "261"),
        ({"credit_note": False}, DocumentType.INVOICE, "380"),
    ],
)
def test_what_document_it_is(raw, kind, code):
    found = read(raw)
    assert (found.type, found.type_code, found.credit) == (kind, code, kind is DocumentType.CREDIT_NOTE)


def test_texts_at_their_longest_are_taken():
    assert (
        read({"invoice_number": "x" * 64, "language": "x" * 20, "payment_terms": "x" * 1000}).number
        == "x" * 64
    )
    assert faults({"invoice_number": "x" * 65}) == ["invoice_number has 65 characters; the most is 64."]
    assert faults({"language": "x" * 21}) == ["language has 21 characters; the most is 20."]
    assert faults({"payment_terms": "x" * 1001}) == ["payment_terms has 1001 characters; the most is 1000."]
    assert faults({"type": "x" * 41})[0] == "type has 41 characters; the most is 40."


@pytest.mark.parametrize(
    "name",
    ["transactions", "transaction_list", "usage", "calls", "cdrs", "discounts", "allowances", "charges"],
)
def test_rows_are_counted_before_they_are_read(name):
    row = LINE | {"amount": "0.00"} if name not in {"transactions", "transaction_list"} else LINE
    others = {"transactions": None} if name == "transaction_list" else {}
    limited = {"limits": {"rows": 2}}
    assert read(others | {name: [row] * 2}, **limited)
    assert faults(others | {name: [row] * 3}, **limited) == [
        f"{name} has 3 rows; the most is 2 (invoice.limits.rows)."
    ]


@pytest.mark.parametrize(
    ("raw", "gross"),
    [
        ({"transactions": [LINE | {"unit_price": "10.4", "amount": 10}], "total_amount": 12, "total_tax": 2}, "12"),
        ({"transactions": [LINE | {"unit_price": "10.4", "amount": 10}], "total_amount": "12.50"}, None),
        ({"transactions": [LINE | {"quantity": 3, "unit_price": "33.3333", "amount": 100, "tax_rate": 27}], "total_amount": 127, "total_tax": 27}, "127"),
        ({"transactions": [LINE | {"quantity": 3, "unit_price": "33.3333", "amount": 100, "tax_rate": "27.4"}], "total_amount": 127}, "127"),
        ({"transactions": [LINE | {"unit_price": "10.40", "amount": "10.40"}], "total_amount": "12.48"}, "12.48"),
        ({"transactions": [LINE | {"unit_price": "10.40"}]}, "12.48"),
        ({"transactions": [LINE | {"unit_price": "10", "retail_cost": 10, "tax_rate": "27.4"}], "total_amount": 13}, "13"),
    ],
)  # fmt: skip
def test_forints_are_whole_only_where_every_sum_is(raw, gross):
    block = {"currency": "HUF"}
    if gross is None:
        assert faults(raw, **block)
    else:
        assert str(read(raw, **block).totals.gross) == gross


def test_amounts_have_the_decimals_of_their_currency():
    assert faults({"paid_amount": "1.005"}) == ["paid_amount has more decimals than EUR has (2)."]
    assert faults({"rounding_amount": "0.005"}) == ["rounding_amount has more decimals than EUR has (2)."]
    assert faults({"total_amount": "10.001", "total_tax": "2.001", "transactions": []}) == [
        "total_amount has more decimals than EUR has (2).",
        "total_tax has more decimals than EUR has (2).",
    ]
    assert read({"paid_amount": "1.50", "rounding_amount": "-0.02"}).totals.due == Decimal("10.48")
    assert read({"currency": "TND", "paid_amount": "1.005"}).totals.due == Decimal("10.995")


@pytest.mark.parametrize(
    ("given", "kinds", "block", "found"),
    [
        (None, [None], {}, Operation.SERVICES),
        (None, [None], {"operation": "goods"}, Operation.GOODS),
        (None, [None], {"operation": "mixed"}, Operation.MIXED),
        ("goods", ["services"], {}, Operation.GOODS),
        (None, ["goods"], {}, Operation.GOODS),
        (None, ["goods", "goods"], {}, Operation.GOODS),
        (None, ["goods", "services"], {}, Operation.MIXED),
        (None, ["goods", None], {}, Operation.MIXED),
        (None, ["services", None], {"operation": "goods"}, Operation.MIXED),
    ],
)
def test_what_it_sells(given, kinds, block, found):
    lines = [LINE | ({"operation": kind} if kind else {}) for kind in kinds]
    assert read({"transactions": lines, "operation": given}, **block).operation is found


@pytest.mark.parametrize(
    ("raw", "country", "sentences"),
    [
        ({"due_date": "2026-02-28"}, "FR", ["due_date is before date (BT-9, BR-FR-CO-07)."]),
        ({"due_date": "2026-02-28"}, "RE", ["due_date is before date (BT-9, BR-FR-CO-07)."]),
        ({"due_date": "2026-02-28"}, "DE", []),
        ({"due_date": "2026-02-28", "paid_amount": 12}, "FR", []),
        ({"due_date": "2026-02-28", "type": "prepayment"}, "FR", []),
        ({"due_date": "2026-03-01"}, "FR", []),
        ({"start_date": "2026-02-02", "end_date": "2026-02-01"}, "FR", ["end_date is before start_date."]),
        ({"start_date": "2026-02-01", "end_date": "2026-02-01"}, "FR", []),
        ({"start_date": "2026-02-01"}, "FR", []),
        ({"end_date": "2026-02-01"}, "FR", []),
        ({"transactions": [LINE | {"quantity": -1}], "type": "corrective"}, "FR", []),
        ({"transactions": [LINE | {"quantity": -1}]}, "FR", ["total_amount is negative: send a credit note instead, with `type: credit_note` and positive amounts."]),
        ({"transactions": [LINE | {"quantity": 0}]}, "FR", []),
    ],
)  # fmt: skip
def test_days_and_signs(raw, country, sentences):
    block = {"seller": {"country": country}}
    if sentences:
        assert faults(raw, **block) == sentences
    else:
        assert read(raw, **block)


def test_discounts_and_charges_of_the_whole_invoice():
    raw = {
        "allowances": [
            {"reason": "Loyal", "amount": 1, "tax_rate": 20},
            {"reason": "None", "amount": 0, "tax_rate": 20},
        ],
        "charges": [{"title": "Post", "amount": "2.50", "tax_rate": 20}],
    }
    found = read(raw)
    assert found.allowances == (
        DocumentAllowance("Loyal", Decimal("1.00"), Decimal(20), VatCategory.STANDARD, charge=False),
        DocumentAllowance("Post", Decimal("2.50"), Decimal(20), VatCategory.STANDARD, charge=True),
    )
    assert (found.totals.allowances, found.totals.charges, found.totals.net) == (
        1,
        Decimal("2.50"),
        Decimal("11.50"),
    )
    back = {"type": "corrective", "discounts": [{"reason": "Loyal", "amount": -1, "tax_rate": 20}]}
    assert read(back).totals.net == 11
    assert faults(back | {"type": "invoice"}) == [
        "discounts[0].amount must be positive: a discount is taken off, a charge is added."
    ]


EXEMPT = {"seller": {"exemption_reason": "art. 293 B", "exemption_code": "VATEX-FR-FRANCHISE"}}
FREE = {"description": "L", "unit_price": "10.00"}


@pytest.mark.parametrize(
    ("raw", "block", "category", "exemption"),
    [
        ({}, {}, "S", Exemption()),
        ({}, EXEMPT, "E", Exemption("art. 293 B", "VATEX-FR-FRANCHISE")),
        ({}, {"seller": {"exemption_reason": "law"}}, "E", Exemption("law")),
        ({}, {"seller": {"exemption_code": "VATEX-EU-132"}}, "E", Exemption("", "VATEX-EU-132")),
        ({"exemption_reason": "art. 261"}, EXEMPT, "E", Exemption("art. 261")),
        ({"exemption_reason": "art. 261"}, {}, "S", Exemption()),
        ({"reverse_charge": True}, EXEMPT, "AE", Exemption()),
        ({"reverse_charge": False}, EXEMPT, "E", Exemption("art. 293 B", "VATEX-FR-FRANCHISE")),
    ],
)
def test_why_lines_bear_no_vat(raw, block, category, exemption):
    (line,) = read({"transactions": [FREE], "total_amount": "10.00"} | raw, **block).lines
    assert (line.category, line.exemption) == (category, exemption)


@pytest.mark.parametrize("sums", [{"total_tax": "2.0049"}, {"total_tax": 1.995, "total_amount": "10.0049"}])
def test_sums_that_omnicrm_did_not_round_are_compared_as_its_templates_print_them(sums):
    """OmniCRM's manual prints `"%.2f"|format(total_amount + total_tax)`: its sums are not rounded."""
    totals = read(sums).totals
    assert (totals.net, totals.tax, totals.gross) == (Decimal("10.00"), Decimal("2.00"), Decimal("12.00"))
    assert "total_tax is 2.01 but" in faults({"total_tax": "2.005"})[0]


@pytest.mark.parametrize("void", [True, 1, "1", Decimal(1)])
@pytest.mark.parametrize("kept", [False, 0, "0", "", None])
def test_a_voided_transaction_is_no_line_however_it_is_said(void, kept):
    found = read({"transactions": [LINE | {"void": void}, LINE | {"void": kept}]})
    assert (len(found.lines), found.totals.net) == (1, 10)
    assert faults({"transactions": [LINE, LINE | {"void": "perhaps"}]}) == [
        "transactions[1].void must be true or false."
    ]


@pytest.mark.parametrize("said", [{"paid": True}, {"paid": 1}, {"paid": "1"}, {"status": "Paid"}, {"paid": True, "paid_amount": 0}])  # fmt: skip
def test_an_invoice_whose_record_says_paid_asks_for_no_money(said):
    totals = read({"transactions": [LINE], "rounding_amount": "0.02"} | said).totals
    assert (totals.gross, totals.paid, totals.due) == (Decimal("12.00"), Decimal("12.02"), 0)


@pytest.mark.parametrize("said", [{"paid": False}, {"paid": 0}, {"paid": None}, {"paid": "0"}, {"paid": "2026-01-01"}, {"paid": 1.0}, {"status": "unpaid"}, {"void": 0, "status": "disputed"}])  # fmt: skip
def test_any_other_word_leaves_it_to_be_paid(said):
    assert read({"transactions": [LINE]} | said).totals.due == Decimal("12.00")


def test_what_was_paid_beyond_it_stays_the_customers():
    assert read({"transactions": [LINE], "paid_amount": 20, "paid": True}).totals.due == Decimal("-8.00")


@pytest.mark.parametrize(("said", "name"), [({"void": True}, "void"), ({"void": 1}, "void"), ({"status": "VOIDED"}, "status"), ({"status": "cancelled"}, "status")])  # fmt: skip
def test_a_void_invoice_is_mailed_to_nobody(said, name):
    assert faults({"transactions": [LINE]} | said) == [
        f"{name} shows that nobody has to pay it: it is void or written off, or no invoice yet."
    ]
    assert read({"transactions": [LINE], "type": "credit_note", "paid": True} | said).totals.due == 12


def test_voided_lines_are_none_and_the_books_are_french_in_france():
    found = read(
        {
            "transactions": [LINE, LINE | {"void": True}, LINE | {"void": False}],
            "currency": "USD",
            "exchange_rate": "0.5",
        }
    )
    assert (len(found.lines), found.totals.net) == (2, 20)
    assert dataclasses.astuple(found.accounting_tax) == ("EUR", Decimal("2.00"), Decimal("0.5"))
    abroad = read({"currency": "USD", "exchange_rate": "0.5"}, seller={"country": "DE"})
    assert abroad.accounting_tax is None


@pytest.mark.parametrize(
    ("raw", "sentences"),
    [
        (HEAD, []),
        ({"due_dat": 1}, ["due_dat is not a field that mailworker reads; did you mean 'due_date'?"]),
        ({"client": {"nme": 1}}, ["client.nme is not a field that mailworker reads; did you mean 'name'?"]),
        ({"client": {"address": {"cty": 1}}}, ["client.address.cty is not a field that mailworker reads; did you mean 'city'?"]),
        ({"delivery": {"cty": 1}}, ["delivery.cty is not a field that mailworker reads; did you mean 'city'?"]),
        ({"delivery_address": {"nme": 1, "address": {"cty": 1}}}, ["delivery_address.nme is not a field that mailworker reads; did you mean 'name'?", "delivery_address.address.cty is not a field that mailworker reads; did you mean 'city'?"]),
        ({"payee": {"ibn": 1}}, ["payee.ibn is not a field that mailworker reads; did you mean 'iban'?"]),
        ({"direct_debit": {"ibn": 1}}, ["direct_debit.ibn is not a field that mailworker reads; did you mean 'iban'?"]),
        ({"corrects": {"dat": 1}}, ["corrects.dat is not a field that mailworker reads; did you mean 'date'?"]),
        ({"corrects": ["x", {"dat": 1}]}, ["corrects[].dat is not a field that mailworker reads; did you mean 'date'?"]),
        ({"transactions": [{"quantty": 1}, {"quantty": 2}, 3]}, ["transactions[].quantty is not a field that mailworker reads; did you mean 'quantity'?"]),
        ({"transaction_list": [{"quantty": 1}]}, ["transaction_list[].quantty is not a field that mailworker reads; did you mean 'quantity'?"]),
        ({"charges": [{"amout": 1}], "allowances": [{"amout": 1}]}, ["charges[].amout is not a field that mailworker reads; did you mean 'amount'?", "allowances[].amout is not a field that mailworker reads; did you mean 'amount'?"]),
        ({"documents": [{"ur": 1}]}, ["documents[].ur is not a field that mailworker reads; did you mean 'url'?"]),
        ({"usage": [{"anything": 1}]}, []),
        ({"transactions": [{"discounts": [{"amout": 1}]}]}, ["transactions[].discounts[].amout is not a field that mailworker reads; did you mean 'amount'?"]),
    ],
)  # fmt: skip
def test_a_key_that_nobody_reads_is_told_with_the_one_that_was_meant(raw, sentences):
    assert unknown_keys(raw) == sentences
