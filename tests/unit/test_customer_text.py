"""A customer's text stays text in what Mailjet evaluates, whether Mailjet escapes by itself or not."""

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailworker.cli.template_commands.check import check_library, markup_risks
from mailworker.config.builtin_kinds import INVOICE, KINDS
from mailworker.config.settings import parse_settings
from mailworker.core.kind import Kind, Variable, VariableType
from mailworker.core.message import Address, Mail
from mailworker.dispatch.outgoing_mail import mail_of
from mailworker.mailjet.contact_calls import MailjetContact
from mailworker.rules.job.check_variables import check_variables
from mailworker.templates.language.render import TemplateError, render
from mailworker.templates.language.unescaped_values import linked_variables, unescaped_prints
from mailworker.templates.sample_values import sample_variables
from mailworker.templates.shipped_templates import LANGUAGES, mail_template
from mailworker.templates.template_library import sample_library
from tests.doubles import CONFIG
from tests.doubles import settings as configured
from tests.rows import NOW
from tests.send_payload import message_payload

#: Texts that open tags, close attributes and comments, or are template code.
HOSTILE = st.text(alphabet="<>\"'&;/=-! abc{}%[]:#\u2039é\n", max_size=40) | st.sampled_from(
    [
        '"><script>x</script>',
        "--><h1>",
        "</p><a href='https://evil.example'>x</a>",
        "{{var:email}}",
        "[[var:email]]",
    ]
)
JSON = st.recursive(
    HOSTILE | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", min_size=1), inner, max_size=3),
    max_leaves=8,
)
ALL = [(kind, language) for kind in KINDS for language in LANGUAGES]


class Structure(HTMLParser):
    """The tags of a page with their attributes' names, comments included: all that text must not change."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[object] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, [name for name, _ in attrs]))

    def handle_endtag(self, tag):
        self.found.append(f"/{tag}")

    def handle_comment(self, data):
        self.found.append("comment")


def mail(**changes):
    values = {
        "id": "m-1",
        "kind": "api_crmCommunicationCustomerWelcome",
        "from_": Address("news@example.com", "News"),
        "to": Address("claire@example.com", "Claire"),
        "template_id": 1,
        "subject": "S",
        "variables": {},
    }
    return Mail(**(values | changes))


def texts(value):
    if isinstance(value, dict):
        return [text for inner in value.values() for text in texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in texts(inner)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("escapes", [False, True])
@pytest.mark.parametrize(("kind", "language"), ALL)
@settings(max_examples=20)
@given(text=HOSTILE)
def test_no_value_changes_the_structure_of_our_templates(kind, language, escapes, text):
    template, values = mail_template(kind, language), sample_variables(kind, language)
    changeable = [one.name for one in KINDS[kind].variables if one.type is VariableType.TEXT]
    hostile = values | dict.fromkeys(changeable, text or "x")
    plain = values | dict.fromkeys(changeable, "x")

    page = Structure(render(template.html, hostile, escapes=escapes)).found

    assert page == Structure(render(template.html, plain)).found


@given(variables=st.dictionaries(st.text("abc", min_size=1), JSON, max_size=4), name=HOSTILE)
def test_no_angle_bracket_leaves_in_a_value(variables, name):
    payload = message_payload(mail(variables=variables, to=Address("claire@example.com", name)))
    leaving = texts(payload["Variables"]) + texts(payload["To"])
    assert not [text for text in leaving if "<" in text or ">" in text]
    assert {type(one) for one in payload["Variables"].values()} <= {str, int, bool, list, dict}


def test_an_operators_template_without_escape_prints_no_markup_either():
    variables = message_payload(mail(variables={"name": "<a href='https://evil.example'>A & B</a>"}))[
        "Variables"
    ]
    assert render("<p>{{var:name}}</p>", variables) == "<p>‹a href='https://evil.example'›A & B‹/a›</p>"


@given(text=HOSTILE)
def test_contacts_carry_no_markup_to_campaigns(text):
    contact = MailjetContact("claire@example.com", text or "C", {"city": text, "age": 3, "gone": None})
    document = contact.as_json()
    assert "<" not in document["Name"] + document["Properties"]["city"]
    assert ">" not in document["Name"] + document["Properties"]["city"]
    assert (document["Properties"]["age"], document["Properties"]["gone"]) == (3, None)


@pytest.mark.parametrize("text", ["Lune<42", "a>b"])
def test_a_secret_that_a_mail_would_change_is_refused(text):
    kind = KINDS["api_crmCommunicationUserWelcome"]
    faults: list[str] = []
    check_variables(kind, sample_variables(kind.name) | {"temp_password": text}, faults)
    assert [fault.split(":")[0] for fault in faults] == ["variables.temp_password"]
    assert text not in faults[0]


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "//evil.example", 'https://x/"><b>', "ftp://x"]
)
@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS.values() if any(one.type is VariableType.URL for one in kind.variables)]
)
def test_a_link_is_http_at_the_door(kind, url):
    names = [one.name for one in kind.variables if one.type is VariableType.URL]
    faults: list[str] = []
    check_variables(kind, sample_variables(kind.name) | dict.fromkeys(names, url), faults)
    assert {fault.split(":")[0] for fault in faults} == {f"variables.{name}" for name in names}


def test_an_invoices_number_in_the_subject_is_never_evaluated():
    variables = {"invoice_number": "G-1 {{var:pay_url}} {% if", "pay_url": "https://pay.example/secret"}
    row = {"id": "m-1", "kind": INVOICE, "language": "fr", "to_email": "c@client.example", "to_name": "C"}
    row |= {"variables": variables, "cc": None, "bcc": None, "attachments": None, "accepted_at": NOW}
    row |= {"invoice": None, "invoice_id": None}
    subject = message_payload(mail_of(row, configured(), {}))["Subject"]
    assert render(subject, variables) == "Votre Facture - G-1 {{var:pay_url}} {% if"


def test_our_templates_escape_everything_and_link_only_to_links():
    assert check_library(sample_library()).faults == []
    for kind, language in ALL:
        html = mail_template(kind, language).html
        types = {one.name: one.type for one in KINDS[kind].variables}
        assert {types[name] for name in linked_variables(html)} <= {VariableType.URL}
        assert {types[name.partition(":")[2]] for name in unescaped_prints(html)} <= {VariableType.INTEGER}


@pytest.mark.parametrize(
    ("source", "unescaped"),
    [
        ("{{var:a}}", ["var:a"]),
        ('{{var:a:""}} {{var:a}}', ["var:a"]),
        ("{{Escape(var:a)}} {{UrlEncode(var:a)}} {{Int(var:a)}} {{Round(var:a, 2)}}", []),
        ("{{Upper(var:a)}}", ["var:a"]),
        ("{{Upper(Escape(var:a))}}", []),
        ("{{var:a + Escape(var:b)}}", ["var:a"]),
        ("{{var:a * 2}} {{var:a > 1}} {{'text'}}", []),
        ("{% for r in var:rows %}{{r.title}}{{Escape(r.title)}}{% endfor %}", ["r.title"]),
        ("{% set x = var:a %}{{x}}", ["x"]),
        ("{% if var:a %}{{var:b}}{% elseif 1 %}{{data:c}}{% else %}{{mj:contact.name}}{% endif %}", ["var:b", "data:c", "mj:contact.name"]),
        ("[[var:a]] [[data:b]]", ["[[var:a]]", "[[data:b]]"]),
        ("{{mj:unsub_link_fr}} {{mj:contact.ID}}", []),
        ("{{var:count}}", []),
        ("{{var:count.name}}", ["var:count.name"]),
    ],
)  # fmt: skip
def test_what_is_printed_unescaped(source, unescaped):
    assert list(unescaped_prints(source, {"count"})) == unescaped


def test_a_template_that_cannot_be_read_is_no_clean_one():
    with pytest.raises(TemplateError):
        unescaped_prints("{{var:a")


def test_risks_are_sentences_that_say_how_to_mend():
    kind = Kind(
        "api_crmCommunicationOutage",
        (Variable("name"), Variable("page"), Variable("count", VariableType.INTEGER)),
    )
    html = "<p>{{var:name}} {{var:count}} <a href='{{Escape(var:page)}}'>x</a>"
    assert markup_risks("T", html, kind) == [
        "T: var:name is printed into HTML unescaped; write {{Escape(var:name)}}.",
        "T: page is a link's target, so give it the type url in the configuration.",
    ]


def test_a_bare_name_of_a_link_has_to_be_one():
    block = """\
  api_crmCommunicationOutage:
    {from_email: a@container.example, from_name: A, template_id: 9, subject: O, variables: [page_url, note]}
"""
    kind = parse_settings(CONFIG.replace("worker:", block + "worker:"), environ={}).kinds[
        "api_crmCommunicationOutage"
    ]
    assert [one.type for one in kind.variables] == [VariableType.URL, VariableType.TEXT]
