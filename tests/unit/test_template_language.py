"""The template language, row by row as Mailjet's reference describes it."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailworker.errors import PermanentError
from mailworker.templates.language.render import TemplateContact, TemplateError, render, render_simple
from mailworker.templates.language.used_variables import VariableUse, variable_uses


def text(source: str, **variables: object) -> str:
    return render(source, variables)


YES_NO = "YES{% else %}NO{% endif %}"


@pytest.mark.parametrize(
    ("source", "when_true", "when_false", "when_missing"),
    [
        ("{% if var:x %}" + YES_NO, "YES", "NO", TemplateError),
        ("{% if var:x:true %}" + YES_NO, "YES", "NO", "YES"),
        ("{% if var:x:false %}" + YES_NO, "YES", "NO", "NO"),
        ('{{var:x:"N/A"}}', "true", "false", "N/A"),
        ("{{var:x}}", "true", "false", TemplateError),
    ],
)
def test_the_truth_table_of_missing_and_false(source, when_true, when_false, when_missing):
    assert text(source, x=True) == when_true
    assert text(source, x=False) == when_false
    if when_missing is TemplateError:
        with pytest.raises(TemplateError, match="Unknown identifier: var:x"):
            text(source)
    else:
        assert text(source) == when_missing


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Bonjour {{ var:name }} !", "Bonjour Claire !"),
        ("{{var:order.total}}", "12.5"),
        ("{{var:order.missing:0}}", "0"),
        ("{{var:nothing:-3}}", "-3"),
        ('{% set x = "v" %}{{x}}', "v"),
        ("{% for r in var:rows %}{{r.title}},{% endfor %}", "A,B,"),
        ("{% for v in var:order %}{{v}};{% endfor %}", "12.5;EUR;"),
        ("{% for r in var:rows %}{% for t in r.tags %}{{t}}{% endfor %}|{% endfor %}", "12|3|"),
        ("{% if var:n > 1 and var:name %}a{% elseif var:n = 1 %}b{% else %}c{% endif %}", "a"),
        ("{% if var:n < 1 %}a{% elseif var:n === 3 %}b{% else %}c{% endif %}", "b"),
        ("{% if not var:n = 3 xor var:n <> 3 %}a{% else %}b{% endif %}", "b"),
        ('{% if var:temp:"" != "" %}{{var:temp:""}}{% endif %}.', "."),
        ("{{var:n + 1 * 2}}", "5"),
        ("{{(var:n + 1) * 2}}", "8"),
        ("{{var:n / 2}}", "1.5"),
        ("{{7 div 2}} {{7 mod 2}} {{-var:n}}", "3 1 -3"),
        ("{{Upper(var:name)}} {{Lower(var:name)}} {{Capitalize('été')}}", "CLAIRE claire Été"),
        ("{{Round(2.345, 1)}} {{Int('7.9')}} {{UrlEncode('a b&c')}}", "2.3 7 a%20b%26c"),
        ("{{mj:contact.email}} {{mj:contact.domain}} {{data:city}}", "c@example.com example.com Lyon"),
        ('[[var:name]] [[data:city]] [[var:none]] [[var:none:"d"]]', "Claire Lyon  d"),
        ("{{var:quote}}", "}} %}"),
        ('{{var:none:"}}"}}', "}}"),
        ("{% if segment:vip %}a{% else %}b{% endif %}", "b"),
    ],
)
def test_what_the_language_can(source, expected):
    variables = {
        "name": "Claire",
        "n": 3,
        "order": {"total": 12.5, "currency": "EUR"},
        "rows": [{"title": "A", "tags": [1, 2]}, {"title": "B", "tags": [3]}],
        "quote": "}} %}",
    }
    contact = TemplateContact("c@example.com", "Claire", 1, {"city": "Lyon"})
    assert render(source, variables, contact=contact) == expected


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{var:day}}", "expression parsing error ## Unknown identifier: var:day ## near ## {{var:day ##"),
        ("{{day}}", "expression parsing error ## Unknown identifier: day ## near ## {{day ##"),
        ("{{vra:day}}", "expression parsing error ## Unknown identifier: vra:day ## near ## {{vra:day ##"),
        ("{{Shout(1)}}", "expression parsing error ## Unknown identifier: Shout ## near ## {{Shout(1) ##"),
        ("{{Upper()}}", "expression parsing error ## Wrong arguments for Upper ## near ## {{Upper() ##"),
        ("a {{var:x", "not valid template ## near ## {{var:x ##"),
        ("{% if 1 %}x", "not valid template ## near ## {% if 1 %}x ##"),
        ("{% if 1 %}x{% endfor %}", "not valid template ## near ## {% endfor %} ##"),
        ("{% else %}", "not valid template ## near ## {% else %} ##"),
        ("{% if 1 %}{% else %}{% elseif 1 %}{% endif %}", "not valid template ## near ## {% elseif 1 %}{% endif %} ##"),
        ("{% while 1 %}", "not valid template ## near ## {% while 1 %} ##"),
        ("{% for x of y %}{% endfor %}", "not valid template ## near ## {% for x of y %}{% endfor %} ##"),
        ("{% for x in var:n %}{% endfor %}", '"var:n" is not an array value'),
        ("{% for x in var:none %}{% endfor %}", 'No value for "var:none"'),
        ("{% if 1 = 2 %}{% for x in var:none %}{% endfor %}{% endif %}", 'No value for "var:none"'),
        (
            "{% for x in var:lists %}{% if 0 %}{% for y in var:none %}{% endfor %}{% endif %}{% endfor %}",
            'No value for "var:none"',
        ),
        ("{% for x in var:lists %}{% for y in x %}{% endfor %}{% endfor %}", 'No value for "x"'),
        ("{{}}", "expression parsing error ## Empty expression ## near ## {{ ##"),
        ("{{1 +}}", "expression parsing error ## Unexpected end of expression ## near ## {{1 + ##"),
        ("{{1 2}}", "expression parsing error ## Unexpected end of expression ## near ## {{1 2 ##"),
        ("{{(1}}", "expression parsing error ## Missing ) ## near ## {{(1 ##"),
        ("{{1 / 0}}", "expression parsing error ## Value is not a number, or a division by zero ## near ## {{1 / 0 ##"),
        ("{{'a' * 2}}", "expression parsing error ## Value is not a number, or a division by zero ## near ## {{'a' * 2 ##"),
        ("{{?}}", "expression parsing error ## Unexpected character ## near ## {{? ##"),
        ("{{var:x:y}}", "expression parsing error ## A default is a text, a number, true or false ## near ## {{var:x:y ##"),
        ("{{-var:s}}", "expression parsing error ## Value is not a number, or a division by zero ## near ## {{-var:s ##"),
        ("{{var:s - 1}}", "expression parsing error ## Value is not a number, or a division by zero ## near ## {{var:s - 1 ##"),
        ("{{Int(var:s)}}", "expression parsing error ## Wrong arguments for Int ## near ## {{Int(var:s) ##"),
        ("{{Round(1, var:s)}}", "expression parsing error ## Wrong arguments for Round ## near ## {{Round(1, var:s) ##"),
        ("{% set x = 1 / 0 %}", "expression parsing error ## Value is not a number, or a division by zero ## near ## {% set x = 1 / 0 ##"),
        ("{% if 1 / 0 %}{% endif %}", "expression parsing error ## Value is not a number, or a division by zero ## near ## {% if 1 / 0 ##"),
        ("{% for x in 1 / 0 %}{% endfor %}", "expression parsing error ## Value is not a number, or a division by zero ## near ## {% for x in 1 / 0 ##"),
        ("{{not (1 / 0)}}", "expression parsing error ## Value is not a number, or a division by zero ## near ## {{not (1 / 0) ##"),
        ("{{Upper(1 / 0)}}", "expression parsing error ## Value is not a number, or a division by zero ## near ## {{Upper(1 / 0) ##"),
        ("{{1 + Shout(2)}}", "expression parsing error ## Unknown identifier: Shout ## near ## {{1 + Shout(2) ##"),
    ],
)  # fmt: skip
def test_errors_say_what_and_where_in_mailjets_words(source, message):
    with pytest.raises(TemplateError) as caught:
        text(source, n=1, s="x", none=[], lists=[[]])
    assert str(caught.value) == message
    assert isinstance(caught.value, PermanentError)


@pytest.mark.parametrize(
    ("opening", "inner", "closing", "rendered"),
    [
        ("(", "1", ")", "1"),
        ("-", "1", "", "1"),
        ("not ", "false", "", "false"),
        ("Upper(", "'a'", ")", "A"),
        ("{% if 1 %}", "{{1}}", "{% endif %}", "1"),
        ("{% for x in var:rows %}", "{{1}}", "{% endfor %}", "1"),
    ],
)
def test_forty_may_stand_in_one_another(opening, inner, closing, rendered):
    def nested(deep):
        source = opening * deep + inner + closing * deep
        return text(source if inner.startswith("{") else "{{" + source + "}}", rows=[1])

    assert nested(40) == rendered
    what = "statements" if opening.startswith("{%") else "an expression"
    with pytest.raises(TemplateError, match=f"template too large ## {what} nested over 40 deep ##"):
        nested(41)


@pytest.mark.parametrize("one", ["-1", "(-1)", "-(1)", "(1) * -1"])
def test_any_number_may_stand_beside_one_another(one):
    assert text("{{" + " + ".join([one] * 60) + "}}") == "-60"
    assert text("{% if 1 %}x{% endif %}" * 60) == "x" * 60


@pytest.mark.parametrize("more", [0, 1])
def test_loops_are_bounded(more):
    source = (
        "{% for a in var:r %}{% for b in var:s %}.{% endfor %}{% endfor %}{% for c in var:t %}.{% endfor %}"
    )
    rows = {"r": range(99), "s": range(100), "t": range(1 + more)}  # 99 + 9,900 + 1
    if more:
        with pytest.raises(TemplateError, match="loops of over 10000 rounds"):
            text(source, **{name: list(each) for name, each in rows.items()})
    else:
        assert text(source, **{name: list(each) for name, each in rows.items()}) == "." * 9_901


def test_letters_are_bounded():
    source = "{{var:x}}" * 5
    assert len(text(source, x="x" * 1_000_000)) == 5_000_000
    with pytest.raises(TemplateError, match="over 5000000 characters"):
        text(source + ".", x="x" * 1_000_000)


def test_a_loops_name_hides_another_for_as_long_as_it_runs():
    source = "{% set x = 7 %}{% for x in var:rows %}{{x}},{% endfor %}{{x}}"
    assert text(source, rows=[1, 2]) == "1,2,7"
    with pytest.raises(TemplateError, match="Unknown identifier: x"):
        text("{% for x in var:rows %}{{x}},{% endfor %}{{x}}", rows=[1, 2])


def test_values_are_printed_as_they_are_but_for_escape():
    source = "{{var:name}} [[var:name]] {{Escape(var:name)}}"
    assert render(source, {"name": '<A&"B">'}) == '<A&"B"> <A&"B"> &lt;A&amp;&quot;B&quot;&gt;'


def test_a_mailjet_that_escapes_by_itself_does_it_once():
    source = "{{var:name}} [[var:name]] {{Escape(var:name)}}"
    assert render("{{var:name}}", {"name": "a\"b'c"}, escapes=True) == "a&quot;b&#x27;c"
    assert render(source, {"name": "<A&B>"}, escapes=True) == "&lt;A&amp;B&gt; " * 2 + "&lt;A&amp;B&gt;"


def test_a_value_is_never_taken_for_template_code():
    assert text("{{var:name}} [[var:name]]", name="{{var:secret}}") == "{{var:secret}} {{var:secret}}"


def test_without_the_template_language_braces_stay():
    assert render_simple("{{var:x}} [[var:x]]", {"x": "1"}) == "{{var:x}} 1"


def test_uses_tell_which_variables_need_a_value():
    source = '{{var:a}}{{var:b:""}}{% if var:c:"" != "" %}{{var:c}}{% endif %}{% for r in var:d.rows %}{{r.x}}{% endfor %}'
    assert variable_uses(source + "{{Upper(var:e)}}[[var:f]]") == (
        VariableUse("a", has_default=False),
        VariableUse("b", has_default=True),
        VariableUse("c", has_default=False),
        VariableUse("d", has_default=False),
        VariableUse("e", has_default=False),
        VariableUse("f", has_default=True),
    )


@given(st.text(alphabet="{}%()[]<>=:\"' abcvar.1+-", max_size=60))
def test_any_text_renders_or_is_refused_with_a_template_error(source):
    with suppress(TemplateError):
        assert isinstance(render(source, {"a": 1}), str)


@pytest.mark.parametrize(
    "source", ["a{% endif %}", "{% else %}", "{% endfor %}b", "{% if true %}a{% endfor %}"]
)
def test_what_closes_a_block_that_nobody_opened_is_no_template(source):
    with pytest.raises(TemplateError):
        text(source)


def test_a_statement_may_take_several_lines():
    source = "{% set\n a =\n 1 +\n 1 %}{% if\n a == 2\n and 1 %}{% for b\n in\n var:rows %}{{\n b + a\n}}{% endfor %}{% endif %}"
    assert text(source, rows=[1, 2]) == "34"


def test_a_loop_in_a_loop_gives_an_outer_name_back():
    inner = "{% for x in var:inner %}{{x}}{% endfor %}{{x}}"
    assert (
        text("{% for x in var:outer %}" + inner + "{% endfor %}", outer=["a", "b"], inner=["1", "2"])
        == "12a12b"
    )
    with pytest.raises(TemplateError, match="Unknown identifier: x"):
        text("{% for x in var:outer %}{% endfor %}{{x}}", outer=["a"])
