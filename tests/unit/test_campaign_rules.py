"""What makes a campaign, word for word, and where one may go from each state."""

import pytest

from mailworker.config.builtin_kinds import INVOICE, KINDS, PASSWORD_RESET
from mailworker.core.kind import Kind, Variable
from mailworker.errors import BadInput
from mailworker.rules.campaign_rules import (
    CampaignChannel,
    CampaignSpec,
    CampaignState,
    check_campaign,
    contact_in_key,
    demand_move,
    key_of,
    key_of_test,
    purpose_of,
    variable_sources,
)
from mailworker.rules.may_replay import AGAIN
from mailworker.rules.recipient_gate import Purpose

DEFAULTS = {"from_email": "News@CRM.example", "from_name": "OmniCRM", "locale": "en_GB"}
OFFER = Kind(
    "api_crmCommunicationOffer",
    (Variable("city"), Variable("code"), Variable("note", required=False)),
    service=False,
)
SECRET = Kind("api_crmCommunicationSecret", (Variable("code", secret=True),), service=False)
ALL = {**KINDS, OFFER.name: OFFER, SECRET.name: SECRET}
DRAFT = {"name": " Spring ", "segment": ' city = "Lyon" ', "subject": " Hello ", "html": "<p>x</p>"}
PERSONAL = {"name": "Spring", "everybody": True, "kind": OFFER.name, "values": {"code": "X"}}


def check(raw, defaults=DEFAULTS):
    return check_campaign(raw, ALL, ["city", "age"], defaults)


def faults(raw, defaults=DEFAULTS):
    with pytest.raises(BadInput) as fault:
        check(raw, defaults)
    return list(fault.value.faults)


def test_a_draft_for_mailjet():
    content = {
        "subject": "Hello",
        "from_name": "OmniCRM",
        "locale": "en_GB",
        "from_email": "news@crm.example",
        "html": "<p>x</p>",
        "text": "",
        "template_id": None,
    }
    assert check(DRAFT) == CampaignSpec("Spring", 'city = "Lyon"', "", CampaignChannel.MAILJET, content)
    own = {"from_email": "me@crm.example", "from_name": "Me", "locale": "fr_FR", "contact_type": "billing"}
    named = {name: own[name] for name in ("from_email", "from_name", "locale")}
    assert check(DRAFT | own) == CampaignSpec(
        "Spring", 'city = "Lyon"', "billing", CampaignChannel.MAILJET, content | named
    )
    bare = check(DRAFT, {"from_email": "a@b.example"})
    assert (bare.content["from_name"], bare.content["locale"]) == ("", "fr_FR")
    assert check(DRAFT | {"html": None, "template_id": 1}).content["template_id"] == 1
    assert check(DRAFT | {"html": "", "text": "words"}).content["text"] == "words"
    assert check(DRAFT | {"text": "words"}).content["text"] == "words"


def test_a_campaign_that_our_workers_send():
    assert check(PERSONAL) == CampaignSpec(
        "Spring", "", "", CampaignChannel.WORKERS, {"kind": OFFER.name, "values": {"code": "X"}}
    )
    everything = {"code": "X", "city": "Y", "note": ""}
    assert check(PERSONAL | {"values": everything}).content["values"] == everything


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (DRAFT | {"subjct": "x"}, "subjct: is not a field of a campaign; did you mean 'subject'?"),
        (DRAFT | {"zzzzzz": "x"}, "zzzzzz: is not a field of a campaign."),
        (DRAFT | {"name": " "}, "name: must be one line of text, at most 100 characters."),
        (DRAFT | {"name": "a\nb"}, "name: must be one line of text, at most 100 characters."),
        (DRAFT | {"name": 7}, "name: must be one line of text, at most 100 characters."),
        (DRAFT | {"subject": None}, "subject: must be one line of text, at most 255 characters."),
        (DRAFT | {"segment": None}, "segment: write an expression, or give everybody (--everybody); not both."),
        (DRAFT | {"everybody": True}, "segment: write an expression, or give everybody (--everybody); not both."),
        (DRAFT | {"template_id": 3}, "template_id, html: give exactly one of them."),
        (DRAFT | {"html": None}, "template_id, html: give exactly one of them."),
        (DRAFT | {"html": None, "template_id": True}, "template_id: is the whole number of a template at Mailjet."),
        (DRAFT | {"html": None, "template_id": "3"}, "template_id: is the whole number of a template at Mailjet."),
        (DRAFT | {"html": None, "template_id": -1}, "template_id: is the whole number of a template at Mailjet."),
        (DRAFT | {"values": {"a": "b"}}, 'values: belong to a kind; in Mailjet\'s own campaigns write [[data:city:""]].'),
        (DRAFT | {"from_email": "me"}, "from_email: give the sender's address, here or in contacts.campaigns of crm_config.yaml."),
        (PERSONAL | {"kind": "api_crmCommunicationOfer"}, "kind: there is no api_crmCommunicationOfer; did you mean 'api_crmCommunicationOffer'?"),
        (PERSONAL | {"kind": "x"}, "kind: there is no x."),
        (PERSONAL | {"kind": "x", "values": {}}, "kind: there is no x."),
        (PERSONAL | {"values": ["X"]}, 'values: write an object, {"name": "value"}.'),
        (PERSONAL | {"values": {"code": "X", "cde": 1}}, f"values: {OFFER.name} has no variable cde; did you mean 'code'?"),
        (PERSONAL | {"values": {"code": "X", "zzzz": 1}}, f"values: {OFFER.name} has no variable zzzz."),
        (PERSONAL | {"values": {}}, "kind: its variable code is no contact's property; or give it in values."),
        (PERSONAL | {"html": "x"}, "html: the kind's block in crm_config.yaml says it."),
        (PERSONAL | {"from_name": "x"}, "from_name: the kind's block in crm_config.yaml says it."),
        (PERSONAL | {"kind": SECRET.name, "values": {"code": "1"}}, "kind: its variable code is a secret, which no campaign knows."),
    ],
)  # fmt: skip
def test_one_sentence_for_one_fault(raw, told):
    assert told in faults(raw)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"everybody": "no"}, "everybody: must be true or false."),
        ({"everybody": 1}, "everybody: must be true or false."),
        ({"everybody": None, "segment": {"a": 1}}, "segment: must be text."),
        ({"everybody": None, "segment": 5}, "segment: must be text."),
        ({"contact_type": ["billing"]}, "contact_type: must be one line of text, at most 1000 characters."),
        ({"from_name": "A\nB"}, "from_name: must be one line of text, at most 255 characters."),
        ({"from_name": ["A"]}, "from_name: must be one line of text, at most 255 characters."),
        ({"html": ["<p>"]}, "html: must be text."),
        ({"html": None, "text": 5}, "text: must be text."),
        ({"locale": "french"}, "locale: must be a language with its country, as fr_FR."),
        ({"locale": 5}, "locale: must be a language with its country, as fr_FR."),
    ],
)
def test_what_a_field_cannot_be(change, told):
    """Above all a word in place of true: it would have meant everybody."""
    assert told in faults(DRAFT | change)


def test_service_mail_is_no_campaign():
    told = faults({"name": "N", "everybody": True, "kind": PASSWORD_RESET})
    assert any("is service mail, which passes an unsubscribe" in one for one in told)
    assert faults(DRAFT, {}) == [
        "from_email: give the sender's address, here or in contacts.campaigns of crm_config.yaml."
    ]
    assert check_campaign.__doc__
    with pytest.raises(BadInput, match="write an object"):
        check(["x"])


def test_what_a_contact_gives():
    assert variable_sources(OFFER, {}) == {"city": "city", "code": "code", "note": "note"}
    assert variable_sources(OFFER, {"code": 1}) == {"city": "city", "note": "note"}


S = CampaignState


@pytest.mark.parametrize("state", list(S))
@pytest.mark.parametrize("target", list(S))
def test_every_move_that_there_is_and_no_other(state, target):
    allowed = {
        (S.DRAFT, S.SCHEDULED), (S.DRAFT, S.SENDING), (S.DRAFT, S.CANCELLED),
        (S.SCHEDULED, S.DRAFT), (S.SCHEDULED, S.SENDING), (S.SCHEDULED, S.SENT), (S.SCHEDULED, S.CANCELLED),
        (S.SENDING, S.PAUSED), (S.SENDING, S.SENT), (S.SENDING, S.CANCELLED), (S.SENDING, S.DRAFT),
        (S.PAUSED, S.SENDING), (S.PAUSED, S.CANCELLED),
    }  # fmt: skip
    if (state, target) in allowed:
        demand_move(str(state), target, "X")
        return
    with pytest.raises(BadInput, match=f"X: is {state}, so it cannot become {target}."):
        demand_move(str(state), target, "X")


@pytest.mark.parametrize(
    ("key", "kind", "purpose"),
    [
        (key_of("c", "7"), OFFER, Purpose.CAMPAIGN),
        (key_of("c", "7"), KINDS[INVOICE], Purpose.CAMPAIGN),
        (key_of_test("c", "u"), OFFER, Purpose.TEST),
        ("campaign:c", OFFER, Purpose.MARKETING),
        ("k", OFFER, Purpose.MARKETING),
        ("k", KINDS[INVOICE], Purpose.SERVICE),
    ],
)
def test_what_a_message_is_for(key, kind, purpose):
    assert purpose_of({"idempotency_key": key}, kind) is purpose


def test_a_key_names_its_campaign_and_contact():
    assert contact_in_key(key_of("c1", "7:8")) == ("c1", "7:8")
    assert contact_in_key(key_of_test("c1", "u")) is None
    assert contact_in_key("c1:7") is None
    assert contact_in_key(key_of("c1", "7") + AGAIN) == contact_in_key(key_of("c1", "7")) == ("c1", "7")
