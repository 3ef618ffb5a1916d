"""One line of an invoice from a caller's JSON: its sum, its VAT, its words, each at its edges."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailworker.invoices.from_json.call_detail import usage_of
from mailworker.invoices.from_json.fields import InvoiceFields
from mailworker.invoices.from_json.lines import allowance_of, line_of
from mailworker.invoices.from_json.tax import LineDefaults, operation_of
from mailworker.invoices.model import NO_EXEMPTION, Exemption, Operation
from mailworker.invoices.money import round_half_up
from mailworker.invoices.page.call_detail import duration_text

PLAIN = LineDefaults(2)
SMALL_BUSINESS = Exemption("art. 293 B of the CGI", "VATEX-FR-FRANCHISE")
EXEMPT = LineDefaults(2, exempt=True, exemption=SMALL_BUSINESS)
REVERSED = LineDefaults(2, reverse_charge=True)


def read(raw, defaults=PLAIN):
    """The line and its faults; only what a case is about need be given."""
    faults = []
    return line_of(InvoiceFields({"description": "Line"} | raw, faults), defaults), faults


def sums(raw, digits=2):
    line, faults = read(raw, LineDefaults(digits))
    return f"{line.quantity} x {line.unit_price} = {line.amount}", [
        fault.partition(" ")[0] for fault in faults
    ]


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ({"amount": 10}, "1 x 10.000000 = 10.00"),
        ({"retail_cost": "12.5"}, "1 x 12.500000 = 12.50"),
        ({"amount": 10, "quantity": 4}, "4 x 2.500000 = 10.00"),
        ({"amount": 10, "quantity": 3}, "3 x 3.333333 = 10.00"),
        ({"quantity": 3, "unit_price": "2.5"}, "3 x 2.5 = 7.50"),
        ({"unit_price": 8}, "1 x 8 = 8.00"),
        ({"quantity": 0, "unit_price": 8}, "0 x 8 = 0.00"),
        ({"quantity": -2, "unit_price": 5}, "-2 x 5 = -10.00"),
        ({"quantity": 2, "unit_price": 5, "discount": 3}, "2 x 5 = 7.00"),
        ({"quantity": 2, "unit_price": 5, "charge": 3}, "2 x 5 = 13.00"),
        ({"quantity": 2, "unit_price": 5, "discount": 3, "charge": 1}, "2 x 5 = 8.00"),
        ({"amount": 7, "quantity": 2, "discount": 3}, "2 x 5.000000 = 7.00"),
        ({"amount": 7, "quantity": 2, "charge": 3}, "2 x 2.000000 = 7.00"),
        ({"quantity": 500, "unit_price": 4, "price_base_quantity": 100}, "500 x 4 = 20.00"),
        ({"amount": 20, "quantity": 500, "price_base_quantity": 100}, "500 x 4.000000 = 20.00"),
        ({"quantity": 1, "unit_price": "0.005"}, "1 x 0.005 = 0.01"),
        ({"quantity": 1, "unit_price": "-0.005"}, "1 x -0.005 = -0.01"),
        # given amounts that fit: equal, or off by what the rounding of the price explains
        ({"quantity": 3, "unit_price": "3.33", "amount": "10.00"}, "3 x 3.33 = 10.00"),
        ({"quantity": -3, "unit_price": "3.33", "amount": "-10.00"}, "-3 x 3.33 = -10.00"),
        ({"quantity": 3, "unit_price": "3.33", "amount": "9.99"}, "3 x 3.33 = 9.99"),
        ({"quantity": 3, "unit_price": "3.33", "amount": "9.98"}, "3 x 3.33 = 9.98"),
        ({"quantity": 3, "unit_price": "3.33", "amount": "9.994"}, "3 x 3.33 = 9.99"),
    ],
)
def test_the_sum_of_a_line(raw, found):
    assert sums(raw) == (found, [])


@pytest.mark.parametrize(
    ("raw", "amount"),
    [
        ({"quantity": 3, "unit_price": "3.33", "amount": "10.02"}, "10.02"),
        ({"quantity": 3, "unit_price": "3.33", "amount": "10.01"}, "10.01"),
        ({"quantity": 1, "unit_price": "3.33", "amount": "3.34"}, "3.34"),
        ({"quantity": 1000, "unit_price": "3.33", "amount": "3330.02"}, "3330.02"),
        ({"quantity": 2, "unit_price": 5, "amount": 7}, "7.00"),
    ],
)
def test_an_amount_that_its_price_does_not_make_counts_and_the_price_follows(raw, amount):
    line, faults = read(raw)
    assert (str(line.amount), faults) == (amount, [])
    assert line.computed is not None
    assert line.computed == round_half_up(Decimal(str(raw["quantity"])) * Decimal(str(raw["unit_price"])), 2)
    assert round_half_up(line.quantity * line.unit_price / line.price_base, 2) == line.amount


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ({"quantity": 6, "unit_price": "18.33", "amount": "-109.98"}, "6 x -18.330000 / 1 = -109.98"),
        ({"quantity": 2, "unit_price": 5, "amount": 12, "discount": 1}, "2 x 6.500000 / 1 = 12.00"),
        ({"quantity": 3, "unit_price": 49, "price_base_quantity": 49, "amount": 147}, "3 x 49.000000 / 1 = 147.00"),
        ({"quantity": 3000000, "unit_price": 1, "amount": "77.77"}, "3000000 x 77.77 / 3000000 = 77.77"),
        ({"quantity": -3000000, "unit_price": 1, "amount": "77.77"}, "-3000000 x -77.77 / 3000000 = 77.77"),
        ({"quantity": 30000000, "amount": 100}, "30000000 x 100.00 / 30000000 = 100.00"),
    ],
)  # fmt: skip
def test_the_price_that_makes_an_amount(raw, found):
    line, faults = read(raw)
    assert f"{line.quantity} x {line.unit_price} / {line.price_base} = {line.amount}" == found
    assert faults == []


@given(
    amount=st.decimals(-(10**9), 10**9, places=2),
    quantity=st.decimals(-(10**6), 10**6, places=4).filter(bool),
    price=st.none() | st.decimals(0, 1000, places=4),
    discount=st.decimals(0, 100, places=2),
)
def test_a_line_always_multiplies(amount, quantity, price, discount):
    raw = {"amount": str(amount), "quantity": str(quantity), "discount": str(discount)}
    line, faults = read(raw if price is None else raw | {"unit_price": str(price)})
    made = round_half_up(line.quantity * line.unit_price / line.price_base - discount, 2)
    assert faults == []
    assert abs(made - amount) <= Decimal("0.02")


@pytest.mark.parametrize(
    ("raw", "amount", "taken"),
    [
        ({"discount": 1, "discount_reason": "a", "charge": 2}, "21.00", ["1 a", "2  +"]),
        ({"discounts": [{"amount": 1, "reason": "a"}, {"amount": "2.5", "title": "b"}]}, "16.50", ["1 a", "2.5 b"]),
        ({"discounts": [{"percent": 10, "description": "a"}]}, "18.00", ["2.00 a 10 % of 20.00"]),
        ({"allowances": [{"percent": "2.5", "base_amount": 8}]}, "19.80", ["0.20  2.5 % of 8.00"]),
        ({"charges": [{"amount": 1, "reason_code": "fc"}], "discount": 0}, "21.00", ["1  FC +"]),
        ({"discounts": [{"amount": 0}], "charges": []}, "20.00", []),
        ({"discounts": [{"amount": 1}], "allowances": [{"amount": 2}]}, "17.00", ["1 ", "2 "]),
    ],
)  # fmt: skip
def test_several_discounts_and_charges(raw, amount, taken):
    line, faults = read({"quantity": 2, "unit_price": 10} | raw)
    sentences = [
        " ".join(filter(None, (f"{one.amount} {one.reason}", one.code, f"{one.percent} % of {one.base}" if one.percent else "", "+" if one.charge else "")))
        for one in line.allowances
    ]  # fmt: skip
    assert (str(line.amount), sentences, faults) == (amount, taken, [])


@pytest.mark.parametrize(
    ("raw", "prices"),
    [
        ({"gross_price": 10, "unit_price": 8}, "10 - 2 = 8"),
        ({"gross_price": 10, "price_discount": 2}, "10 - 2 = 8"),
        ({"gross_price": 10}, "10 - 0 = 10"),
        ({"gross_price": "1498", "price_discount": 225, "unit_price": 1273}, "1498 - 225 = 1273"),
    ],
)
def test_a_price_before_its_discount(raw, prices):
    line, faults = read(raw)
    assert line.gross_price is not None
    assert f"{line.gross_price.amount} - {line.gross_price.discount} = {line.unit_price}" == prices
    assert faults == []


def test_a_thousand_rounded_prices_explain_less_than_two_cents():
    assert sums({"quantity": 1000, "unit_price": "3.33", "amount": "3330.01"}) == (
        "1000 x 3.33 = 3330.01",
        [],
    )


@pytest.mark.parametrize(
    ("raw", "faulty"),
    [
        ({}, ["amount"]),
        ({"quantity": 2}, ["amount"]),
        ({"quantity": 0, "amount": 5}, ["quantity"]),
        ({"quantity": 0, "unit_price": 1, "amount": 5}, ["quantity"]),
        ({"unit_price": 1, "discount": -1}, ["discount"]),
        ({"unit_price": 1, "charge": "-0.01"}, ["charge"]),
        ({"unit_price": 1, "discounts": [{"amount": -1}]}, ["discounts[0].amount"]),
        ({"unit_price": 1, "discounts": [{"percent": 5, "amount": 3}]}, ["discounts[0].amount"]),
        ({"unit_price": 1, "discounts": [{"reason": "x"}]}, ["discounts[0].amount"]),
        ({"amount": 1, "discounts": [{"percent": 5}]}, ["discounts[0].amount"]),
        ({"unit_price": 1, "discounts": [{"amount": 1, "reason_code": "FC"}]}, ["discounts[0].reason_code"]),
        ({"unit_price": 1, "charges": [{"amount": 1, "reason_code": "95"}]}, ["charges[0].reason_code"]),
        ({"unit_price": 1, "price_discount": 1}, ["gross_price"]),
        ({"unit_price": 2, "gross_price": 1}, ["gross_price"]),
        ({"unit_price": 2, "gross_price": 5, "price_discount": 1}, ["gross_price"]),
        ({"gross_price": 5, "price_discount": 6}, ["gross_price"]),
        ({"unit_price": 1, "price_base_quantity": -1}, ["price_base_quantity"]),
    ],
)
def test_a_line_without_a_sum_or_with_a_negative_reduction(raw, faulty):
    assert sums(raw)[1] == faulty


@given(
    st.integers(-500, 500).filter(bool),
    st.decimals("0.01", "999", places=2),
    st.decimals("0", "9", places=2),
    st.decimals("0", "9", places=2),
    st.sampled_from([0, 2, 3]),
)
def test_an_amount_alone_gives_a_price_that_gives_the_amount(quantity, price, discount, charge, digits):
    raw = {"quantity": quantity, "unit_price": price, "discount": discount, "charge": charge}
    line, faults = read(raw, LineDefaults(digits))
    assert faults == []
    assert line.amount.as_tuple().exponent == -digits
    assert abs(line.amount - (quantity * price - discount + charge)) <= Decimal(5).scaleb(-digits - 1)
    without = {name: value for name, value in raw.items() if name != "unit_price"}
    again, faults = read(without | {"amount": line.amount}, LineDefaults(digits))
    assert (again.amount, faults) == (line.amount, [])


@pytest.mark.parametrize(
    ("raw", "defaults", "rate", "category", "faulty"),
    [
        ({}, PLAIN, None, "S", []),
        ({"tax_rate": 20}, PLAIN, "20", "S", []),
        ({"vat_rate": "5.5"}, PLAIN, "5.5", "S", []),
        ({"tax_percentage": 100}, PLAIN, "100", "S", []),
        ({"tax_rate": "100.01"}, PLAIN, "100.01", "S", ["tax_rate"]),
        ({"tax_rate": -1}, PLAIN, "-1", "S", ["tax_rate"]),
        ({"tax_rate": 0}, PLAIN, "0", "Z", []),
        ({"tax_category": "s", "tax_rate": 20}, PLAIN, "20", "S", []),
        ({"tax_category": "S", "tax_rate": 0}, PLAIN, "0", "S", ["tax_rate"]),
        ({"tax_category": "S"}, PLAIN, None, "S", ["tax_rate"]),
        ({"tax_category": "Z", "tax_rate": 0}, PLAIN, "0", "Z", []),
        ({"tax_category": "ae", "tax_rate": 20}, PLAIN, "0", "AE", ["tax_rate"]),
        ({"tax_category": "K"}, PLAIN, "0", "K", []),
        ({"tax_category": "X"}, PLAIN, None, "S", ["tax_category"]),
        ({"tax_rate": 20}, REVERSED, "0", "AE", []),
        ({}, REVERSED, "0", "AE", []),
        ({"tax_category": "S", "tax_rate": 20}, REVERSED, "20", "S", []),
        ({}, EXEMPT, "0", "E", []),
        ({"tax_rate": 0}, EXEMPT, "0", "E", []),
        ({"tax_rate": 20}, EXEMPT, "20", "S", []),
        ({"tax_category": "Z"}, EXEMPT, "0", "Z", []),
    ],
)
def test_the_vat_of_a_line(raw, defaults, rate, category, faulty):
    line, faults = read({"amount": 1} | raw, defaults)
    assert (line.rate if line.rate is None else str(line.rate), line.category) == (rate, category)
    assert [fault.partition(" ")[0] for fault in faults] == faulty


OWN = {"exemption_reason": "export of services", "exemption_code": "vatex-eu-g"}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({}, SMALL_BUSINESS),
        (OWN, Exemption("export of services", "VATEX-EU-G")),
        ({"exemption_code": "vatex-eu-g"}, Exemption("", "VATEX-EU-G")),
        ({"tax_rate": 20} | OWN, NO_EXEMPTION),
        ({"tax_category": "Z"} | OWN, NO_EXEMPTION),
        ({"tax_category": "G"} | OWN, Exemption("export of services", "VATEX-EU-G")),
        ({"tax_category": "G"}, NO_EXEMPTION),
        ({"tax_category": "AE"}, NO_EXEMPTION),
    ],
)
def test_why_a_line_bears_no_vat(raw, reason):
    assert read({"amount": 1} | raw, EXEMPT)[0].exemption == reason


@pytest.mark.parametrize(
    ("raw", "description", "note"),
    [
        ({"description": "Fibre"}, "Fibre", ""),
        ({"title": "Fibre"}, "Fibre", ""),
        ({"name": "Fibre", "description": "1 Gbit/s"}, "Fibre", "1 Gbit/s"),
        ({"title": "Fibre", "description": "Fibre"}, "Fibre", ""),
        ({"description": "Fibre", "note": "until May"}, "Fibre", "until May"),
        ({"title": "Fibre", "description": "1 Gbit/s", "note": "until May"}, "Fibre", "1 Gbit/s · until May"),
        ({"title": "t" * 1000, "description": "d" * 1000, "note": "n" * 1000}, "t" * 1000, f"{'d' * 1000} · {'n' * 1000}"),
    ],
)  # fmt: skip
def test_the_words_of_a_line(raw, description, note):
    faults = []
    line = line_of(InvoiceFields(raw | {"amount": 1}, faults), PLAIN)
    below = " · ".join(filter(None, (line.detail, line.note)))
    assert (line.description, below, faults) == (description, note, [])


@pytest.mark.parametrize(("field", "most"), [("unit", 20), ("title", 1000), ("note", 1000), ("item", 64), ("account", 64), ("exemption_code", 40), ("tax_category", 10), ("operation", 20)])  # fmt: skip
def test_no_text_is_longer_than_its_place(field, most):
    more = {"tax_category": "E"} if field == "exemption_code" else {}
    text = {"tax_category": "E" * most, "operation": "goods"}.get(field, "x" * most)
    assert not any("characters" in fault for fault in read({"amount": 1, field: text} | more)[1])
    assert any("characters" in fault for fault in read(more | {"amount": 1, field: "x" * (most + 1)})[1])


def test_a_line_without_words_is_a_fault():
    faults = []
    line_of(InvoiceFields({"amount": 1}, faults), PLAIN)
    assert faults == ["description is missing."]


@pytest.mark.parametrize(
    ("written", "operation"),
    [("Goods", Operation.GOODS), ("biens", Operation.GOODS), ("service", Operation.SERVICES), ("MIXTE", Operation.MIXED), ("", None)],
)  # fmt: skip
def test_what_kind_of_sale_it_is(written, operation):
    faults = []
    assert operation_of(InvoiceFields({"operation": written}, faults)) is operation
    assert faults == []


def test_another_kind_of_sale_is_a_fault():
    faults = []
    assert operation_of(InvoiceFields({"operation": "gift"}, faults)) is None
    assert faults == ["operation must be goods, services or mixed."]


@pytest.mark.parametrize("charge", [True, False])
@pytest.mark.parametrize(
    ("raw", "amount", "faulty"),
    [
        ({"amount": "10.005", "reason": "R"}, "10.01", []),
        ({"amount": 0, "title": "R"}, "0.00", []),
        ({"amount": "-0.01", "description": "R"}, "-0.01", ["amount"]),
        ({"description": "R"}, "0.00", ["amount"]),
        ({"amount": 1}, "1.00", ["description"]),
    ],
)
def test_a_discount_on_the_whole_invoice(charge, raw, amount, faulty):
    faults = []
    found = allowance_of(InvoiceFields(raw | {"tax_rate": 20}, faults), PLAIN, charge=charge)
    assert (str(found.amount), found.charge, str(found.rate)) == (amount, charge, "20")
    assert found.description == ("" if faulty == ["description"] else "R")
    assert [fault.partition(" ")[0] for fault in faults] == faulty


@pytest.mark.parametrize(
    ("charge", "code", "kept"), [(True, "fc", "FC"), (True, "95", ""), (False, "95", "95"), (False, "FC", "")]
)
def test_discounts_and_charges_on_the_whole_invoice_have_codes_of_their_own(charge, code, kept):
    faults = []
    raw = {"amount": 1, "reason": "R", "reason_code": code, "tax_rate": 20}
    found = allowance_of(InvoiceFields(raw, faults), PLAIN, charge=charge)
    assert (found.code, len(faults)) == (kept, int(not kept))


def test_a_share_of_the_whole_invoice_is_of_the_lines_at_its_rate():
    lines = [read({"amount": 50, "tax_rate": 20})[0], read({"amount": 30, "tax_rate": 10})[0]]
    faults = []
    ten_percent = InvoiceFields({"description": "R", "percent": 10, "tax_rate": 20}, faults)
    found = allowance_of(ten_percent, PLAIN, lines, charge=False)
    assert (str(found.amount), str(found.percent), str(found.base), faults) == ("5.00", "10", "50.00", [])


@pytest.mark.parametrize(
    ("raw", "row"),
    [
        ({"date": "d", "time": "t", "service": "s", "type": "y", "destination": "p", "number": "n", "quantity": 3, "amount": "1.5", "line": "l"}, ("d", "s", "p", "3", "1.5", "l")),
        ({"time": "t", "type": "y", "description": "x", "number": "n", "to": "o", "retail_cost": 2, "account": "a"}, ("t", "y", "n", "", "2", "a")),
        ({"description": "x", "to": "o", "duration": 3661, "quantity": 9}, ("", "x", "o", "1:01:01", "0", "")),
        ({"amount": "", "duration": "12 min"}, ("", "", "", "12 min", "0", "")),
        ({"amount": None, "retail_cost": 4}, ("", "", "", "", "0", "")),
        ({"service": "s" * 121}, ("", "s" * 120, "", "", "0", "")),
    ],
)  # fmt: skip
def test_a_row_of_usage(raw, row):
    faults = []
    found = usage_of(InvoiceFields(raw, faults))
    assert (found.when, found.service, found.party, found.volume, str(found.amount), found.account) == row
    assert faults == []


def test_a_row_of_usage_whose_amount_is_no_number():
    faults = []
    assert usage_of(InvoiceFields({"amount": "much"}, faults)).amount == 0
    assert [fault.partition(" ")[0] for fault in faults] == ["amount"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [("0", "0:00"), ("9", "0:09"), ("59", "0:59"), ("60", "1:00"), ("3599", "59:59"), ("3600", "1:00:00"),
     ("36061", "10:01:01"), ("12 min", "12 min"), ("-5", "-5"), ("", ""), ("\u0663", "\u0663"), ("1.5", "1.5")],
)  # fmt: skip
def test_a_duration(seconds, text):
    assert duration_text(seconds) == text


def test_what_a_line_is_called_and_where_it_belongs():
    given = {
        "start_date": "2026-11-01", "date": "2026-10-01", "end_date": "2026-11-30", "discount_reason": "dr",
        "charge_reason": "cr", "discount": 1, "charge": 1, "product_slug": "slug", "product_id": "id", "msisdn": "0600", "section": "sec", "unit": "h",
        "tax_amount": "0.2", "operation": "goods",
    }  # fmt: skip
    line, _ = read({"amount": 1} | given)
    assert (str(line.start), str(line.end)) == ("2026-11-01", "2026-11-30")
    assert [one.reason for one in line.allowances] == ["dr", "cr"]
    assert (line.item, line.account, line.section, line.unit, str(line.tax)) == (
        "slug",
        "0600",
        "sec",
        "h",
        "0.2",
    )
    assert line.operation is Operation.GOODS
    assert replace(read({"amount": 1})[0], operation=None) == read({"amount": 1})[0]
