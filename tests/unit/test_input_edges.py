"""What callers may give of contacts, campaigns and variables: every bound at its edge, every default, every fault once."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from mailworker.core.kind import Kind, Variable, VariableType
from mailworker.errors import BadInput
from mailworker.rules.campaign_rules import (
    MOVES,
    CampaignChannel,
    CampaignState,
    check_campaign,
    contact_in_key,
    demand_move,
    key_of,
    key_of_test,
    purpose_of,
    send_time,
    variable_sources,
)
from mailworker.rules.contact_input import check_contact, check_customer, check_email, contact_address
from mailworker.rules.job.check_variables import MAX_ITEMS, MAX_TEXT, check_variables
from mailworker.rules.recipient_gate import Purpose

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")


def faults_of(check, *given, **more):
    try:
        check(*given, **more)
    except BadInput as fault:
        return [one.partition(":")[0].partition(" ")[0] for one in fault.faults]
    return []


# ---- contacts


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({}, {"contact_id": "a@x.example", "customer_id": "", "name": "", "custom_fields": {}}),
        ({"contact_id": 7}, {"contact_id": "7"}),
        ({"contact_id": " k "}, {"contact_id": "k"}),
        ({"contact_id": "k" * 64}, {"contact_id": "k" * 64}),
        ({"customer_id": 0}, {"customer_id": "0"}),
        ({"name": "n" * 1000}, {"name": "n" * 1000}),
        ({"custom_fields": None}, {"custom_fields": {}}),
        ({"custom_fields": {"a": 1, "b": True, "c": None, "d": 1.5, "e": "x"}},
         {"custom_fields": {"a": "1", "b": "true", "d": "1.5", "e": "x"}}),
        ({"custom_fields": {str(n): n for n in range(200)}}, {}),
        ({"custom_fields": {"a": "x" * 1000}}, {}),
        ({"version": 0}, {}), ({"version": 10**18}, {}),
    ],
)  # fmt: skip
def test_what_a_contact_may_say(given, fields):
    person = check_contact({"email": "A@x.example"} | given, asked_at=NOW)
    assert {name: getattr(person, name) for name in fields} == fields
    assert (person.email, person.stamp.at, person.stamp.version) == ("a@x.example", NOW, given.get("version"))


@pytest.mark.parametrize(
    ("given", "faulty"),
    [
        ({"email": None}, "email"), ({"email": 7}, "email"), ({"email": "nobody"}, "email"),
        ({"contact_id": ""}, "contact_id"), ({"contact_id": "k" * 65}, "contact_id"), ({"contact_id": True}, "contact_id"),
        ({"contact_id": 1.5}, "contact_id"), ({"name": "n" * 1001}, "name"), ({"version": -1}, "version"),
        ({"version": 10**18 + 1}, "version"), ({"version": True}, "version"), ({"version": "1"}, "version"),
        ({"custom_fields": [1]}, "custom_fields"), ({"custom_fields": {"a": [1]}}, "custom_fields"),
        ({"custom_fields": {str(n): n for n in range(201)}}, "custom_fields"),
        ({"custom_fields": {"a": "x" * 1001}}, "custom_fields"), ({"updated_at": "soon"}, "updated_at"), ({"shoe": 1}, "shoe"),
    ],
)  # fmt: skip
def test_what_a_contact_may_not_say(given, faulty):
    raw = {"email": "a@x.example"} | given
    assert faults_of(check_contact, raw, asked_at=NOW) == [f"contact.{faulty}"]
    customer = {"customer_id": "C", "contacts": [{"email": "b@x.example"}, raw]}
    assert faults_of(check_customer, customer, asked_at=NOW) == [f"customer.contacts[1].{faulty}"]


def test_a_contact_says_how_new_it_is():
    person = check_contact({"email": "a@x.example", "updated_at": "2026-01-01T00:00:00Z"}, asked_at=NOW)
    assert person.stamp.at == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("raw", [None, [], "a@x.example", 7])
def test_what_is_no_contact_and_no_customer(raw):
    assert faults_of(check_contact, raw, asked_at=NOW) == ["contact"]
    assert faults_of(check_customer, raw, asked_at=NOW) == ["customer"]


def test_a_customer_and_its_contacts():
    contacts = [{"email": "a@x.example"}, {"email": "b@x.example", "customer_id": "D"}]
    raw = {"customer_id": 7, "name": "N", "city": "Lyon", "contacts": contacts, "custom_fields": {"x": 1}}
    company, people = check_customer(raw, asked_at=NOW)
    assert (company.customer_id, company.name, company.city, company.timezone) == ("7", "N", "Lyon", "")
    assert company.custom_fields == {"x": "1"}
    assert [(one.email, one.customer_id) for one in people] == [("a@x.example", "7"), ("b@x.example", "D")]
    assert check_customer({"customer_id": "7"}, asked_at=NOW)[1] == []


@pytest.mark.parametrize(
    ("raw", "faulty"),
    [
        ({}, ["customer.customer_id"]),
        ({"customer_id": "C", "contacts": {}}, []),
        ({"customer_id": "C", "contacts": "x"}, ["customer.contacts"]),
        ({"customer_id": "C", "contacts": ["x"]}, ["customer.contacts[0]"]),
        ({"customer_id": "C", "contacts": [{"email": f"p{n}@x.example"} for n in range(1001)]}, ["customer.contacts"]),
        ({"customer_id": "C", "contacts": [{"email": f"p{n}@x.example"} for n in range(1000)]}, []),
        ({"customer_id": "", "zip": 1}, ["customer.zip", "customer.customer_id"]),
    ],
)  # fmt: skip
def test_what_a_customer_may_not_say(raw, faulty):
    assert sorted(faults_of(check_customer, raw, asked_at=NOW)) == sorted(faulty)


@pytest.mark.parametrize(
    ("raw", "email"),
    [
        (" A.B+c@X.Example ", "a.b+c@x.example"),
        ("é@bücher.example", "é@bücher.example"),
        ("a@" + "b" * 60 + ".example", "a@" + "b" * 60 + ".example"),
    ],
)
def test_an_address_has_one_form(raw, email):
    assert contact_address(raw) == check_email(raw) == email


@pytest.mark.parametrize("raw", ["", "a@b", "a b@x.example", "a@-x.example", "a..b@x.example"])
def test_what_is_no_address(raw):
    with pytest.raises(BadInput, match="email: is not an e-mail address"):
        check_email(raw)


@pytest.mark.parametrize("raw", [None, 7, b"a@x.example", ["a@x.example"]])
def test_what_is_no_text_is_no_address(raw):
    with pytest.raises(BadInput, match="email: must be one address, as text"):
        check_email(raw)


# ---- campaigns

KIND = Kind("news", (Variable("name"), Variable("Offer"), Variable("extra", required=False)), service=False)
SERVICE = Kind("notice", (Variable("name"),))
SECRET = Kind("secret", (Variable("name", secret=True),), service=False)
KINDS = {one.name: one for one in (KIND, SERVICE, SECRET)}
MAIL = {"name": "N", "segment": "a=1", "subject": "S", "html": "<p>", "from_email": "A@x.example"}
OURS = {"name": "N", "everybody": True, "kind": "news", "values": {"Offer": "x"}}


def checked(raw, properties=("city",), defaults=None):
    return check_campaign(raw, KINDS, properties, defaults or {})


def test_a_campaign_of_mailjets():
    spec = checked(MAIL | {"contact_type": "billing"})
    assert (spec.name, spec.segment, spec.contact_type, spec.way) == (
        "N",
        "a=1",
        "billing",
        CampaignChannel.MAILJET,
    )
    assert spec.content == {
        "subject": "S", "from_name": "", "locale": "fr_FR", "from_email": "a@x.example", "html": "<p>", "text": "",
        "template_id": None,
    }  # fmt: skip
    defaults = {"from_email": "d@x.example", "from_name": "D", "locale": "en_GB"}
    raw = {name: value for name, value in MAIL.items() if name != "from_email"}
    content = checked(raw | {"from_name": ""}, defaults=defaults).content
    assert (content["from_email"], content["from_name"], content["locale"]) == ("d@x.example", "D", "en_GB")


def test_a_campaign_of_ours():
    spec = checked(OURS)
    assert (spec.way, spec.segment) == (CampaignChannel.WORKERS, "")
    assert spec.content == {"kind": "news", "values": {"Offer": "x"}}
    assert checked(OURS | {"values": {}}, properties=("offer",)).content["values"] == {}
    assert variable_sources(KIND, {"Offer": 1}) == {"name": "name", "extra": "extra"}


@pytest.mark.parametrize(
    ("change", "faulty"),
    [
        ({"name": ""}, "name"), ({"name": "n" * 101}, "name"), ({"segment": ""}, "segment"),
        ({"everybody": True}, "segment"), ({"subject": None}, "subject"), ({"subject": "s" * 256}, "subject"),
        ({"from_email": "nobody"}, "from_email"), ({"from_email": None}, "from_email"), ({"html": ""}, "template_id,"),
        ({"template_id": 3}, "template_id,"), ({"html": "", "template_id": "3"}, "template_id"),
        ({"html": "", "template_id": True}, "template_id"), ({"html": "", "template_id": -1}, "template_id"),
        ({"values": {"a": 1}}, "values"), ({"colour": "red"}, "colour"),
    ],
)  # fmt: skip
def test_a_wrong_campaign_of_mailjets(change, faulty):
    assert [one.split(",")[0] for one in faults_of(checked, MAIL | change)] == [faulty.strip(",")]


@pytest.mark.parametrize(
    "change",
    [{"name": "n" * 100}, {"subject": "s" * 255}, {"html": "", "text": "t"}, {"html": "", "template_id": 1}],
)
def test_a_campaign_of_mailjets_at_its_edges(change):
    assert faults_of(checked, MAIL | change) == []


@pytest.mark.parametrize(
    ("change", "faulty"),
    [
        ({"kind": "gone"}, ["kind"]), ({"kind": "notice", "values": {}}, ["kind"]), ({"kind": "secret", "values": {}}, ["kind"]),
        ({"values": {}}, ["kind"]), ({"values": {"Offer": 1, "offre": 1}}, ["values"]), ({"values": "x"}, ["values", "kind"]),
        ({"subject": "S"}, ["subject"]), ({"html": "<p>", "text": "t"}, ["html", "text"]), ({"template_id": 3}, ["template_id"]),
        ({"from_email": "a@x.example", "from_name": "A"}, ["from_email", "from_name"]), ({"segment": "a=1"}, ["segment"]),
    ],
)  # fmt: skip
def test_a_wrong_campaign_of_ours(change, faulty):
    assert faults_of(checked, OURS | change) == faulty


@pytest.mark.parametrize("raw", [None, [], "x"])
def test_what_is_no_campaign(raw):
    assert faults_of(checked, raw) == ["campaign"]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-01 09:00", datetime(2026, 12, 1, 8, tzinfo=UTC)),
        ("2026-12-01T09:00+00:00", datetime(2026, 12, 1, 9, tzinfo=UTC)),
        ("2026-11-30T09:01:01Z", datetime(2026, 11, 30, 9, 1, 1, tzinfo=UTC)),
        ("2027-12-01T09:00:00Z", datetime(2027, 12, 1, 9, tzinfo=UTC)),
        ("2027-10-31T02:30+02:00", datetime(2027, 10, 31, 0, 30, tzinfo=UTC)),
    ],
)
def test_when_a_campaign_goes(text, moment):
    assert send_time(text, PARIS, NOW) == moment


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("soon", "write a time like"), (None, "write a time like"), ("2026-11-30T09:01:00Z", "lies in the past, or is too near"),
        ("2026-11-30 09:00", "lies in the past"), ("2027-12-01T09:00:01Z", "more than a year away"),
        ("2027-03-28 02:30", "skip this time"), ("2027-10-31 02:30", "has this time twice"), ("0001-01-01 00:00", "write a time like|in the past"),
    ],
)  # fmt: skip
def test_when_a_campaign_cannot_go(text, why):
    with pytest.raises(BadInput, match=why):
        send_time(text, PARIS, NOW)


@pytest.mark.parametrize("state", CampaignState)
@pytest.mark.parametrize("target", CampaignState)
def test_where_a_campaign_may_go(state, target):
    assert bool(faults_of(demand_move, str(state), target, "N")) is (target not in MOVES[state])


@pytest.mark.parametrize(
    ("key", "kind", "found", "purpose"),
    [
        (key_of("c", "7"), SERVICE, ("c", "7"), Purpose.CAMPAIGN),
        (key_of("c", "a:b"), KIND, ("c", "a:b"), Purpose.CAMPAIGN),
        (key_of_test("c", "u"), KIND, None, Purpose.TEST),
        ("campaign:c", KIND, None, Purpose.MARKETING),
        ("other:c:7", SERVICE, None, Purpose.SERVICE),
    ],
)
def test_what_a_messages_key_says_of_its_campaign(key, kind, found, purpose):
    assert contact_in_key(key) == found
    assert purpose_of({"idempotency_key": key}, kind) is purpose


# ---- variables

T = VariableType


@pytest.mark.parametrize(
    ("variable", "good", "bad"),
    [
        (Variable("v"), ["x", "", " ", "x" * MAX_TEXT, 0, -1, 1.5, "<b>"],
         [None, "x" * (MAX_TEXT + 1), True, [], {}, 10**15, float("nan"), float("inf"), "\x00"]),
        (Variable("v", filled=True), ["x", 0], ["", " ", None]),
        (Variable("v", secret=True), ["x", 7], ["<", ">", None]),
        (Variable("v", blank=True), ["", "x"], [None]),
        (Variable("v", required=False), ["", "x"], [None, True]),
        (Variable("v", T.INTEGER), [0, -5, "12", "-3", "9" * 18, 10**15 - 1], [1.5, True, "1.5", "9" * 19, 10**15, None, "", "x"]),
        (Variable("v", T.URL), ["https://x.example", "HTTP://x.example/a?b"], ["ftp://x", "https://x y", "x", 7, None, ""]),
        (Variable("v", T.URL, blank=True), ["", "https://x.example"], ["x"]),
        (Variable("v", T.EMAIL), ["a@x.example"], ["a", 7, None, ""]),
        (Variable("v", T.LIST), [[], [{"a": "x"}], ({"a": 1},), [{}] * MAX_ITEMS],
         ["x", {}, [1], [{"a": None}], [{"a": True}], [{"a": "\x00"}], [{}] * (MAX_ITEMS + 1), None]),
    ],
)  # fmt: skip
def test_each_type_of_variable_at_its_edges(variable, good, bad):
    kind = Kind("k", (variable,))
    for value in good:
        faults = []
        assert check_variables(kind, {"v": value}, faults) == {"v": value}, value
        assert faults == [], value
    for value in bad:
        faults = []
        check_variables(kind, {"v": value}, faults)
        assert [fault.partition(":")[0] for fault in faults] == ["variables.v"], value


def test_what_is_left_out_gets_its_default_and_what_is_derived_is_nobodys_to_give():
    variables = (
        Variable("a"),
        Variable("b", required=False, default="d"),
        Variable("c", required=False, derived=True),
    )
    kind, faults = Kind("k", variables), []
    assert check_variables(kind, {"a": "x"}, faults) == {"a": "x", "b": "d"}
    assert faults == []
    check_variables(kind, {"c": "x"}, faults)
    assert faults == [
        "variables.c: k has no such variable; it has a, b.",
        "variables.a: is missing; k cannot be sent without it.",
    ]


def test_a_missing_link_that_may_be_empty_says_so():
    faults = []
    check_variables(Kind("k", (Variable("a", T.URL, blank=True),)), {}, faults)
    assert faults == ['variables.a: is missing; k cannot be sent without it. Give "" where there is none.']


@pytest.mark.parametrize("given", [None, [], "x"])
def test_what_are_no_variables(given):
    faults = []
    assert check_variables(KIND, given, faults) == {}
    assert len(faults) == 1
