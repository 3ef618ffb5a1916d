"""How the template language sees values, and what it says of expressions that it cannot compute."""

import pytest

from mailworker.templates.language.functions import FUNCTIONS, Escaped
from mailworker.templates.language.render import TemplateError, render
from mailworker.templates.language.value_conversion import (
    COMBINE,
    as_number,
    as_text,
    calculate,
    compare,
    elements,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"), (False, "false"), (None, ""), (1.5, "1.5"), (2.0, "2"), (0.1 + 0.2, "0.3"), (7, "7"),
        (["é", 1], '["é", 1]'), ({"a": "é"}, '{"a": "é"}'), ("x", "x"), (100.0, "100"),
    ],
)  # fmt: skip
def test_as_text(value, text):
    assert as_text(value) == text


@pytest.mark.parametrize(
    ("value", "number"),
    [(True, None), (7, 7), (1.5, 1.5), ("2.5", 2.5), ("x", None), (None, None), ([], None)],
)
def test_as_number(value, number):
    assert as_number(value) == number


@pytest.mark.parametrize(
    ("value", "found"), [({"a": 1, "b": 2}, [1, 2]), ([1], [1]), ((1, 2), [1, 2]), ("ab", None), (None, None)]
)
def test_what_a_loop_runs_over(value, found):
    assert elements(value) == found


@pytest.mark.parametrize(
    ("symbol", "left", "right", "truth"),
    [
        ("==", "2", 2, True), ("==", "2.0", "2", True), ("==", "a", "b", False), ("!=", "a", "b", True), ("!=", 1, 1, False),
        ("<", "10", "9", False), ("<", "10", "9x", True), ("<", "9x", 10, False), (">", "x", 2, True), ("<", 1, 1, False), ("<=", 1, 1, True), (">", 2, 1, True),
        (">", 1, 1, False), (">=", 1, 1, True), (">=", 0, 1, False), ("<=", 2, 1, False),
    ],
)  # fmt: skip
def test_numbers_compare_as_numbers_and_the_rest_as_text(symbol, left, right, truth):
    assert compare(symbol, left, right) is truth


def test_truths_combine():
    cases = [(left, right) for left in (True, False) for right in (True, False)]
    assert [COMBINE["and"](*one) for one in cases] == [True, False, False, False]
    assert [COMBINE["or"](*one) for one in cases] == [True, True, True, False]
    assert [COMBINE["xor"](*one) for one in cases] == [False, True, True, False]


@pytest.mark.parametrize(
    ("symbol", "left", "right", "value"),
    [
        ("+", 1, "2", 3), ("+", "a", 2, "a2"), ("+", "a", None, "a"), ("-", 5, 3, 2), ("-", "a", 3, None), ("*", 2, 3, 6),
        ("/", 3, 2, 1.5), ("/", 3, 0, None), ("div", 7, 2, 3), ("div", -7, 2, -4), ("div", 7, 0, None), ("mod", 7, 4, 3), ("mod", 7, 0, None),
        ("*", 2, 0, 0), ("+", True, 1, "true1"),
    ],
)  # fmt: skip
def test_arithmetic(symbol, left, right, value):
    assert calculate(symbol, left, right) == value


@pytest.mark.parametrize(
    ("name", "arguments", "value"),
    [
        ("Upper", ["é"], "É"), ("Lower", ["É"], "é"), ("Capitalize", ["abc"], "Abc"), ("Round", [1.256, 2], 1.26),
        ("Round", ["2.5", "0"], 2.0), ("Int", ["7.9"], 7), ("UrlEncode", ["a/b c"], "a%2Fb%20c"), ("Escape", ["<a>"], "&lt;a&gt;"),
        ("HasOpenedSince", [3], False), ("HasClickedSince", [3], False),
    ],
)  # fmt: skip
def test_functions(name, arguments, value):
    count, function = FUNCTIONS[name]
    assert (count, function(*arguments)) == (len(arguments), value)


@pytest.mark.parametrize(
    "call",
    [
        *('Round("x", 1)', 'Round(1, "x")', "Round(1)", "Round(1, 2, 3)", 'Int("x")', "Int(1, 2)", "Int()"),
        *('Int("inf")', "Upper()", 'Escape("a", "b")'),
    ],
)
def test_what_a_function_does_not_take(call):
    name = call.partition("(")[0]
    with pytest.raises(TemplateError, match=f"Wrong arguments for {name} ## near"):
        render(f"{{{{{call}}}}}", {})


def test_what_is_escaped_is_html_already():
    assert isinstance(FUNCTIONS["Escape"][1]("<"), Escaped)
    with pytest.raises(TemplateError, match="Unknown identifier: Evil"):
        render("{{Evil(1)}}", {})
