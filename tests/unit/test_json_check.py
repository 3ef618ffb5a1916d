"""What passes the check can be sealed, kept by both databases, and read again unchanged."""

import json
import math
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailworker.core import json_check
from mailworker.core.json_check import json_faults, storable


def nested(depth, inner="x"):
    for _ in range(depth):
        inner = [inner]
    return inner


def circle():
    endless = []
    endless.append(endless)
    return endless


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.dates()
    | st.text(st.characters())  # half characters included
    | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(), max_size=3) | st.integers(), inner, max_size=4)
    ),
    max_leaves=30,
)


@given(ANYTHING)
def test_what_passes_travels_unchanged_and_the_rest_gets_a_sentence(value):
    if faults := json_faults(value, "invoice"):
        assert all(fault.startswith("invoice") and fault.endswith(".") for fault in faults)
        value = storable(value)
        assert json_faults(value, "invoice") == []
    text = json.dumps(value, allow_nan=False, default=str)
    text.encode()
    assert json_faults(json.loads(text), "invoice") == []


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"a": [{"b": math.nan}]}, "invoice.a[0].b: must be a number of at most 18 digits."),
        ({"a": Decimal("sNaN")}, "invoice.a: must be a number"),
        ({"a": Decimal("Infinity")}, "invoice.a: must be a number"),
        ({"a": 10**5000}, "invoice.a: must be a number"),
        ({"a": "\ud83d"}, "invoice.a: must be text without NUL or half a character."),
        ({"a": "x\0"}, "invoice.a: must be text without NUL"),
        ({"\ud83d": 1}, "invoice: must have names of at most 200 characters."),
        ({"x" * 201: 1}, "invoice: must have names"),
        ({1: 1, "a": 2}, "invoice: must have names"),
        ({"a": b"bytes"}, "invoice.a: must be text, a number, a list or an object."),
        ({"marie@c.example": math.inf}, "invoice.(a name that is none): must be a number"),
        (nested(40), "invoice: is nested more than 32 deep."),
        (circle(), "invoice: is nested more than 32 deep."),
        ([0] * 300_001, "invoice: has more than 300,000 values or 8,000,000 characters; send less at once."),
        (["x" * 4_000_001] * 2, "invoice: has more than"),
    ],
)
def test_sentences(value, sentence):
    assert any(fault.startswith(sentence) for fault in json_faults(value, "invoice"))


@pytest.mark.parametrize(
    ("value", "sentence"), [(nested(40), "is nested more"), ([0] * 300_001, "has more than")]
)
def test_what_stands_nowhere_is_the_job(value, sentence):
    assert json_faults(value, "")[0].startswith(f"job: {sentence}")


def test_few_sentences_for_many_faults():
    assert len(json_faults([math.nan] * 1000, "invoice")) == json_check.MAX_FAULTS


def test_what_python_callers_write():
    good = {
        "a": Decimal("9.95"),
        "b": date(2026, 1, 1),
        "c": datetime(2026, 1, 1, tzinfo=UTC),
        "d": (1, 2),
        "é": "🦊",
    }
    assert json_faults(good, "invoice") == []
