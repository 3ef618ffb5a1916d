"""Where a value stands in a record: a path, or a sum of paths."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailworker.crm.field_expression import value_at

RECORD = {"total_amount": "10.10", "total_tax": 2, "paid": 1.5, "client": {"e-mail": "x", "due": "3"}, "empty": "", "none": None, "yes": True, "word": "n/a", "endless": float("inf")}  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("total_amount", "10.10"),
        ("client.e-mail", "x"),
        ("client.nothing.here", None),
        ("total_amount + total_tax", Decimal("12.10")),
        (" total_amount  +  total_tax - client.due ", Decimal("9.10")),
        ("total_amount - paid", Decimal("8.60")),
        ("total_amount + nothing", None),
        ("total_amount + none", None),
        ("total_amount + empty", None),
        ("total_amount + word", "n/a"),
        ("total_amount + yes", "True"),
        ("endless - endless", "inf"),
    ],
)
def test_values(expression, value):
    assert value_at(RECORD, expression) == value


@given(st.lists(st.decimals(-1000, 1000, places=2), min_size=2, max_size=6))
def test_a_sum_is_exact(parts):
    record = {f"f{n}": str(part) for n, part in enumerate(parts)}
    assert value_at(record, " + ".join(record)) == sum(parts)
