"""What is wrong with a segment, in the words that its writer gets: each sentence once, each bound at its edge."""

import pytest

from mailworker.errors import BadInput
from mailworker.rules.segments import syntax
from mailworker.rules.segments.parser import FUNCTIONS, LONGEST, read_segment
from mailworker.rules.segments.syntax import Both, Compare, Either, Not
from mailworker.rules.segments.type_check import check_segment

TYPES = {"city": "str", "age": "int", "sum": "float", "paid": "bool", "since": "datetime"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "ends where a property should stand."),
        ("   ", "ends where a property should stand."),
        ("city", "ends where a comparison like = should stand."),
        ("city =", "ends where a value should stand."),
        ('city = "a" and', "ends where a property should stand."),
        ('"a" = city', '`"a"` at character 1 is no property\'s name.'),
        ("7 = age", "`7` at character 1 is no property's name."),
        ("age 7", "`7` at character 5 does not compare; write = or >=."),
        ("age , 7", "`,` at character 5 does not compare; write = or >=."),
        ("age = =", '`=` at character 7 is no value; texts stand in "quotes".'),
        ("  ?", 'cannot be read at character 3; texts stand in "quotes".'),
        ("age = 7 ?", 'cannot be read at character 9; texts stand in "quotes".'),
        ("(age = 7", "misses `)` at the end."),
        ("(age = 7 city = 8", "misses `)` before `city` at character 10."),
        ("age in 7", "misses `(` before `7` at character 8."),
        ("age in", "misses `(` at the end."),
        ("age in (7", "misses `)` at the end."),
        ("age in (7 8)", "misses `)` before `8` at character 11."),
        ("age in ()", '`)` at character 9 is no value; texts stand in "quotes".'),
        ("contains(", "ends where a property should stand."),
        ('contains("x")', 'contains wants a property first, not `"x"`.'),
        ("contains(city)", "contains wants a property and 1 values."),
        ("contains(city", "misses `)` at the end."),
        ('contains(city, "x", "y")', "contains wants a property and 1 values."),
        ("provided(city, 1)", "provided wants a property and 0 values."),
        ("between(age, 1)", "between wants a property and 2 values."),
        ("isProvided(city, 1)", "provided wants a property and 0 values."),
        ("between(age, 1, 2, 3)", "between wants a property and 2 values."),
        ("zzzz(age)", f"`zzzz` at character 1 is no function; there are {', '.join(FUNCTIONS)}."),
        ("age = 7)", "`)` at character 8 is too much; join with and, or."),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(text, sentence):
    with pytest.raises(BadInput) as caught:
        read_segment(text)
    assert list(caught.value.faults) == [f"segment: {sentence}"]


ONE, TWO, THREE = (Compare("a", "=", float(n)) for n in (1, 2, 3))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a=1", ONE),
        ("A=1", ONE),
        ("a==1", ONE),
        ("((a = 1))", ONE),
        ("a=1 and a=2 or a=3", Either((Both((ONE, TWO)), THREE))),
        ("a=1 or a=2 and a=3", Either((ONE, Both((TWO, THREE))))),
        ("(a=1 or a=2) AND a=3", Both((Either((ONE, TWO)), THREE))),
        ("not a=1 and a=2", Both((Not(ONE), TWO))),
        ("not not a=1", Not(Not(ONE))),
        ("not (a=1 and a=2)", Not(Both((ONE, TWO)))),
        ("a in (1, 2)", Either((ONE, TWO))),
        ("A in (1)", Either((ONE,))),
        ("a <> -1.5", Compare("a", "!=", -1.5)),
        ("a >= 'it'", Compare("a", ">=", "it")),
        ('a = "or"', Compare("a", "=", "or")),
        ("a = TRUE", Compare("a", "=", True)),
        ("a = false", Compare("a", "=", False)),
        ("IsBetweenNumbers(A, 1, 2)", syntax.Test("between", "a", (1.0, 2.0))),
        ("isinnextdays(a, 7)", syntax.Test("in_next_days", "a", (7.0,))),
        ("provided(a)", syntax.Test("provided", "a", ())),
    ],
)
def test_what_is_read_into_its_parts(text, parts):
    assert read_segment(text) == parts


@pytest.mark.parametrize("around", [("(", ")"), ("not ", "")])
def test_thirty_may_stand_in_one_another(around):
    read_segment(around[0] * 30 + "a = 1" + around[1] * 30)
    with pytest.raises(BadInput, match="nested deeper than 30 levels"):
        read_segment(around[0] * 31 + "a = 1" + around[1] * 31)


def test_two_thousand_letters_may_be_written():
    text = "a = 1".ljust(LONGEST)
    assert read_segment(text) == ONE
    with pytest.raises(BadInput, match="longer than 2000 characters"):
        read_segment(text + " ")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("nothing = 1", "segment: there is no property nothing; there are age, city, paid, since, sum."),
        ("agee = 1", "segment: there is no property agee; did you mean 'age'?"),
        ("city = 1", 'segment: city is a text; compare it with "text in quotes".'),
        ('city < "a"', "segment: city is a text, which is neither less nor more; use = or !=."),
        ("paid = 1", "segment: paid is yes or no; compare it with true or false."),
        ("paid < true", "segment: paid is a yes-or-no, which is neither less nor more; use = or !=."),
        ('age = "7"', "segment: age is a number; compare it with a number, without quotes."),
        ("sum = true", "segment: sum is a number; compare it with a number, without quotes."),
        (
            'since = "2026-01-01"',
            (
                "segment: since is a date; write between(name, from, to), in_next_days(name, 7) or "
                "in_previous_days(name, 7)."
            ),
        ),
        ('contains(age, "x")', "segment: age is a number, and contains asks texts."),
        ("contains(city, 1)", 'segment: city is a text; compare it with "text in quotes".'),
        ('starts_with(city, "")', "segment: city is compared with nothing."),
        ("in_next_days(city, 7)", "segment: city is a text, and in_next_days asks dates."),
        ("in_next_days(since, 0)", "segment: since wants a number of days, from 1 to 3650."),
        ("in_previous_days(since, 3651)", "segment: since wants a number of days, from 1 to 3650."),
        ("in_previous_days(since, 1.5)", "segment: since wants a number of days, from 1 to 3650."),
        ('in_next_days(since, "7")', "segment: since wants a number of days, from 1 to 3650."),
        ("between(city, 1, 2)", "segment: city is a text, and between asks numbers and dates."),
        ('between(age, 1, "2")', "segment: age is a number; compare it with a number, without quotes."),
        (
            'between(since, "2026-01-01", "May")',
            'segment: since is a date; compare it with one like "2026-11-30".',
        ),
        ("between(since, 1, 2)", 'segment: since is a date; compare it with "text in quotes".'),
        (
            "city = 'a\"b'",
            'segment: city is compared with a text that has " or \\ in it, which Mailjet cannot read.',
        ),
        (
            "contains(city, 'a\\b')",
            'segment: city is compared with a text that has " or \\ in it, which Mailjet cannot read.',
        ),
    ],
)
def test_what_does_not_fit_its_property_is_a_sentence(text, fault):
    with pytest.raises(BadInput) as caught:
        check_segment(text, TYPES)
    assert list(caught.value.faults) == [fault]


@pytest.mark.parametrize(
    "text",
    [
        'city = "Lyon"', 'city != "Lyon"', "age < 7", "sum >= 1.5", "paid = false", "paid != true", "provided(paid)",
        "provided(since)", 'contains(city, "x")', 'ends_with(city, "x")', "in_next_days(since, 1)",
        "in_previous_days(since, 3650)", "between(age, 1, 2)", "between(sum, 1, 2)",
        'between(since, "2026-01-01", "2026-02-01T08:00")',
    ],
)  # fmt: skip
def test_what_fits_its_property(text):
    check_segment(text, TYPES)
