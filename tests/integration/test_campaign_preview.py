"""Before a campaign goes: its mail as a real contact would get it; and while it goes, how far it is."""

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest

from mailworker.campaigns.preview import CampaignExamples
from mailworker.config.settings import parse_settings
from mailworker.errors import BadInput
from mailworker.ledger.suppressions import suppress
from mailworker.mailjet.contact_calls import create_property
from mailworker.mailjet.rest_api import RestCall
from tests.integration.test_campaigns import MAIL, NEWS, OURS, container, desk, finish, sent

__all__ = ["container", "desk"]
pytestmark = pytest.mark.integration

HTML = "<p>Bonjour {{var:name}} de {{var:city}}&nbsp;: {{var:offer}}</p>"


@pytest.fixture
def examples(container):
    contents = {1: (HTML, ""), 2: ("<p>Hello {{var:name}}: {{var:offer}}</p>", "")}
    block = (
        "{from_email: a@example.com, from_name: A, template_id: 1, subject: 'Pour {{var:name}}', "
        "variables: [name, city, offer], service: false, languages: {en: {template_id: 2, subject: For you}}}"
    )
    settings = parse_settings(f"mailjet:\n  api_key: k\n  api_secret: s\n  {NEWS}: {block}\n", environ={})
    return CampaignExamples(settings, container.ledger, contents.__getitem__, container.clock)


def example_of(examples, desk, name, contact=None):
    row = desk.find(name)
    return examples.example(row, desk.segment_of(row), contact)


def test_the_first_contact_who_gets_it_is_shown_with_its_own_data(container, desk, examples):
    desk.create({**OURS, "everybody": None, "segment": 'city = "Brest"'})
    shown = example_of(examples, desk, "Offer")
    assert (shown.email, shown.language, shown.subject) == ("p4@example.com", "fr", "Pour P4")
    assert shown.html == "<p>Bonjour P4 de Brest&nbsp;: -20 %</p>"


def test_a_contact_of_ones_choice_in_its_own_language(container, desk, examples):
    contact = {
        "contact_id": "9",
        "email": "nina@example.com",
        "name": "Nina",
        "customer_id": "Lyon",
        "language": "en",
    }
    container.do("sync_contact", contact=contact)
    container.work()
    desk.create(OURS)
    shown = example_of(examples, desk, "Offer", "Nina@Example.com")
    assert (shown.language, shown.subject, shown.left_out) == ("en", "For you", "")
    assert shown.html == "<p>Hello Nina: -20 %</p>"


def test_an_own_template_is_shown_as_it_is_pushed_with_its_frame_and_a_way_out(
    container, desk, examples, tmp_path
):
    (tmp_path / f"{NEWS}.fr.html").write_text("<h1>{{Escape(var:city)}}</h1>", "utf-8")
    (tmp_path / f"{NEWS}.fr.txt").write_text("{{var:city}}", "utf-8")
    settings = examples._settings
    brand = settings.brand.model_copy(update={"name": "Alizé", "template_dir": tmp_path})
    examples._settings = settings.model_copy(update={"brand": brand})
    desk.create({**OURS, "everybody": None, "segment": 'city = "Brest"'})
    shown = example_of(examples, desk, "Offer")
    assert ">Brest</h1>" in shown.html
    assert "Alizé" in shown.html
    assert 'Ne plus recevoir nos offres par <span style="white-space:nowrap;">e-mail</span>' in shown.html
    assert "Ne plus recevoir nos offres par e-mail" in shown.text
    assert "message de service" not in shown.html


def test_who_would_not_get_it_is_told_why(container, desk, examples):
    desk.create({**OURS, "everybody": None, "segment": 'city = "Brest"'})
    assert example_of(examples, desk, "Offer", "p0@example.com").left_out == "is not in the segment"
    with container.ledger.write() as connection:
        suppress(connection, "p4@example.com", reason="hard_bounce", source="t", now=container.clock())
    assert "hard" in example_of(examples, desk, "Offer", "p4@example.com").left_out
    assert example_of(examples, desk, "Offer").email == "p5@example.com"
    with pytest.raises(BadInput, match="no contact with this address"):
        example_of(examples, desk, "Offer", "nobody@example.com")


def test_mailjets_own_draft_prints_the_contacts_properties(container, desk, examples):
    desk.create({**MAIL, "html": '<p>[[data:city:"chez vous"]]</p>', "segment": 'city = "Brest"'})
    assert example_of(examples, desk, "Autumn").html == "<p>Brest</p>"


def test_a_property_that_nobody_has_is_told_before_anything_is_made(container, desk):
    create_property(container.gateway, "vip_since", "str")
    fields = MAIL | {
        "subject": "[[data:citty]]",
        "html": "{% if data:Vip_Since %}[[data:city]]{{data:zzz}}{% endif %}",
    }
    with pytest.raises(BadInput) as fault:
        desk.create(fields | {"segment": 'city = "Brest"'})
    assert fault.value.faults == (
        "subject, html, text: contacts have no property citty; did you mean 'city'?",
        "subject, html, text: contacts have no property zzz.",
    )
    assert desk.latest() == []


def test_a_template_that_cannot_be_rendered_is_told_before_anybody_gets_it(container, desk, examples):
    desk.create({**MAIL, "html": "{% if %}", "segment": 'city = "Brest"'})
    with pytest.raises(BadInput, match="cannot be rendered"):
        example_of(examples, desk, "Autumn")


def test_progress_is_a_share_of_those_who_get_it(container, desk):
    row, _ = desk.create(OURS)
    assert desk.progress(row["id"])["contacts that get it"] == 6
    desk.send(row["id"])
    finish(desk)
    told = desk.progress(row["id"])
    assert (told["written"], told["waiting"], told["sent"]) == (6, 6, 0)
    sent(container)
    assert (desk.progress(row["id"])["waiting"], desk.progress(row["id"])["sent"]) == (0, 6)


@pytest.mark.parametrize(
    ("html", "goes"),
    [
        ("<p>Bonjour</p>", False),
        ('<a href="{{mj:unsub_link_fr}}">Ne plus recevoir nos offres</a>', True),
        (None, True),
    ],
    ids=["no link", "a link", "no template there"],
)
def test_a_campaign_without_a_way_out_is_not_sent(container, desk, monkeypatch, html, goes):
    row, _ = desk.create(OURS)
    number = 987654
    if html is not None:
        made = container.gateway.rest(RestCall("template", "POST", data={"Name": f"Way {uuid.uuid4()}"}))
        number = made["Data"][0]["ID"]
        parts = {"Html-part": html}
        container.gateway.rest(RestCall("template_detailcontent", "POST", id=number, data=parts))
    policies = replace(desk._guard._rules, templates=lambda kind: [number] if kind == NEWS else [])
    monkeypatch.setattr(desk._guard, "_rules", policies)
    tomorrow = (container.clock() + timedelta(days=1)).isoformat()
    for act in (lambda: desk.schedule(row["id"], tomorrow), lambda: desk.send(row["id"])):
        if goes:
            act()
            break
        with pytest.raises(BadInput, match="has no link to unsubscribe"):
            act()
    assert (desk.find(row["id"])["state"] == "draft") == (not goes)
