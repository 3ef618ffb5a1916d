from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from zoneinfo import ZoneInfo

import pytest

from mailworker.config.contacts import ContactSettings
from mailworker.config.settings import parse_settings
from mailworker.contacts.follow_import_jobs import refusals
from mailworker.contacts.upsert import rules_of
from mailworker.errors import BadInput, ConfigError
from mailworker.mailjet.contact_queries import properties_of
from mailworker.rules.campaign_rules import MOVES, CampaignState, demand_move, send_time
from mailworker.rules.contact_diff import (
    EVERYBODY,
    Company,
    ContactPerson,
    ContactRules,
    Property,
    Stamp,
    audience_of,
    target_of,
)
from mailworker.rules.contact_input import check_contact, check_customer, check_email, contact_address
from mailworker.rules.contact_sync_cost_and_pauses import Plan, poll_pause, removes_too_much, retry_pause
from mailworker.rules.job.addresses import normal_email
from mailworker.rules.property_values import PropertyType, property_name, typed

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")


def stamp(minutes=0, version=None):
    return Stamp(NOW + timedelta(minutes=minutes), version)


@pytest.mark.parametrize(
    ("copy", "known", "older"),
    [
        (stamp(0), stamp(1), True),
        (stamp(1), stamp(1), False),
        (stamp(2), stamp(1), False),
        (stamp(0, 2), stamp(5, 1), False),  # versions decide, whatever the clocks say
        (stamp(9, 1), stamp(0, 2), True),
        (stamp(0, 2), stamp(5, 2), False),
        (stamp(0, 7), stamp(1), True),  # only one has a version
        (stamp(2), stamp(1, 7), False),
    ],
)
def test_which_copy_is_older(copy, known, older):
    assert copy.is_older_than(known) is older


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        (" Lyon ", "str", "Lyon"),
        ("", "int", None),
        ("41", "int", 41),
        (str(2**63 - 1), "int", 2**63 - 1),
        (str(1 - 2**63), "int", 1 - 2**63),
        ("2.5", "float", 2.5),
        ("oui", "bool", True),
        ("FALSE", "bool", False),
        ("2026-11-30", "datetime", "2026-11-30T00:00:00Z"),
        ("2026-11-30T10:00:00+01:00", "datetime", "2026-11-30T09:00:00Z"),
        ("x" * 2000, "str", "x" * 1000),
    ],
)
def test_a_value_becomes_typed(text, kind, value):
    assert typed(text, PropertyType(kind)) == value


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("4.5", "int"),
        ("many", "int"),
        (str(2**63), "int"),
        (str(-(2**63)), "int"),
        ("nan", "float"),
        ("maybe", "bool"),
        ("soon", "datetime"),
    ],
)
def test_a_value_of_another_type_is_none(text, kind):
    with pytest.raises(ValueError, match=r".+"):
        typed(text, PropertyType(kind))


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("plan", "plan"),
        ("Client depuis", "client_depuis"),
        ("Âge du client", "age_du_client"),
        ("2nd", "field_2nd"),
        ("a" * 49 + " b", "a" * 49 + "_"),  # it stands at Mailjet so, and must never change
        ("2" * 60, "field_" + "2" * 44),
    ],
)
def test_a_custom_fields_name_is_one_that_mailjet_takes(field, name):
    assert property_name(field) == name


RULES = ContactRules(
    (Property("city", "customer.city"), Property("age", "contact.custom_fields.age", PropertyType.INT)),
    consent="contact.custom_fields.news",
)
NO_CONSENT = replace(RULES, consent=None)


def person(number=1, minutes=0, **more):
    values = {
        "contact_id": str(number),
        "email": "a@example.com",
        "name": f"P{number}",
        "contact_type": "billing",
    }
    return ContactPerson(stamp=stamp(minutes), **values | more)


COMPANY = Company(customer_id="C1", stamp=stamp(), city="Lyon", custom_fields={"segment": "pro"})


def test_of_contacts_changed_at_one_moment_the_same_gives_the_data_in_whatever_order_they_are_read():
    """Else each full sync would push the address anew."""
    people = [(person(1), COMPANY), (person(3), None), (person(2), None)]
    assert {target_of(order, NO_CONSENT).fingerprint for order in permutations(people)} == {
        target_of(people, NO_CONSENT).fingerprint
    }
    assert target_of(people, NO_CONSENT).name == "P3"


def test_an_address_is_what_its_youngest_contact_says():
    wanted = target_of([(person(1, 5), COMPANY), (person(2, 1, contact_type="technical"), None)], NO_CONSENT)
    assert (wanted.name, wanted.properties) == ("P1", {"city": "Lyon", "segment": "pro"})
    assert wanted.lists == (EVERYBODY, "billing", "technical")
    assert wanted.notes == ("2 CRM contacts share this address; contact 1 gives its data",)


def test_nobody_wants_nothing():
    assert target_of([], RULES).lists == ()


def test_a_value_that_does_not_fit_is_left_out_and_told():
    wanted = target_of([(person(custom_fields={"age": "old"}), COMPANY)], NO_CONSENT)
    assert "age" not in wanted.properties
    assert wanted.notes == ("age: the CRM's value is no int, so it is left out",)


@pytest.mark.parametrize(
    ("wishes", "excluded"),
    [
        (["yes"], False),
        (["no"], True),
        (["yes", "no"], True),
        ([""], True),
        (["perhaps"], True),
        (["ja"], True),
        (["нет"], True),
        (["yes", ""], True),
        (["", "no"], True),
    ],
)
def test_consent_is_a_yes_of_each_of_them(wishes, excluded):
    people = [(person(number, custom_fields={"news": wish}), None) for number, wish in enumerate(wishes)]
    assert target_of(people, RULES).excluded is excluded


def test_the_order_of_properties_changes_no_fingerprint_and_a_value_does():
    one = target_of([(person(custom_fields={"a": "1", "b": "2"}), COMPANY)], RULES)
    same = target_of([(person(custom_fields={"b": "2", "a": "1"}), COMPANY)], RULES)
    other = target_of([(person(custom_fields={"a": "1", "b": "3"}), COMPANY)], RULES)
    assert one.fingerprint == same.fingerprint != other.fingerprint


def test_contacts_of_one_audience_join_and_leave_the_same_lists():
    assert audience_of(["", "b"], []) == audience_of(["b", ""], ["b"])
    assert audience_of(["", "b"], ["t"]) != audience_of(["", "b"], [])


# ---- what callers give


def test_a_contact_is_read():
    found = check_contact(
        {
            "contact_id": 7,
            "email": " Ada@Example.COM ",
            "custom_fields": {"age": 41, "vip": True, "none": None},
            "updated_at": "2026-11-23T12:00:00+01:00",
        },
        asked_at=NOW,
    )
    assert (found.contact_id, found.email) == ("7", "ada@example.com")
    assert found.custom_fields == {"age": "41", "vip": "true"}
    assert found.stamp.at == NOW - timedelta(hours=1)


def test_a_contact_without_an_id_is_named_by_its_address():
    found = check_contact({"email": "a@example.com"}, asked_at=NOW)
    assert (found.contact_id, found.stamp) == ("a@example.com", Stamp(NOW))


@pytest.mark.parametrize(
    ("raw", "faults"),
    [
        ("x", ["contact: write an object with email, and what is known of the contact."]),
        ({}, ["contact.email: is not an e-mail address: it has no @."]),
        (
            {"email": "a@b.example", "emial": 1},
            ["contact.emial: is not a field of a contact; did you mean 'email'?"],
        ),
        (
            {"email": "a@b.example", "name": "a\nb"},
            ["contact.name: must be one line of text, at most 1000 characters."],
        ),
        (
            {"email": "a@b.example", "contact_id": "7\n8"},
            ["contact.contact_id: must be one line of text, or a number, of 1 to 64 characters."],
        ),
        (
            {"email": "a@b.example", "version": "7"},
            ["contact.version: must be a whole number that grows with each change."],
        ),
        (
            {"email": "a@b.example", "custom_fields": [1]},
            ["contact.custom_fields: write an object of names and plain values."],
        ),
        (
            {"email": "a@b.example", "updated_at": "2026-11-23T12:00:00"},
            ["contact.updated_at: needs its time zone, like 2026-11-30T09:00:00+01:00."],
        ),
    ],
)
def test_a_wrong_contact_is_told(raw, faults):
    with pytest.raises(BadInput) as told:
        check_contact(raw, asked_at=NOW)
    assert [fault[:40] for fault in told.value.faults] == [fault[:40] for fault in faults]


def test_a_customers_contacts_belong_to_it_and_all_faults_come_at_once():
    company, people = check_customer(
        {"customer_id": 5, "city": "Lyon", "contacts": [{"email": "a@example.com"}]}, asked_at=NOW
    )
    assert (company.customer_id, people[0].customer_id) == ("5", "5")
    with pytest.raises(BadInput) as told:
        check_customer({"town": "x", "contacts": [{"email": "no"}, 3]}, asked_at=NOW)
    assert len(told.value.faults) == 4
    with pytest.raises(BadInput):
        check_email(None)


# ---- what it costs


@pytest.mark.parametrize(
    ("plan", "calls"),
    [
        (Plan({}), 0),
        (Plan({"a": 3}), 6),
        (Plan({"a": 4}), 4),
        (Plan({"a": 1000, "b": 1001}), 12),
        (Plan({}, moved=2, erased=1), 16),
        (Plan({"a": 1_000_000}, read_back=1_000_000), 6002),
    ],
)
def test_the_calls_of_a_plan(plan, calls):
    assert plan.calls == calls


def test_a_million_contacts_fit_into_an_evening():
    assert Plan({"a": 1_000_000}, read_back=1_000_000).duration(200) < timedelta(minutes=31)


def test_pauses_grow_and_end():
    assert [poll_pause(n).total_seconds() for n in (0, 1, 2, 50)] == [2, 4, 8, 300]
    assert [retry_pause(n).total_seconds() for n in (0, 1, 50)] == [15, 30, 3600]


@pytest.mark.parametrize(
    ("missing", "known", "too_much"),
    [(20, 20, False), (21, 100, True), (100, 1000, False), (101, 1000, True)],
)
def test_a_crm_that_forgot_too_much_is_not_believed(missing, known, too_much):
    assert removes_too_much(missing, known, percent=10) is too_much


# ---- Mailjet's side


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ([], {}),
        (None, {}),
        ([{"Email": "A@example.com", "Error": "bad"}], {"a@example.com": "bad"}),
        (
            {"Errors": [{"email": "a@example.com", "errors": ["x", {"age": "y"}]}]},
            {"a@example.com": "x, age: y"},
        ),
        ([{"Email": "a@example.com"}], {"a@example.com": "without a reason"}),
        ([{"EMAIL": "a@example.com", "ErrorMessage": "bad"}], {"a@example.com": "bad"}),
        (
            [{"Email": "a@example.com", "name": "b@example.com", "Status": 1}],
            {"a@example.com": "without a reason"},
        ),
        ([{"Email": "a@example.com", "Error": "x", "Errors": ["y"]}], {"a@example.com": "x; y"}),
        (
            [{"Email": "a@example.com", "Error": 'Invalid "a@example.com"'}],
            {"a@example.com": 'Invalid "the address"'},
        ),
        ("a text", {}),
    ],
)
def test_an_error_file_is_read_whatever_its_shape(file, expected):
    assert refusals(file) == expected


# ---- configuration

BASE = "mailjet:\n  api_key: a\n  api_secret: b\n"


def test_the_contacts_section_has_defaults_and_short_forms():
    settings = parse_settings(
        BASE + "contacts:\n  properties:\n    town: customer.city\n", environ={}
    ).contacts
    assert rules_of(settings).properties == (Property("town", "customer.city"),)
    assert "city" in ContactSettings().properties
    assert settings.list_name("billing") == "OmniCRM billing"
    assert settings.list_name("") == "OmniCRM"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("properties: {town: customer.citty}", "did you mean 'customer.city'?"),
        ("properties: {town: {from: customer.city, type: text}}", "must be 'str', 'int'"),
        ("properties: {'my town': customer.city}", "no name for a property"),
        ("type_list: OmniCRM", "must say where the type goes"),
        ("lists: {billing: OmniCRM}", "two of them have the same name"),
        ("consent: contact.wishes", "nothing that the CRM tells"),
        ("campaigns: {from_email: x}", "is not an e-mail address"),
    ],
)
def test_a_wrong_contacts_section_is_told(text, told):
    with pytest.raises(ConfigError) as fault:
        parse_settings(f"{BASE}contacts:\n  {text}\n", environ={})
    assert told in str(fault.value)
    assert "crm_config.yaml:" in str(fault.value)


# ---- campaigns


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-12-01 09:00", "2026-12-01T08:00:00+00:00"),
        ("2026-12-01T09:00+00:00", "2026-12-01T09:00:00+00:00"),
        ("2027-06-01 09:00", "2027-06-01T07:00:00+00:00"),
    ],
)
def test_a_time_is_the_operators(text, utc):
    assert send_time(text, PARIS, NOW).isoformat() == utc


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tomorrow", "write a time like"),
        ("2026-11-23 12:00", "lies in the past"),
        ("2126-11-23 12:00", "more than a year away"),
        ("2027-03-28 02:30", "skip this time"),
        ("2027-10-31 02:30", "has this time twice"),
    ],
)
def test_a_time_that_cannot_be_meant_is_told(text, told):
    with pytest.raises(BadInput, match=told):
        send_time(text, PARIS, NOW)


def test_a_campaign_that_is_over_goes_nowhere():
    for state in (CampaignState.SENT, CampaignState.CANCELLED):
        assert MOVES[state] == frozenset()
    with pytest.raises(BadInput, match="X: is sent, so it cannot become sending"):
        demand_move("sent", CampaignState.SENDING, "X")


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com",
        "Ada.King+crm@example.com",
        "ada_k-1@mail.example.co.uk",
        " ada@example.com ",
        "ada@EXAMPLE.com",
        "ada@Bücher.example",
        "zoé@example.com",
        "ada..king@example.com",
        ".ada@example.com",
        "ada@example",
        "ada@-example.com",
        "ada@example..com",
        "ada@.example.com",
        "ada@localhost",
        "ada@mail.local",
        "ada@xn--bcher-kva.example",
        "a" * 65 + "@example.com",
        "ada@" + "a" * 64 + ".com",
        "ada@example.c",
        "ada@1.2.3.4",
        "ada",
        "",
    ],
)
def test_a_plain_address_is_read_quickly_and_no_differently(address):
    def outcome(read):
        try:
            return read(address)
        except ValueError as fault:
            return str(fault)

    assert outcome(contact_address) == outcome(lambda text: normal_email(text.strip()).lower())


def test_names_of_properties_are_written_as_mailjet_keeps_them():
    settings = ContactSettings(
        properties={"City": "customer.city", "AGE": {"from": "contact.custom_fields.age", "type": "int"}}
    )
    assert list(settings.properties) == ["city", "age"]


def test_two_properties_that_mailjet_would_keep_as_one_are_refused():
    with pytest.raises(ValueError, match="differ in capitals only"):
        ContactSettings(properties={"City": "customer.city", "city": "customer.name"})


@pytest.mark.parametrize(
    ("data", "read"),
    [
        ([{"Name": "Phone", "Value": 7}, {"Name": "town", "Value": "Lyon"}], {"phone": "7", "town": "Lyon"}),
        ([{"Name": "town", "Value": None}], {}),
    ],
)
def test_a_contacts_properties_are_read_however_mailjet_spells_their_names(data, read):
    class Mailjet:
        def rest(self, _call):
            return {"Count": 1, "Data": [{"ContactID": 1, "Data": data}], "Total": 1}

    assert properties_of(Mailjet(), 1) == read
