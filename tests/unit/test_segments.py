from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailworker.errors import BadInput
from mailworker.rules.segments import check_segment, for_mailjet, holds
from mailworker.simulator.segment_expressions import read_segment as as_mailjet_reads

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TYPES = {
    "city": "str",
    "segment": "str",
    "age": "int",
    "balance": "float",
    "vip": "bool",
    "renewal": "datetime",
}
LYON = {
    "city": "Lyon",
    "segment": "pro",
    "age": 41,
    "balance": 2.5,
    "vip": True,
    "renewal": "2026-11-30T00:00:00Z",
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('city = "Lyon"', True),
        ("city = 'Lyon'", True),
        ('city != "Lyon"', False),
        ('city in ("Brest", "Lyon")', True),
        ('contains(city, "yo")', True),
        ('starts_with(city, "L") and ends_with(city, "n")', True),
        ("age >= 41", True),
        ("age > 41", False),
        ("between(age, 40, 50)", True),
        ("IsBetweenNumbers(age, 50, 60)", False),
        ("balance < 3", True),
        ("vip = true", True),
        ("not vip = true", False),
        ("provided(vip)", True),
        ("in_next_days(renewal, 7)", True),
        ("in_previous_days(renewal, 7)", False),
        ('between(renewal, "2026-11-01", "2026-12-01")', True),
        # `and` binds closer than `or`
        ('city = "Lyon" or city = "Nice" and age < 10', True),
        ('(city = "Lyon" or city = "Nice") and age < 10', False),
        ("NOT (age < 40 OR age > 50)", True),
    ],
)
def test_it_holds(expression, expected):
    assert holds(check_segment(expression, TYPES), LYON, now=NOW) is expected


@pytest.mark.parametrize("kept", ["2026-11-30", "40.5", "Lyon", 40, 20261130, 40.5, True, False])
@pytest.mark.parametrize(
    ("expression", "fitting"),
    [
        ("age = 40", {40}),
        ("between(age, 40, 50)", {40, 40.5}),
        ('between(renewal, "2026-11-01", "2026-12-01")', {"2026-11-30"}),
        ("in_next_days(renewal, 7)", {"2026-11-30"}),
        ("in_previous_days(renewal, 7)", set()),
        ('contains(city, "0")', {"2026-11-30", "40.5"}),
        ('starts_with(city, "4")', {"40.5"}),
        ('ends_with(city, "0")', {"2026-11-30"}),
        ("vip != false", {True}),
    ],
)
def test_a_value_that_was_kept_under_another_type_is_in_none(expression, fitting, kept):
    name = expression.partition("(")[2].partition(",")[0] or expression.split()[0]
    fits = any(type(kept) is type(one) and kept == one for one in fitting)
    assert holds(check_segment(expression, TYPES), {name: kept}, now=NOW) is fits


@pytest.mark.parametrize(
    ("expression", "first", "last"),
    [
        ("in_next_days(renewal, 7)", NOW, NOW + timedelta(days=7)),
        ("in_previous_days(renewal, 7)", NOW - timedelta(days=7), NOW),
        ('between(renewal, "2026-11-01", "2026-12-01T06:00:00Z")', datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, 6, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_a_span_of_dates_has_both_its_ends(expression, first, last):
    second = timedelta(seconds=1)
    segment = check_segment(expression, TYPES)
    moments = [first - second, first, last, last + second]
    found = [holds(segment, {"renewal": one.isoformat()}, now=NOW) for one in moments]
    assert found == [False, True, True, False]


@pytest.mark.parametrize(
    "expression", ['city = "x"', 'city != "x"', "age < 9", "vip = false", 'contains(city, "")']
)
def test_who_lacks_the_property_is_in_no_comparison(expression):
    if "contains" in expression:
        with pytest.raises(BadInput, match="compared with nothing"):
            check_segment(expression, TYPES)
        return
    assert not holds(check_segment(expression, TYPES), {}, now=NOW)
    assert holds(check_segment(f"not {expression}", TYPES), {}, now=NOW)


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("", "segment: is empty; write an expression, or give everybody (--everybody)."),
        ("   ", "segment: is empty; write an expression, or give everybody (--everybody)."),
        (
            'town = "Lyon"',
            "segment: there is no property town; there are age, balance, city, renewal, segment, vip.",
        ),
        ('citty = "Lyon"', "segment: there is no property citty; did you mean 'city'?"),
        ('age = "x"', "segment: age is a number; compare it with a number, without quotes."),
        ("city = 3", 'segment: city is a text; compare it with "text in quotes".'),
        ('city > "A"', "segment: city is a text, which is neither less nor more; use = or !=."),
        ("vip = 1", "segment: vip is yes or no; compare it with true or false."),
        (
            'renewal > "2026-01-01"',
            (
                "segment: renewal is a date; write between(name, from, to), in_next_days(name, 7) or "
                "in_previous_days(name, 7)."
            ),
        ),
        (
            'between(renewal, "soon", "later")',
            'segment: renewal is a date; compare it with one like "2026-11-30".',
        ),
        ("in_next_days(age, 3)", "segment: age is a number, and in_next_days asks dates."),
        ("contains(age, 3)", "segment: age is a number, and contains asks texts."),
        (
            "containz(city, 'x')",
            "segment: `containz` at character 1 is no function; did you mean 'contains'?",
        ),
        ("contains(city)", "segment: contains wants a property and 1 values."),
        ('(city = "Lyon"', "segment: misses `)` at the end."),
        ('city = "Lyon" age = 3', "segment: `age` at character 15 is too much; join with and, or."),
        ("city = Lyon", 'segment: `Lyon` at character 8 is no value; texts stand in "quotes".'),
        ("city =", "segment: ends where a value should stand."),
        ("city ~ 'x'", 'segment: cannot be read at character 6; texts stand in "quotes".'),
        (
            "city = 'a\"b'",
            'segment: city is compared with a text that has " or \\ in it, which Mailjet cannot read.',
        ),
    ],
)
def test_what_is_wrong_is_told(expression, told):
    with pytest.raises(BadInput) as fault:
        check_segment(expression, TYPES)
    assert fault.value.faults == (told,)


def test_all_faults_are_told_at_once():
    with pytest.raises(BadInput) as fault:
        check_segment('citty = "x" or age = "y"', TYPES)
    assert len(fault.value.faults) == 2


@pytest.mark.parametrize(
    "expression", ["(" * 40 + "age = 1" + ")" * 40, "not " * 40 + "age = 1", "age = 1 or " * 400]
)
def test_what_is_too_deep_or_too_long_is_refused(expression):
    with pytest.raises(BadInput, match=r"deeper|longer"):
        check_segment(expression, TYPES)


@pytest.mark.parametrize(
    ("expression", "mailjets"),
    [
        ("age < 40", "(age<40)"),
        ('city != "Lyon"', '(city<>"Lyon")'),
        ("age != 4", "(age!=4)"),
        ('city = "a" and age > 1.5', '((city="a") AND (age>1.5))'),
        ('(city = "a" and age > 1) or vip = true', '(((city="a") AND (age>1)) OR (vip=true))'),
        ("not provided(renewal)", "((not IsProvided(renewal)))"),  # as the guide has it
        ('not city = "Lyon"', '((not city="Lyon"))'),
        ('not (City = "Lyon" or city = "Nice")', '((not ((city="Lyon") OR (city="Nice"))))'),
        ('not not city = "Lyon"', '((not ((not city="Lyon"))))'),
        ('city in ("a", "b", "c")', '(((city="a") OR (city="b")) OR (city="c"))'),
        ("between(age, 3, 4)", "(IsBetweenNumbers(age, 3, 4))"),
        (
            'between(renewal, "2026-01-01", "2026-02-01T10:00:00+01:00")',
            '(Between(renewal, "2026-01-01T00:00:00Z", "2026-02-01T09:00:00Z"))',
        ),
        ("in_next_days(renewal, 7)", "(IsInNextDays(renewal, 7))"),
        ("in_previous_days(renewal, 7)", "(IsInPreviousDays(renewal, 7))"),
        ('contains(city, "yo")', '(Contains(city, "yo"))'),
        ('starts_with(city, "Ly")', '(StartsWith(city, "Ly"))'),
        ('ends_with(city, "on")', '(EndsWith(city, "on"))'),
        ("provided(city)", "(IsProvided(city))"),
    ],
)
def test_it_is_translated_for_mailjet(expression, mailjets):
    assert for_mailjet(check_segment(expression, TYPES), TYPES) == mailjets


leaf = st.one_of(
    st.builds('city {} "{}"'.format, st.sampled_from(["=", "!="]), st.sampled_from(["Lyon", "Nice"])),
    st.builds("age {} {}".format, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), st.integers(-3, 90)),
    st.sampled_from(["provided(city)", "provided(age)", "vip = true", "vip = false", 'contains(city, "y")']),
    st.just("between(age, 10, 40)"),
)
expressions = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("not ({})".format, inner),
    ),
    max_leaves=8,
)
contacts = st.fixed_dictionaries(
    {},
    optional={
        "city": st.sampled_from(["Lyon", "Nice", "Ajaccio"]),
        "age": st.integers(0, 90),
        "vip": st.booleans(),
    },
)


@given(expressions, contacts)
@settings(max_examples=100)
def test_mailjet_means_the_same_contacts_as_we_do(expression, contact):
    segment = check_segment(expression, TYPES)
    assert as_mailjet_reads(for_mailjet(segment, TYPES))(contact) == holds(segment, contact, now=NOW)


def at(**shift):
    return (NOW + timedelta(**shift)).isoformat()


@pytest.mark.parametrize(
    ("expression", "renewal", "expected"),
    [
        ("in_next_days(renewal, 7)", at(), True),
        ("in_next_days(renewal, 7)", at(days=7), True),
        ("in_next_days(renewal, 7)", at(days=7, seconds=1), False),
        ("in_next_days(renewal, 7)", at(seconds=-1), False),
        ("in_previous_days(renewal, 7)", at(), True),
        ("in_previous_days(renewal, 7)", at(days=-7), True),
        ("in_previous_days(renewal, 7)", at(days=-7, seconds=-1), False),
        ("in_previous_days(renewal, 7)", at(seconds=1), False),
        ('between(renewal, "2026-11-01", "2026-12-01")', "2026-11-01", True),
        ('between(renewal, "2026-11-01", "2026-12-01")', "2026-12-01T00:00:00Z", True),
        ('between(renewal, "2026-11-01", "2026-12-01")', "2026-12-01T00:00:01Z", False),
        ('between(renewal, "2026-11-01", "2026-12-01")', "2026-10-31T23:59:59Z", False),
        # moments are compared, not their spelling
        ('between(renewal, "2026-11-01T00:00:00+01:00", "2026-12-01")', "2026-10-31T23:00:00Z", True),
        ('between(renewal, "2026-11-01T00:00:00-01:00", "2026-12-01")', "2026-11-01T00:30:00Z", False),
    ],
)
def test_spans_of_time_include_both_ends(expression, renewal, expected):
    assert holds(check_segment(expression, TYPES), {"renewal": renewal}, now=NOW) is expected


@pytest.mark.parametrize(
    ("sign", "expected"), [("=", 0), ("!=", 1), ("<", 2), ("<=", 3), (">", 4), (">=", 5)]
)
def test_each_sign_at_its_edge(sign, expected):
    below, equal, above = ([False, True, True, True, False, False], [True, False, False, True, False, True],
                           [False, True, False, False, True, True])  # fmt: skip
    segment = check_segment(f"age {sign} 41", TYPES)
    for age, truth in ((40, below), (41, equal), (42, above)):
        assert holds(segment, {"age": age}, now=NOW) is truth[expected]


@pytest.mark.parametrize(("age", "expected"), [(39, False), (40, True), (50, True), (51, False)])
def test_numbers_between_include_both_ends(age, expected):
    assert holds(check_segment("between(age, 40, 50)", TYPES), {"age": age}, now=NOW) is expected


@pytest.mark.parametrize(
    ("expression", "city", "expected"),
    [
        ('starts_with(city, "Ly")', "Lyon", True),
        ('starts_with(city, "yon")', "Lyon", False),
        ('ends_with(city, "on")', "Lyon", True),
        ('ends_with(city, "Lyo")', "Lyon", False),
        ('contains(city, "yo")', "Lyon", True),
        ('contains(city, "yx")', "Lyon", False),
        ("provided(city)", "", True),
        ("provided(city)", None, False),
    ],
)
def test_parts_of_a_text(expression, city, expected):
    assert holds(check_segment(expression, TYPES), {"city": city}, now=NOW) is expected


@pytest.mark.parametrize(
    ("value", "type_"), [("41", "age"), (41, "city"), (1, "vip"), (True, "age"), ("x", "vip")]
)
def test_a_value_of_another_type_is_in_no_comparison(value, type_):
    for wanted in {
        "age": ["age = 41", "age != 7"],
        "city": ['city = "41"', 'city != "x"'],
        "vip": ["vip = true", "vip = false"],
    }[type_]:
        assert not holds(check_segment(wanted, TYPES), {type_: value}, now=NOW)


@pytest.mark.parametrize("days", ["0", "3651", "1.5", "-1", '"7"'])
@pytest.mark.parametrize("function", ["in_next_days", "in_previous_days"])
def test_days_are_a_whole_number_of_at_most_ten_years(function, days):
    with pytest.raises(BadInput, match=r"wants a number of days, from 1 to 3650|at character"):
        check_segment(f"{function}(renewal, {days})", TYPES)
    assert check_segment(f"{function}(renewal, 1)", TYPES)
    assert check_segment(f"{function}(renewal, 3650)", TYPES)
