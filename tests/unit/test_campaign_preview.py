"""A campaign's mail as one contact would get it: which contact, whose words, and why somebody is left out."""

import pytest

from mailworker.campaigns import count_audience
from mailworker.campaigns.preview import CampaignExamples
from mailworker.config.settings import parse_settings
from mailworker.errors import BadInput
from mailworker.ledger.suppressions import suppress
from mailworker.rules.segments import check_segment
from tests.unit.test_campaign_writing import NOW, put

NEWS = "api_crmCommunicationOurNews"
TEXT = f"""
mailjet:
  api_key: k
  api_secret: s
  {NEWS}: {{from_email: a@b.example, from_name: A, template_id: 1, subject: 'Pour {{{{var:name}}}}', variables: [name, city, offer], service: false, languages: {{en: {{template_id: 2, subject: For you}}}}}}
"""
AT_MAILJET = {
    1: ("<p>{{var:name}} de {{var:city}} : {{var:offer}}</p>", "{{var:offer}}"),
    2: ("<p>Hello {{var:name}}</p>", "hello"),
    41: ("<b>{{mj:contact.email}} {{mj:contact.ID}}</b>", "draft"),
}
OURS = {"kind": NEWS, "values": {"offer": "-20 %"}}


@pytest.fixture
def example(ledger, tmp_path):
    """The example of a campaign with this content; `own` is whether the operator has templates."""

    def made(content, email=None, *, where='city = "Lyon"', own=False, more=""):
        more += f"brand: {{name: N, template_dir: {tmp_path}}}\n" if own else ""
        settings = parse_settings(TEXT + more, environ={})
        campaign = {"name": "Autumn", "contact_type": "", "content": content}
        examples = CampaignExamples(settings, ledger, AT_MAILJET.__getitem__, lambda: NOW)
        return examples.example(campaign, check_segment(where, {"city": "str"}), email)

    made.put = lambda *numbers, **values: put(ledger, numbers, values)
    made.folder, made.ledger = tmp_path, ledger
    return made


def test_the_first_contact_who_gets_it_is_shown_also_on_a_later_page(example, monkeypatch):
    monkeypatch.setattr(count_audience, "_PAGE", 2)
    example.put(0, 1, 2, properties={"city": "Brest"})
    example.put(3, 4)
    shown = example(OURS)
    assert (shown.email, shown.language, shown.subject, shown.left_out) == (
        "p3@x.example",
        "fr",
        "Pour N",
        "",
    )
    assert (shown.html, shown.text) == ("<p>N de Lyon : -20 %</p>", "-20 %")
    with pytest.raises(BadInput, match="Autumn: no contact gets it"):
        example(OURS, where='city = "Paris"')


def test_a_contact_gets_it_in_its_own_language(example):
    example.put(0, language="en")
    shown = example(OURS, "P0@x.example")
    assert (shown.language, shown.subject, shown.html, shown.text) == (
        "en",
        "For you",
        "<p>Hello N</p>",
        "hello",
    )


@pytest.mark.parametrize(("fallbacks", "subject"), [("[]", "Pour N"), ("[es, en]", "For you")])
def test_a_reader_of_another_language_gets_the_one_that_the_mail_itself_would_have(
    example, fallbacks, subject
):
    example.put(3, language="de")
    more = f"worker: {{fallback_languages: {fallbacks}}}\n"
    assert example(OURS, more=more).subject == subject


def test_why_a_contact_of_ones_choice_is_left_out(example):
    example.put(0, properties={"city": "Brest"})
    example.put(1)
    example.put(2, name="")
    with example.ledger.write() as connection:
        suppress(connection, "p1@x.example", reason="hard_bounce", source="t", now=NOW)
    whys = [example(OURS, f"p{number}@x.example").left_out for number in range(3)]
    assert whys[0] == "is not in the segment"
    assert "hard_bounce" in whys[1]
    assert whys[2] == "the CRM does not say all that the mail prints"
    assert example(OURS, "p2@x.example").html == "<p>(name) de (city) : (offer)</p>"
    with pytest.raises(
        BadInput, match=r"^contact: the CRM has no contact with this address; see contacts status\.$"
    ):
        example(OURS, "p9@x.example")
    with pytest.raises(BadInput, match="no contact gets it"):
        example(OURS)


def test_a_draft_of_mailjets_prints_what_mailjet_knows_of_the_contact(example):
    example.put(0)
    given = {"subject": "S", "html": '<p>{{data:city:"x"}}</p>', "text": "t", "template_id": None}
    shown = example(given)
    assert (shown.subject, shown.html, shown.text) == ("S", "<p>Lyon</p>", "t")
    shown = example(given | {"template_id": 41})
    assert (shown.html, shown.text) == ("<b>p0@x.example 1</b>", "draft")
    with pytest.raises(BadInput, match="Autumn: its template cannot be rendered"):
        example(given | {"html": "{% if %}"})


@pytest.mark.parametrize(("language", "used", "name"), [("", "fr", "N"), ("en", "en", ""), ("de", "fr", "N")])
def test_an_operators_own_template_goes_before_the_one_at_mailjet(example, language, used, name):
    (example.folder / f"{NEWS}.{used}.html").write_text("<p>own {{var:name}}</p>", "utf-8")
    (example.folder / f"{NEWS}.{used}.txt").write_text("own text", "utf-8")
    example.put(0, language=language)
    shown = example(OURS, own=True)
    assert ">own N</p>" in shown.html
    assert shown.text.startswith("own text\n\n____________\n")
