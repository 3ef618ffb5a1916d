"""The sums of an invoice, each rule of the norm at its edge, and the sentence for a stated sum that differs."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailworker.invoices.from_json.fields import InvoiceFields
from mailworker.invoices.from_json.lines import line_of
from mailworker.invoices.from_json.tax import LineDefaults
from mailworker.invoices.model import DocumentAllowance, Exemption, VatCategory, VatRow
from mailworker.invoices.money import round_half_up
from mailworker.invoices.totals import (
    Stated,
    joined,
    single_row,
    sums,
    tax_unstated,
    taxed_by_line,
    vat_rows,
    with_lines,
    without_lines,
)

S, Z = VatCategory.STANDARD, VatCategory.ZERO


def stated(total=None, tax=None, paid=0, rounding=0, *, includes_tax=True):
    as_decimal = [None if value is None else Decimal(str(value)) for value in (total, tax)]
    return Stated(*as_decimal, Decimal(str(paid)), Decimal(str(rounding)), includes_tax, 2, "EUR")


def line(amount, rate=None, tax=None, **more):
    raw = {"description": "L", "amount": str(amount), "tax_rate": rate, "tax_amount": tax} | more
    return line_of(InvoiceFields(raw, []), LineDefaults(2))


def allowance(amount, rate=None, *, charge=False):
    return DocumentAllowance("A", Decimal(str(amount)), None if rate is None else Decimal(rate), S, charge)


def row(rate, basis, tax, category=S):
    return VatRow(category, None if rate is None else Decimal(rate), Decimal(basis), Decimal(tax))


@pytest.mark.parametrize(
    ("lines", "allowances", "rows"),
    [
        ([line(100, 20), line(50, 20)], [], [row("20", "150.00", "30.00")]),
        ([line(100, 5.5), line(50, 20), line(10, 0)], [],
         [row("20", "50.00", "10.00"), row("5.5", "100.00", "5.50"), row("0", "10.00", "0.00", Z)]),
        ([line(100, 20)], [allowance(10, 20)], [row("20", "90.00", "18.00")]),
        ([line(100, 20)], [allowance(10, 20, charge=True)], [row("20", "110.00", "22.00")]),
        ([line("0.03", 20)], [], [row("20", "0.03", "0.01")]),
        ([line("-0.03", 20)], [], [row("20", "-0.03", "-0.01")]),
        ([line("0.12", 20), line("0.12", 20)], [], [row("20", "0.24", "0.05")]),
        ([line(5)], [], [row(None, "5.00", "0.00")]),
    ],
)  # fmt: skip
def test_one_row_for_each_rate_rounded_once(lines, allowances, rows):
    assert list(vat_rows(lines, allowances, 2)) == rows


@pytest.mark.parametrize(
    ("given", "one"),
    [
        ([], Exemption()),
        ([Exemption("a", "X")], Exemption("a", "X")),
        ([Exemption("a", "X"), Exemption("b", "X")], Exemption("a; b", "X")),
        ([Exemption("a", "X"), Exemption("b", "Y")], Exemption("a; b", "")),
        ([Exemption("a", "X"), Exemption("a", "Y")], Exemption("a", "")),
        ([Exemption("", "X"), Exemption("b", "X")], Exemption("b", "X")),
    ],
)
def test_one_reason_for_a_row(given, one):
    assert joined(given) == one


def test_the_reasons_of_a_rows_lines_are_told_once_each():
    same, other = ({"tax_category": "E", "exemption_reason": word} for word in ("a", "b"))
    lines = [
        line(1, None, **same),
        line(2, None, **same),
        line(3, None, **other),
        line(4, None, tax_category="E"),
    ]
    (found,) = vat_rows(lines, [allowance(0)], 2)[:1]
    assert found.exemption == Exemption("a; b", "")


@pytest.mark.parametrize(
    ("lines", "allowances", "rows"),
    [
        ([line("0.12", 20, "0.02"), line("0.12", 20, "0.02")], [], [row("20", "0.24", "0.04")]),
        ([line(100, 20, "20.01")], [], [row("20", "100.00", "20.01")]),
        ([line(100, 20, "19.99")], [], [row("20", "100.00", "19.99")]),
        ([line(100, 20, "20.02")], [], None),
        ([line(100, 20, "19.98")], [], None),
        ([line(100, 20, 35)], [], None),
        ([line(100, 20, 20), line(100, 20)], [], None),
        ([line(100, 20, 20)], [allowance(1, 20)], None),
        ([line(100, 20, 20), line(100, 10, 10), line(50, 20, 10)], [],
         [row("20", "150.00", "30"), row("10", "100.00", "10")]),
        ([line(100, None, 0)], [], [row(None, "100.00", "0")]),
    ],
)  # fmt: skip
def test_tax_rounded_line_by_line_passes_where_each_line_is_right(lines, allowances, rows):
    found = taxed_by_line(lines, allowances, 2)
    assert (None if found is None else list(found)) == rows


@pytest.mark.parametrize(
    ("net", "tax", "rate"),
    [
        ("100", "20", "20.0"), ("100", "5.5", "5.5"), ("100", "0", None), ("0", "5", None), ("99.99", "20.00", "20.0"),
        ("100", "35.55", None), ("-100", "-20", "20.0"), ("100", "0.04", None), ("100", "0.05", None), ("100", "0.10", "0.1"),
    ],
)  # fmt: skip
def test_a_rate_is_derived_only_where_a_tenth_of_a_per_cent_fits(net, tax, rate):
    found = single_row(Decimal(net), Decimal(tax), 2)
    assert (found.category, found.basis, found.tax) == (S, Decimal(net), Decimal(tax))
    assert (found.rate if found.rate is None else str(found.rate)) == rate


@pytest.mark.parametrize(
    ("rates", "unsaid"), [([], True), ([None, None], True), ([None, 20], False), ([20], False)]
)
def test_whether_only_the_stated_tax_can_tell_the_rate(rates, unsaid):
    assert tax_unstated([line(1, rate) for rate in rates], []) is unsaid
    assert tax_unstated([], [allowance(1, rate) for rate in rates]) is unsaid


@given(*[st.integers(0, 10**6)] * 5, st.integers(-50, 50))
def test_the_totals_of_the_norm(net, less, more, tax, paid, rounding):
    cents = [Decimal(value).scaleb(-2) for value in (net, less, more, tax, paid, rounding)]
    net, less, more, tax, paid, rounding = cents
    allowances = [allowance(less), allowance(more, charge=True), allowance(0)]
    found = sums(net, allowances, tax, stated(paid=paid, rounding=rounding))
    assert (found.lines, found.allowances, found.charges, found.tax) == (net, less, more, tax)
    assert found.net == net - less + more
    assert found.gross == found.net + tax
    assert found.due == found.gross - paid + rounding


@pytest.mark.parametrize(
    ("given", "net", "tax", "gross", "rows", "fault"),
    [
        (stated(120, 20), 100, 20, 120, [row("20.0", "100", "20")], None),
        (stated(100, 20, includes_tax=False), 100, 20, 120, [row("20.0", "100", "20")], None),
        (stated(120, 0), 120, 0, 120, [row(None, "120", "0")], None),
        (stated(120), 120, 0, 120, [], None),
        (stated(0, 0), 0, 0, 0, [row(None, "0", "0")], None),
        (stated(10, 10), 0, 10, 10, [row(None, "0", "10")], None),
        (stated(10, 11), -1, 11, 10, None, "total_tax is more than total_amount."),
        (stated(-10, -2), -8, -2, -10, [row("25.0", "-8", "-2")], None),
        (stated(-10, 2), -12, 2, -10, None, None),
        (stated(None, 5), 0, 0, 0, [], "total_amount is missing, and there are no transactions to sum up."),
    ],
)  # fmt: skip
def test_an_invoice_that_is_only_its_total(given, net, tax, gross, rows, fault):
    faults = []
    totals, found = without_lines(given, faults)
    assert (totals.net, totals.tax, totals.gross) == (net, tax, gross)
    assert rows is None or list(found) == rows
    assert faults == ([fault] if fault else [])


@pytest.mark.parametrize(
    ("lines", "given", "strict", "gross", "fault"),
    [
        ([line(100, 20)], stated(), True, "120.00", None),
        ([line(100, 20)], stated(120, 20), True, "120.00", None),
        ([line(100, 20)], stated(100), True, "120.00", None),  # a total before tax
        ([line(100, 20)], stated("120.03", rounding="0.03"), True, "120.00", None),  # rounded for cash
        ([line(100, 20)], stated(119), True, "120.00",
         "total_amount is 119 but the lines with their tax (100.00 before tax) make 120.00: the difference is -1.00 EUR."),
        ([line(100, 20)], stated(120, 19), True, "120.00",
         "total_tax is 19 but the lines, taxed by rate and rounded half up, make 20.00: the difference is -1.00 EUR."),
        ([line("0.12", 20, "0.02"), line("0.12", 20, "0.02")], stated("0.28", "0.04"), False, "0.28", None),
        ([line("0.12", 20, "0.02"), line("0.12", 20, "0.02")], stated("0.28", "0.04"), True, "0.29",
         "total_tax is 0.04 but the lines, taxed by rate and rounded half up, make 0.05: the difference is -0.01 EUR."),
        ([line(100)], stated(120, 20), True, "120.00", None),
        ([line(100)], stated(100, 0), True, "100.00", None),
        ([line(100)], stated(), True, "100.00", None),
        ([line("8.3333", 20)] * 3, stated(25, 5), True, "30.00", None),  # a sum of parts of a cent
        ([line("8.3333", 20)] * 3, stated("24.99", 5), True, "29.99", None),  # a sum of whole cents
        ([line("8.3333", 20)] * 3, stated("25.01", 5), True, "29.99",
         "total_amount is 25.01 but the lines with their tax (24.99 before tax) make 29.99: the difference is -4.98 EUR."),
        ([line("8.3333")] * 3, stated(25, 5), True, "30.00", None),
        ([line("2.004", 100, "2.004"), line("0.504", 50, "0.252"), line("0.004", 50, "0.002")], stated("2.51", "2.26"), False, "4.77", None),
    ],
)  # fmt: skip
def test_a_stated_sum_that_differs_is_named_with_the_difference(lines, given, strict, gross, fault):
    faults = []
    _, totals, _ = with_lines(lines, [], given, faults, strict=strict)
    assert str(totals.gross) == gross
    assert faults == ([fault] if fault else [])


@given(
    st.lists(st.decimals("-50", "50", places=6), min_size=1, max_size=30),
    st.sampled_from(["unit_price", "amount"]),
)
def test_lines_of_parts_of_a_cent_add_up_to_their_sum(costs, named):
    """A CRM adds its transactions and then rounds; an invoice's lines are whole cents that make that sum."""
    lines = [
        line_of(InvoiceFields({"title": "L", "tax_rate": 20, named: cost}, []), LineDefaults(2))
        for cost in costs
    ]
    whole, faults = round_half_up(sum(costs), 2), []
    found, totals, _ = with_lines(lines, [], stated(whole), faults, strict=True)
    assert (totals.net, sum(one.amount for one in found), faults) == (whole, whole, [])
    for one, cost in zip(found, costs, strict=True):
        assert abs(one.amount - cost) < Decimal("0.01")
        assert one.amount == round_half_up(one.amount, 2)
        assert one.quantity * one.unit_price / one.price_base == cost
