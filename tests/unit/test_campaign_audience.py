"""Whom a campaign is for: one contact of every make, counted in the one place where it belongs."""

from dataclasses import asdict
from datetime import UTC, datetime

import pytest

from mailworker.campaigns import count_audience as module
from mailworker.campaigns.count_audience import Audience, AudienceCount, in_segment
from mailworker.campaigns.exclude_barred_at_mailjet import _objection
from mailworker.campaigns.worker_campaigns import printed
from mailworker.config.contacts import ContactSettings
from mailworker.core.kind import Kind, Variable, VariableType
from mailworker.errors import BadInput
from mailworker.ledger.mailjet_contact_rows import add_entries, new_entry
from mailworker.ledger.suppressions import suppress
from mailworker.rules.recipient_gate import Objection, Standing
from mailworker.rules.segments import EVERYONE, check_segment

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
LYON = check_segment('city = "Lyon"', {"city": "str"})


def put(ledger, *entries):
    """Contacts p0, p1, ... of Lyon, told and in step, but for these values."""
    plain = {
        "name": "",
        "properties": {"city": "Lyon"},
        "lists": ["", "billing"],
        "excluded": None,
        "fingerprint": "f",
    }
    plain |= {
        "task": "tell",
        "audience": "a",
        "due_at": NOW,
        "changed_at": NOW,
        "state": "in_step",
        "told": "f",
    }
    with ledger.write() as connection:
        for number, own in enumerate(entries):
            row = new_entry(**plain | {"email": f"p{number}@x.example"} | own)
            add_entries(connection, [row | {"barred": row.get("barred")}])


def counted(ledger, segment=EVERYONE, contact_type="", **more):
    """What is counted of them that is not 0, the sample left out."""
    found = asdict(AudienceCount(ledger, ContactSettings()).audience(segment, contact_type, now=NOW, **more))
    return {name: count for name, count in found.items() if count and name != "sample"}


def at(*numbers):
    return {f"p{number}@x.example" for number in numbers}


@pytest.mark.parametrize(
    ("own", "more", "found"),
    [
        ({}, {}, {"contacts": 1}),
        ({"lists": []}, {}, {}),
        ({"task": "erase"}, {}, {}),
        ({"properties": {"city": "Brest"}}, {"segment": LYON}, {}),
        ({}, {"segment": LYON}, {"contacts": 1}),
        ({}, {"contact_type": "billing"}, {"contacts": 1}),
        ({}, {"contact_type": "tech"}, {}),
        ({"unsubscribed_at": NOW}, {}, {"contacts": 1, "unsubscribed": 1}),
        ({"left_out": True}, {}, {"contacts": 1, "excluded": 1}),
        ({"excluded": True}, {}, {"contacts": 1, "excluded": 1}),
        ({"excluded": False}, {}, {"contacts": 1}),
        ({}, {"at_mailjet": at(0)}, {"contacts": 1}),
        ({}, {"at_mailjet": at()}, {"contacts": 1, "missing": 1}),
        ({"unsubscribed_at": NOW}, {"at_mailjet": at()}, {"contacts": 1, "unsubscribed": 1}),
        ({}, {"allows": lambda _: False}, {"contacts": 1, "outside": 1}),
        ({}, {"allows": lambda _: False, "at_mailjet": at()}, {"contacts": 1, "missing": 1}),
        ({"unsubscribed_at": NOW}, {"allows": lambda _: False}, {"contacts": 1, "unsubscribed": 1}),
        ({}, {"fits": lambda _: False}, {"contacts": 1, "lacking": 1}),
        ({}, {"fits": lambda _: False, "allows": lambda _: False}, {"contacts": 1, "lacking": 1}),
        ({}, {"fits": lambda _: False, "at_mailjet": at()}, {"contacts": 1, "missing": 1}),
        ({"left_out": True}, {"fits": lambda _: False}, {"contacts": 1, "excluded": 1}),
    ],
)
def test_each_contact_is_counted_once(ledger, own, more, found):
    put(ledger, own)
    assert counted(ledger, **more) == found
    audience = Audience(**found)
    assert audience.reachable == audience.contacts - sum(found[name] for name in found if name != "contacts")


@pytest.mark.parametrize(
    ("reason", "counted_as"), [("unsubscribed", "unsubscribed"), ("preblocked", "suppressed")]
)
def test_who_unsubscribed_by_the_suppression_list_alone_is_counted_as_that(ledger, reason, counted_as):
    put(ledger, {})
    with ledger.write() as connection:
        suppress(connection, "p0@x.example", reason=reason, source="t", now=NOW)
    assert counted(ledger) == {"contacts": 1, counted_as: 1}


def test_each_sum_goes_on_and_the_sample_ends(ledger):
    makes = [{"unsubscribed_at": NOW}, {"left_out": True}, {"name": "barred"}, {"state": "pending"}]
    makes += [{"name": "lacking"}, {"name": "outside"}]
    put(ledger, *(own for own in makes for _ in range(3)), *[{}] * 7)
    with ledger.write() as connection:
        for email in at(6, 7, 8):
            suppress(connection, email, reason="hard_bounce", source="t", now=NOW)
    found = AudienceCount(ledger, ContactSettings()).audience(
        EVERYONE, "", now=NOW, at_mailjet=at(*range(9), *range(12, 25)),
        fits=lambda row: row["name"] != "lacking", allows=lambda email: email not in at(15, 16, 17),
    )  # fmt: skip
    assert (found.contacts, found.reachable, found.sample) == (25, 7, sorted(at(*range(18, 25)))[:5])
    three = ("unsubscribed", "excluded", "suppressed", "missing", "pending", "lacking", "outside")
    assert {name: getattr(found, name) for name in three} == dict.fromkeys(three, 3)


@pytest.mark.parametrize(
    ("own", "segment", "contact_type", "there", "pending"),
    [
        ({}, EVERYONE, "", False, 0),  # in step: missing, and nothing will change that
        ({"state": "refused"}, EVERYONE, "", False, 0),
        ({"state": "pending"}, EVERYONE, "", False, 1),
        ({"state": "flying"}, EVERYONE, "", False, 1),
        ({"state": "waiting"}, EVERYONE, "", False, 1),
        ({"state": "pending"}, EVERYONE, "", True, 0),  # on the list, and the list is all that is asked
        ({"state": "pending"}, LYON, "", True, 1),  # Mailjet would look at an old city
        ({"state": "pending"}, LYON, "", False, 1),
        ({"state": "pending"}, LYON, "tech", True, 0),
        ({"state": "pending"}, EVERYONE, "tech", False, 0),
        ({"state": "pending", "barred": "spam"}, EVERYONE, "", False, 0),
        ({"state": "pending", "excluded": True}, EVERYONE, "", False, 0),
        ({"state": "pending", "left_out": True}, EVERYONE, "", False, 0),
        ({"state": "pending", "unsubscribed_at": NOW}, EVERYONE, "", False, 0),
        ({"state": "pending", "excluded": False}, EVERYONE, "", False, 1),
    ],
)
def test_who_is_out_of_date_at_mailjet(ledger, own, segment, contact_type, there, pending):
    put(ledger, own)
    assert (
        counted(ledger, segment, contact_type, at_mailjet=at(0) if there else set()).get("pending", 0)
        == pending
    )
    assert "pending" not in counted(ledger, segment, contact_type)


def test_all_pages_are_counted_and_five_are_shown(ledger, monkeypatch):
    monkeypatch.setattr(module, "_PAGE", 3)
    put(ledger, *[{}] * 8, {"left_out": True})
    with ledger.write() as connection:
        suppress(connection, "p0@x.example", reason="hard_bounce", source="s", now=NOW)
    found = AudienceCount(ledger, ContactSettings()).audience(EVERYONE, "", now=NOW)
    assert (found.contacts, found.suppressed, found.excluded, found.reachable) == (9, 1, 1, 7)
    assert found.sample == [f"p{number}@x.example" for number in range(1, 6)]


def test_what_a_segment_may_ask_for(ledger):
    put(ledger, {"properties": {"city": "Lyon", "plan": "pro"}}, {"properties": {"age": 3}})
    settings = ContactSettings.model_validate(
        {"properties": {"age": {"from": "contact.custom_fields.age", "type": "int"}}}
    )
    assert AudienceCount(ledger, settings).types() == {"age": "int", "city": "str", "plan": "str"}
    closed = settings.model_copy(update={"custom_fields": False})
    assert AudienceCount(ledger, closed).types() == {"age": "int"}
    assert AudienceCount(ledger, closed).segment("", {}) is EVERYONE
    with pytest.raises(BadInput):
        AudienceCount(ledger, closed).segment("plan = 1", {"age": "int"})


def test_a_contact_about_to_be_erased_is_in_no_segment():
    row = {"lists": [""], "task": "tell", "properties": {"city": "Lyon"}}
    assert in_segment(row, LYON, "", now=NOW)
    assert not in_segment(row | {"task": "erase"}, LYON, "", now=NOW)
    assert not in_segment(row | {"properties": {}}, LYON, "", now=NOW)
    assert not in_segment(row, LYON, "billing", now=NOW)


@pytest.mark.parametrize(
    ("standing", "objection"),
    [
        (Standing(lists=frozenset({"", "billing"})), None),
        (Standing(lists=frozenset({""})), Objection.NO_CONTACT),
        (Standing(), Objection.NO_CONTACT),
        (Standing(lists=frozenset({""}), left_out=True), Objection.EXCLUDED),
        (Standing("spam", lists=frozenset({"billing"})), Objection.SUPPRESSED),
        (Standing(unsubscribed=True), Objection.UNSUBSCRIBED),
    ],
)
def test_why_mailjet_must_leave_somebody_out(standing, objection):
    found = _objection(standing, "billing")
    assert (found.objection if found else None) == objection


KIND = Kind(
    "news",
    (Variable("name"), Variable("city"), Variable("offer"), Variable("note", required=False)),
    service=False,
)
ZOE = {
    "email": "z@x.example",
    "name": "Zoé",
    "properties": {"city": "Lyon", "vip": True, "old": False, "age": 0},
}


@pytest.mark.parametrize(
    ("values", "contact", "found"),
    [
        ({"offer": "-20 %"}, ZOE, {"name": "Zoé", "city": "Lyon", "offer": "-20 %"}),
        (
            {"offer": "{age}", "note": "n"},
            ZOE,
            {"name": "Zoé", "city": "Lyon", "offer": "{age}", "note": "n"},
        ),
        ({"offer": ""}, ZOE, None),
        ({}, ZOE, None),
        ({"offer": "x"}, ZOE | {"name": ""}, None),
        ({"offer": "x"}, ZOE | {"properties": {}}, None),
        (
            {"offer": "x", "city": "Nice"},
            ZOE | {"properties": {}},
            {"name": "Zoé", "city": "Nice", "offer": "x"},
        ),
        ({"offer": ["x"]}, ZOE, None),
    ],
)
def test_what_the_mail_prints_of_a_contact(values, contact, found):
    made = printed(KIND, values, contact)
    assert (None if made is None else {name: value for name, value in made.items() if value != ""}) == found


def test_a_truth_is_printed_as_a_word():
    kind = Kind("news", (Variable("vip"), Variable("old"), Variable("age"), Variable("email")), service=False)
    assert printed(kind, {}, ZOE) == {"vip": "true", "old": "false", "age": 0, "email": "z@x.example"}


def test_a_list_is_printed_where_the_kind_has_one_and_no_text_may_be_one():
    kind = Kind("news", (Variable("offers", VariableType.LIST),), service=False)
    offers = {"offers": [{"name": "-20 %"}]}
    assert printed(kind, offers, ZOE) == offers
    assert printed(kind, {"offers": "-20 %"}, ZOE) is None
