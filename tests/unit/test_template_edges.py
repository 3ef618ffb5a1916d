"""The template rooms at their edges: where an error points, what is escaped, whose name stands in a mail."""

import pytest

from mailworker.cli.template_commands.check import way_out_faults
from mailworker.cli.template_commands.new import write_starter
from mailworker.config.settings import parse_settings
from mailworker.core.kind import Kind, Variable
from mailworker.errors import BadInput
from mailworker.templates.header_and_footer import DEFAULT_BRANDS, Brand, brand_of
from mailworker.templates.html_frame import compose_html, compose_text
from mailworker.templates.inline_styles import STYLES
from mailworker.templates.language.expressions import read_expression
from mailworker.templates.language.lexer import Piece, Word, pieces, words
from mailworker.templates.language.parser import parse
from mailworker.templates.language.render import TemplateContact, TemplateError, render, render_simple
from mailworker.templates.language.syntax import (
    Binary,
    Branch,
    If,
    Literal,
    Print,
    Text,
    Unary,
    VariableLookup,
)
from mailworker.templates.language.unescaped_values import linked_variables, unescaped_prints
from mailworker.templates.language.used_variables import VariableUse, variable_uses
from mailworker.templates.own_template_files import OwnTemplates, own_templates, starter
from mailworker.templates.sample_values import sample_variables
from mailworker.templates.shipped_templates import SUBJECTS, mail_template
from mailworker.templates.template_library import TemplateLibrary, sample_library, template_library

WELCOME = "api_crmCommunicationCustomerWelcome"
LOW = "api_crmCommunicationsBalanceLow"
USER_WELCOME = "api_crmCommunicationUserWelcome"
OWN = "api_crmCommunicationOwn"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("", []),
        ("ab", [("text", "ab", 0)]),
        ("{{x}}", [("print", "x", 0)]),
        ("a{{ x }}b{% if y %}c", [("text", "a", 0), ("print", "x", 1), ("text", "b", 8), ("statement", "if y", 9), ("text", "c", 19)]),
        ("{{'}}'}}", [("print", "'}}'", 0)]),
        ("{{\"'}}\"}}", [("print", "\"'}}\"", 0)]),
        ("{{x}}}", [("print", "x", 0), ("text", "}", 5)]),
        ("{ {x}", [("text", "{ {x}", 0)]),
    ],
)  # fmt: skip
def test_a_template_is_cut_into_pieces(source, found):
    assert list(pieces(source)) == [Piece(*one) for one in found]


@pytest.mark.parametrize(
    ("source", "near"),
    [
        ("ab{{x", "{{x"), ("{{x {{y}}", "{{x {{y}}"), ("a{% x {% y %}", "{% x {% y %}"), ("{{ 'x }}", "{{ 'x }}"), ("{{x}", "{{x}"),
        ("{{", "{{"), ("a" * 30 + "{% if 1 %}" + "b" * 50, "b" * 20), ("{% if 1 %}", "{% if 1 %}"),
        ("{{ " + "x" * 50, "{{ " + "x" * 37),
        ("{% if 1 %}a{% endfor %}b", "{% endfor %}b"), ("{% for x in 'a' %}b{% else %}c", "{% else %}c"),
        ("{% if 1 %}{% else %}{% else %}{% endif %}", "{% else %}{% endif %}"), ("{% endif %}", "{% endif %}"),
        ("a{% if %}b{% endif %}", "{% if %}b{% endif %}"), ("{% set x 1 %}", "{% set x 1 %}"), ("{%%}", "{%%}"),
        ("{% if 1 %}{% else if 1 %}{% endif %}", "{% else if 1 %}{% endif %}"),
    ],
)  # fmt: skip
def test_an_error_quotes_the_template_from_where_it_is(source, near):
    with pytest.raises(TemplateError) as caught:
        parse(source)
    assert str(caught.value) == f"not valid template ## near ## {near} ##"


@pytest.mark.parametrize(
    ("source", "near"),
    [
        ("{{ var:missing }}", "{{var:missing"),
        ("{% if var:missing %}{% endif %}", "{% if var:missing"),
        ("{% if 0 %}{% elseif var:missing %}{% endif %}", "{% elseif var:missing"),
        ("{% for x in var:missing %}{% endfor %}", "{% for x in var:missing"),
        ("{% set x = var:missing %}", "{% set x = var:missing"),
        ("{{ var:missing + '" + "x" * 80 + "' }}", ("{{var:missing + '" + "x" * 80)[:60]),
    ],
)
def test_a_missing_variable_is_told_with_its_statement(source, near):
    with pytest.raises(TemplateError) as caught:
        render(source, {})
    assert (
        str(caught.value)
        == f"expression parsing error ## Unknown identifier: var:missing ## near ## {near} ##"
    )


def test_the_words_of_an_expression():
    found = words(" var:a.b-c + 1.5<>\"x y\" div -Upper('z', data:q:0) ", "s")
    assert found == [
        Word(*one)
        for one in [
            ("name", "var:a.b-c"), ("operator", "+"), ("number", "1.5"), ("operator", "<>"), ("string", '"x y"'),
            ("name", "div"), ("operator", "-"), ("name", "Upper"), ("operator", "("), ("string", "'z'"),
            ("operator", ","), ("name", "data:q"), ("operator", ":"), ("number", "0"), ("operator", ")"),
        ]
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("1 - 2 - 3", Binary("-", Binary("-", Literal(1), Literal(2)), Literal(3))),
        ("1 + 2 * 3", Binary("+", Literal(1), Binary("*", Literal(2), Literal(3)))),
        ("not 1 = 2", Unary("not", Binary("==", Literal(1), Literal(2)))),
        ("true or 1 and FALSE", Binary("or", Literal(value=True), Binary("and", Literal(1), Literal(value=False)))),
        ("1 AND not 2", Binary("and", Literal(1), Unary("not", Literal(2)))),
        ("var:a.b:-2", VariableLookup("var", ("a", "b"), -2)),
        ("var:a:-'x'", VariableLookup("var", ("a",), "x")),
        ("data:a:True", VariableLookup("data", ("a",), default=True)),
        ("a.b", VariableLookup("", ("a", "b"))),
        ("'not' = 'and'", Binary("==", Literal("not"), Literal("and"))),
        ("2.50", Literal(2.5)),
    ],
)  # fmt: skip
def test_how_an_expression_binds(text, read):
    found = read_expression(text, "s")
    assert found == read
    assert repr(found) == repr(read), "an int stays one, and so does true"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Upper(1 2)", "Missing ,"), ("Upper(1", "Missing ,"), ("'('", None), ("+ 1", "Unexpected +"), ("= 1", "Unexpected ="),
        ("var:a:", "Unexpected end of expression"), ("1 not 2", "Unexpected end of expression"), ("xyz:a", "Unknown identifier: xyz:a"),
    ],
)  # fmt: skip
def test_what_is_no_expression(text, what):
    if what is None:
        assert read_expression(text, "s") == Literal("(")
        return
    with pytest.raises(TemplateError) as caught:
        read_expression(text, "s")
    assert str(caught.value) == f"expression parsing error ## {what} ## near ## s ##"


def test_what_a_template_is_read_as():
    assert parse("a{% if 1 %}b{% else %}{{2}}{% endif %}") == (
        Text("a"),
        If((
            Branch(Literal(1), (Text("b"),), "{% if 1"),
            Branch(Literal(value=True), (Print(Literal(2), "{{2"),), "{% else"),
        )),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{% if 0 %}a{% elseif 0 %}b{% endif %}.", "."),
        ("{% if 'x' %}a{% elseif 1 %}b{% endif %}", "a"),
        ("{% set x = 1 %}{% for x in var:rows %}{% endfor %}{{x}}", "1"),
        ("{{segment:a}}", "false"),
        ("{{mj:contact.ID}}{{mj:contact.local_part}}@{{mj:contact.domain}}", "0@"),
        ("{{mj:unsub_link}}{{mj:unsub_link_fr}}{{mj:unsub_link_en}}", "#unsubscribe" * 3),
        ("{{'a' xor ''}}{{1 xor 1}}{{0 or 0}}{{1 and 0}}", "truefalsefalsefalse"),
        ("[[ var:x : ]]", "[[ var:x : ]]"),
        ('[[var:a.b]]|[[var:a.c:"d"]]|[[data:x]]|[[mj:y]]', "1|d||[[mj:y]]"),
    ],
)
def test_what_is_rendered(source, text):
    assert render(source, {"rows": [3], "empty": [], "a": {"b": 1}}) == text


@pytest.mark.parametrize("source", ["{{-'x'}}", "{{1 - 'x'}}", "{{1 mod 0}}"])
def test_what_cannot_be_computed(source):
    with pytest.raises(TemplateError, match="Value is not a number, or a division by zero"):
        render(source, {})


def test_without_the_language_values_are_escaped_where_mailjet_does():
    contact = TemplateContact(properties={"p": "<"})
    assert render_simple("[[var:x]][[data:p]]{{var:x}}", {"x": "&"}, contact=contact) == "&<{{var:x}}"
    assert render_simple("[[var:x]][[data:p]]", {"x": "&"}, contact=contact, escapes=True) == "&amp;&lt;"
    assert "p4" not in repr(TemplateContact("p4@x.example", "p4", 4, {"p4": 1}))


def test_what_a_template_asks_for():
    source = (
        "{% set y = var:a:1 %}{% if var:b and not var:c:0 %}{% for v in var:d %}[[var:e]]{% endfor %}"
        "{% elseif -var:f > Round(var:g:1, var:h) %}{% endif %}{{data:z}}{{y}}{{var:a}}"
    )
    assert variable_uses(source) == tuple(VariableUse(name, has_default=name in "ceg") for name in "abcdefgh")


@pytest.mark.parametrize(
    ("html", "plain", "found"),
    [
        ("{{var:a}}{{data:b}}{{var:a}}", (), ("var:a", "data:b")),
        ("{{var:a}}", ("a",), ()),
        ("{{var:a.b}}", ("a",), ("var:a.b",)),
        ("{{Escape(var:a)}}{{UrlEncode(var:a)}}{{Int(var:a)}}{{Round(var:a, 1)}}", (), ()),
        ("{{Upper(var:a)}}{{Lower(Escape(var:b))}}", (), ("var:a",)),
        ("{{'x' + var:a}}{{Escape(var:b) + 'y'}}", (), ("var:a",)),
        ("{{var:a * 2}}{{-var:a}}{{not var:a}}{{var:a = 1}}", (), ()),
        ("{{mj:unsub_link}}{{mj:contact.ID}}{{segment:x}}", (), ()),
        ("{{mj:contact.name}}", (), ("mj:contact.name",)),
        ("[[var:a]] [[data:b.c]]", ("a",), ("[[var:a]]", "[[data:b.c]]")),
        ("{% if var:a %}{{var:b}}{% else %}{{var:c}}{% endif %}{% for d in var:e %}{{d}}{% endfor %}", (), ("var:b", "var:c", "d")),
        ("{% set x = var:a %}{{x}}", (), ("x",)),
    ],
)  # fmt: skip
def test_what_is_printed_unescaped(html, plain, found):
    assert unescaped_prints(html, plain) == found


def test_links_that_begin_with_a_variable():
    html = """<a HREF = "{{var:a}}"><img src='[[var:b-c]]'><a href="{{ Escape( var:d) }}"><a href="x{{var:e}}"><a href={{var:a}}>"""
    assert linked_variables(html) == ("a", "b-c", "d")


def settings(brand="{}", seller="{}", more=""):
    return parse_settings(
        f"mailjet: {{api_key: a, api_secret: b{more}}}\nbrand: {brand}\ninvoice: {{seller: {seller}}}\n",
        environ={},
    )


def test_who_has_no_name_is_the_manuals_example_and_its_fields_are_not_mixed_in():
    for name in ("Votre Entreprise", "Your Company"):
        assert (
            brand_of(settings("{address: x}", f"{{name: {name}, email: e@x.example}}"), "en")
            == DEFAULT_BRANDS["en"]
        )
    assert DEFAULT_BRANDS["fr"].is_placeholder
    assert DEFAULT_BRANDS["en"].is_placeholder
    assert not Brand("Alizé", "", "").is_placeholder


def test_a_brand_takes_from_the_seller_what_it_leaves_out():
    seller = "{name: S, address: [a, b], postcode: '1', city: c, email: e@x.example, registration: R, phone: '2', colour: '#111111'}"
    found = brand_of(settings(seller=seller), "fr")
    assert found == Brand("S", "a, b, 1 c, France", "e@x.example", "#111111", "", "R", "2")
    assert brand_of(settings(seller=seller.replace("city: c", "country: BE")), "fr").address == "a, b, 1, BE"
    assert brand_of(settings(seller="{name: S, city: c}"), "fr").address == ""
    own = (
        "{name: N, address: A, support_email: s@x.example, colour: '#222222', logo_url: 'https://x.example/l.png', legal: L, "
        "support_phone: '3', legal_url: 'https://x.example/l', privacy_url: 'https://x.example/p'}"
    )
    links = (("Legal notice", "https://x.example/l"), ("Your personal data", "https://x.example/p"))
    assert brand_of(settings(own, seller), "en") == Brand(
        "N", "A", "s@x.example", "#222222", "https://x.example/l.png", "L", "3", links
    )
    assert brand_of(settings("{name: N, privacy_url: 'https://x.example/p'}"), "fr").links == (
        ("Vos données personnelles", "https://x.example/p"),
    )


BRAND = Brand(
    "A & B",
    "1 <rue>",
    "s@x.example",
    "#123456",
    legal="L & M",
    support_phone="04",
    links=(("Mentions", "https://x.example/?a&b"),),
)


def test_the_text_part_ends_with_who_sends_it():
    assert compose_text("Body\n\n", "Why\n", BRAND, "fr") == (
        "Body\n\n____________\nWhy\nA & B | s@x.example | 04\nL & M\n1 <rue>\nMentions\u00a0: https://x.example/?a&b\n"
    )
    assert "\nMentions: https://" in compose_text("Body", "", BRAND, "en")
    assert compose_text("Body", "", Brand("N", "", ""), "fr") == "Body\n\n____________\nN\n"


def test_the_html_part_is_framed_and_escaped():
    fragment = '<!-- preheader: Soon -->\n<h1>A <b>big</b> day</h1>\n<p class="note">x</p><a class="button" href="{{var:u:"x"}}">Go</a><a href="https://x.example">y</a>'
    html = compose_html(fragment, "<p>Why</p>", BRAND, "fr")
    assert "<title>A big day - A &amp; B</title>" in html
    assert 'lang="fr"' in html
    assert "Soon" in html
    assert "preheader:" not in html
    identity = (
        'A &amp; B &middot; <a class="mw-quiet" style="color:#55697f;" href="mailto:s@x.example">s@x.example</a> &middot; <span style="white-space:nowrap;">04</span><br>L &amp; M<br>'
        '1 &lt;rue&gt;<br><a class="mw-quiet" style="color:#55697f;" href="https://x.example/?a&amp;b">Mentions</a>'
    )
    assert identity in html
    note = STYLES["p.note"]
    assert html.count(f'<p class="{note[0]}" style="{note[1]}">') == 2, "the note, and the footer"
    assert 'href="{{var:u:"x"}}"' in html
    assert '<td bgcolor="#123456"' in html
    assert (
        '<a style="color:#123456;word-break:break-word;" class="mw-link" href="https://x.example">y</a>'
        in html
    )
    assert "color:#123456;letter-spacing:-0.2px;" in html


def test_each_part_of_a_fragment_may_take_several_lines():
    html = compose_html(
        '<!-- preheader: Soon\nmore -->\n<h1>A\nday</h1>\n<p class="code">48\n2</p>\n'
        '<a class="button" href="https://x.example">Go\nthere</a>',
        "",
        BRAND,
        "fr",
    )
    assert "<title>A\nday - A &amp; B</title>" in html
    assert "preheader:" not in html
    assert ">Soon\nmore" in html
    assert ">48\n2</td></tr></table>" in html
    assert '<a class="mw-button" href="https://x.example"' in html
    assert ">Go\nthere</a></td></tr></table>" in html


def test_a_mail_without_heading_or_contact_says_what_it_has():
    html = compose_html(
        "<p>x</p><table><tr><th>a</th><td>b</td></tr></table>", "", Brand("N & M", "", ""), "en"
    )
    assert "<title>N &amp; M</title>" in html
    assert "mailto:" not in html
    assert "<br><br>" not in html
    logo = compose_html("<h1></h1>", "", Brand('N "M"', "", "", logo_url="https://x.example/?a&b"), "en")
    assert '<img src="https://x.example/?a&amp;b" alt="N &quot;M&quot;" height="36"' in logo
    assert "<title>N &quot;M&quot;</title>" in logo


@pytest.mark.parametrize(
    ("written", "like"),
    [
        ('<p class="odd">', "p"),
        ('<h1 class="x">', "h1"),
        ('<td class="y">', "td"),
        ('<p class="code">', "p.code"),
    ],
)
def test_a_class_that_is_none_of_ours_changes_nothing(written, like):
    css_class, style = STYLES[like]
    assert f'class="{css_class}" style="{style}">x' in compose_html(written + "x", "", BRAND, "fr")


def test_what_is_typed_stands_in_a_cell_for_outlook_pads_no_paragraph():
    css_class, style = STYLES["p.code"]
    html = compose_html('<p class="code">482</p>', "", BRAND, "fr")
    assert f'<tr><td class="{css_class}" style="{style}">482</td></tr></table>' in html


@pytest.mark.parametrize(
    ("language", "direction"), [("fr", "ltr"), ("ar-MA", "rtl"), ("he", "rtl"), ("?", "ltr")]
)
def test_a_mail_runs_as_its_language_is_written_also_where_a_reader_drops_its_head(language, direction):
    html = compose_html("<h1>x</h1>", "", BRAND, language)
    assert f'<html lang="{language}" dir="{direction}"' in html
    assert f'<div role="article" aria-roledescription="email" lang="{language}" dir="{direction}">' in html


def test_a_table_of_ones_own_stays_as_it_is():
    for written in ("<table>", '<table class="mine">', '<table border="1">'):
        assert f"{written}<tr>" in compose_html(f"{written}<tr></tr></table>", "", BRAND, "fr")


def library(folder=None):
    block = "{from_email: a@x.example, from_name: A, template_id: 1, subject: Sujet, languages: {en: {template_id: 2, subject: Subject}, de: {template_id: 3, subject: Betreff}}"
    return settings(
        f"{{name: N, template_dir: {folder}}}" if folder else "{name: N}",
        more=f", {WELCOME}: {block}}}, {OWN}: {block}, variables: [a]}}",
    )


def test_each_language_has_its_brand_and_others_the_first():
    made = template_library(settings("{name: N, legal_url: 'https://x.example/l'}"))
    assert "Mentions légales\u00a0: https://" in made.template(WELCOME, "fr").text
    assert "Legal notice: https://" in made.template(WELCOME, "en").text


def test_an_operators_own_template_goes_before_ours(tmp_path):
    made = template_library(library(tmp_path))
    assert made.names() == [(kind, language) for kind in SUBJECTS for language in ("fr", "en")]
    for name in (f"{WELCOME}.fr", f"{OWN}.de", f"{LOW}.en"):
        (tmp_path / f"{name}.html").write_text("<h1>Own</h1>", "utf-8")
        (tmp_path / f"{name}.txt").write_text("Own", "utf-8")
    assert made.names()[20:] == [(OWN, "de")]
    own = made.template(WELCOME, "fr")
    assert (own.subject, own.text.split("\n")[0]) == ("Sujet", "Own")
    assert made.template(WELCOME, "en").subject == "Welcome to {{var:company_name}}"
    german = made.template(OWN, "de")
    assert (german.subject, german.language, german.kind) == ("Betreff", "de", OWN)
    assert "service" not in german.text, "in a language that is none of ours it has no footer's sentence"
    assert made.template(LOW, "en").subject == "Low balance alert"
    with pytest.raises(
        BadInput, match=f"{OWN}: there is no template in fr; write one: mailworker templates new {OWN}"
    ):
        made.template(OWN, "fr")
    with pytest.raises(BadInput, match="There is no e-mail template for the kind 'x'"):
        made.template("x", "fr")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_first_template_of_a_marketing_kind_has_its_way_out_once(tmp_path, language):
    block = "{from_email: a@x.example, from_name: A, template_id: 1, subject: S, service: false, languages: {en: {template_id: 2, subject: T}}}"
    made = settings(f"{{name: N, template_dir: {tmp_path}}}", more=f", {OWN}: {block[:-1]}, variables: [a]}}")
    write_starter(made, OWN, language)
    kind, library = made.kinds[OWN], template_library(made)
    first = library.template(OWN, language)
    assert way_out_faults("x", first.html, kind) == []
    assert f"{{{{mj:unsub_link_{language}}}}}" in first.text
    assert "service" not in first.text
    page = tmp_path / f"{OWN}.{language}.html"
    for link in ("{{mj:unsub_link}}", "[[UNSUB_LINK_EN]]"):
        page.write_text(f'<p><a href="{link}">Leave</a></p>', "utf-8")
        assert library.template(OWN, language).html.lower().count("unsub_link") == 1, (
            "who writes a link of their own gets no other"
        )


def test_an_own_template_without_a_subject_has_its_kinds_name(tmp_path):
    for name in (f"{OWN}.fr", f"{WELCOME}.en"):
        (tmp_path / f"{name}.html").write_text("x", "utf-8")
        (tmp_path / f"{name}.txt").write_text("x", "utf-8")
    made = TemplateLibrary({"fr": DEFAULT_BRANDS["fr"]}, OwnTemplates(tmp_path), {})
    assert made.template(OWN, "fr").subject == OWN
    assert made.template(WELCOME, "en").subject == "Welcome to {{var:company_name}}"
    assert not OwnTemplates().has(OWN, "fr")
    (tmp_path / f"{OWN}.fr.txt").write_bytes(b"\xff")
    with pytest.raises(BadInput, match=rf"{OWN}\.fr\.txt: is not UTF-8 text"):
        made.template(OWN, "fr")


def test_the_subjects_of_a_configuration():
    found = own_templates(library())
    assert found == OwnTemplates(
        None,
        {
            (kind, language): subject
            for kind in (WELCOME, OWN)
            for language, subject in (("fr", "Sujet"), ("en", "Subject"), ("de", "Betreff"))
        },
    )
    assert sample_library().template(WELCOME, "fr") == mail_template(WELCOME, "fr")
    assert sample_library().kinds[OWN[:20] + "CustomerWelcome"].name == WELCOME


def test_a_starter_has_every_variable_once():
    assert starter(Kind("k", (Variable("a"), Variable("b"))), "fr") == (
        '<h1>k</h1>\n<p>Bonjour,</p>\n<table class="facts">\n'
        + "".join(f"  <tr><th>{name}</th><td>{{{{Escape(var:{name})}}}}</td></tr>\n" for name in "ab")
        + "</table>\n",
        "k\n\nBonjour,\n\na\u00a0: {{var:a}}\nb\u00a0: {{var:b}}\n",
    )
    assert starter(Kind("k", ()), "en") == ("<h1>k</h1>\n<p>Hello,</p>\n", "k\n\nHello,\n")


@pytest.mark.parametrize(
    ("kind", "language", "tail"),
    [
        (WELCOME, "fr", "Vous recevez ce message de service parce que vous avez un compte chez nous."),
        (WELCOME, "en", "You receive this service message because you have an account with us."),
        (USER_WELCOME, "en", "Automatic message of the administration portal."),
        (LOW, "fr", "un compte chez nous.\nNe plus recevoir ces alertes\u00a0: {{mj:unsub_link_fr}}"),
        (LOW, "en", "an account with us.\nStop receiving these alerts: {{mj:unsub_link_en}}"),
    ],
)
def test_the_footer_says_why_and_where_to_switch_off_what_may_be(kind, language, tail):
    made = mail_template(kind, language)
    assert f"{tail}\n" in made.text
    assert ("{{mj:unsub_link_" in made.html) is (kind == LOW)
    names = [one.name for one in made.variables_used]
    assert len(names) == len(set(names))


def test_a_template_that_is_not_there_is_told_at_once():
    with pytest.raises(BadInput) as caught:
        mail_template("x", "de")
    assert len(caught.value.faults) == 2
    assert caught.value.faults[1] == "There is no e-mail template in the language 'de'; there is fr and en."


def test_samples_are_in_their_language():
    assert sample_variables(LOW, "en")["threshold"] == "10 GB"
    assert sample_variables(LOW)["threshold"] == "10 Go"
    assert set(sample_variables(LOW, "en")) == set(sample_variables(LOW, "fr"))
