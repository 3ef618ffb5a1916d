"""What callers say of contacts and customers, field by field; and what of it Mailjet should know."""

from dataclasses import replace

import pytest

from mailworker.rules.contact_diff import (
    EVERYBODY,
    Company,
    ContactPerson,
    ContactRules,
    Property,
    Stamp,
    TargetContact,
    audience_of,
    field_of,
    target_of,
)
from mailworker.rules.contact_input import check_contact, check_customer, check_email, contact_address
from mailworker.rules.job.addresses import normal_email, read_address
from mailworker.rules.property_values import PropertyType
from tests.rows import NOW, after

PERSON = {
    "contact_id": " 7 ",
    "customer_id": 5,
    "email": "Ada@Example.com",
    "name": " Ada ",
    "contact_type": " billing ",
    "language": " fr ",
    "custom_fields": {"a": 1, "b": True, "c": False, "d": None, "e": "x", "f": 2.5},
    "version": 3,
    "updated_at": "2026-11-23T12:00:00Z",
}
COMPANY = {
    "customer_id": " C5 ",
    "name": " Acme ",
    "city": " Lyon ",
    "postal_code": " 69001 ",
    "country": " FR ",
    "language": " fr ",
    "timezone": " Europe/Paris ",
    "custom_fields": {"segment": "pro"},
    "version": 0,
}


def test_every_field_of_a_contact_is_kept_as_it_was_meant():
    person = check_contact(PERSON, asked_at=NOW)
    assert person == ContactPerson(
        contact_id="7",
        customer_id="5",
        email="ada@example.com",
        name="Ada",
        contact_type="billing",
        language="fr",
        custom_fields={"a": "1", "b": "true", "c": "false", "e": "x", "f": "2.5"},
        stamp=Stamp(person.stamp.at, 3),
    )
    assert person.stamp.at.isoformat() == "2026-11-23T12:00:00+00:00"


def test_every_field_of_a_customer_is_kept_as_it_was_meant():
    own = {"email": "b@example.com", "customer_id": "other"}
    company, people = check_customer(
        COMPANY | {"contacts": [PERSON | {"customer_id": None}, own]}, asked_at=NOW
    )
    assert company == Company(
        customer_id="C5",
        stamp=Stamp(NOW, 0),
        name="Acme",
        city="Lyon",
        postal_code="69001",
        country="FR",
        language="fr",
        timezone="Europe/Paris",
        custom_fields={"segment": "pro"},
    )
    assert [one.customer_id for one in people] == ["C5", "other"]
    assert check_customer({"customer_id": "1"}, asked_at=NOW)[1] == []
    assert check_customer({"customer_id": "1", "contacts": []}, asked_at=NOW)[1] == []
    assert (
        len(check_customer({"customer_id": "1", "contacts": ({"email": "b@example.com"},)}, asked_at=NOW)[1])
        == 1
    )


@pytest.mark.parametrize("name", ["email", "name", "custom_fields"])
def test_nothing_personal_is_in_the_repr_of_a_contact(name):
    person = check_contact(PERSON | {"name": "Adalina", "custom_fields": {"x": "Secret9"}}, asked_at=NOW)
    assert not any(word in repr(person) for word in ("ada@", "Adalina", "Secret9"))
    company, _ = check_customer(COMPANY | {"custom_fields": {"x": "Secret9"}}, asked_at=NOW)
    assert not any(word in repr(company) for word in ("Acme", "Lyon", "69001", "Secret9"))
    wanted = TargetContact("Adalina", {"x": "Secret9"})
    assert not any(word in repr(wanted) for word in ("Adalina", "Secret9"))
    assert getattr(person, name)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("A.b+c-d@Example.COM", None),
        ("A.b+c-d@example.com", "a.b+c-d@example.com"),
        (" Zoé@Example.com ", "zoé@example.com"),
        ("x" * 64 + "@Example.com", "x" * 64 + "@example.com"),
    ],
)
def test_an_address_is_known_in_one_form_by_the_short_way_and_the_long(text, normal):
    assert contact_address(text) == (normal or text.lower()) == check_email(text)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("zoe", "it has no @"),
        ("@c.example", "nothing stands before its @"),
        ("zoe@", "nothing stands after its @"),
        ("zoe@client", "what stands after its @ is not a whole domain"),
        ("zoe@.client.", "what stands after its @ is not a whole domain"),
        (
            "a@" + "b" * 60 + "." + "c" * 200 + ".example",
            "it is longer than mail servers take, 254 characters",
        ),
        ("zoe b@c.example", "mail servers do not take such characters, or not at such a place"),
        ("zoe@c..example", "mail servers do not take such characters, or not at such a place"),
        (".zoe@c.example", "mail servers do not take such characters, or not at such a place"),
    ],
)
def test_what_is_wrong_with_an_address_is_said_without_it(text, wrong):
    with pytest.raises(ValueError, match=r"^") as fault:
        normal_email(text)
    assert str(fault.value) == wrong
    faults = []
    assert read_address(text, "to", faults) is None
    assert faults == [f"to.email: is not an e-mail address: {wrong}."]


def test_a_name_beside_an_address_is_put_on_one_line_of_200_characters():
    faults = []
    assert read_address({"email": "a@b.example", "name": "A\n  B"}, "to", faults).name == "A B"
    assert read_address({"email": "a@b.example", "name": "n" * 200}, "to", faults).name == "n" * 200
    assert read_address({"email": "a@b.example", "name": "n" * 201}, "to", faults).name == "n" * 199 + "…"
    assert read_address({"email": "a@b.example", "name": None}, "to", faults).name == ""
    assert faults == []


# ---- what Mailjet should know

RULES = ContactRules((Property("town", "customer.city"),))
ADA = ContactPerson(contact_id="1", email="a@b.example", stamp=Stamp(NOW), name="Ada", contact_type="billing")
ACME = Company(
    customer_id="C", stamp=Stamp(NOW), city="Lyon", language="fr", custom_fields={"segment": "pro"}
)


def test_custom_fields_go_along_unless_they_are_named_already():
    def of(person, company, rules):
        return target_of([(person, company)], rules).properties

    fields = {"Âge": " 41 ", "empty": "  ", "town": "elsewhere", "news": "yes"}
    ada = replace(ADA, custom_fields=fields)
    assert of(ada, ACME, RULES) == {"town": "Lyon", "segment": "pro", "age": "41", "news": "yes"}
    assert of(ada, ACME, replace(RULES, custom_fields=False)) == {"town": "Lyon"}
    assert of(ada, ACME, replace(RULES, consent="contact.custom_fields.news")) == {
        "town": "Lyon", "segment": "pro", "age": "41",
    }  # fmt: skip
    typed = ContactRules((Property("years", "contact.custom_fields.Âge", PropertyType.INT),))
    assert of(ada, None, typed) == {"years": 41, "town": "elsewhere", "news": "yes"}
    assert of(replace(ADA, custom_fields={"segment": "own"}), ACME, RULES)["segment"] == "own"
    long = of(replace(ADA, custom_fields={"long": "x" * 1001}), None, RULES)
    assert len(long["long"]) == 1000


@pytest.mark.parametrize(
    ("source", "language", "company", "text"),
    [
        ("contact.language", "en", ACME, "en"),
        ("contact.language", "", ACME, "fr"),
        ("contact.language", "", None, ""),
        ("customer.language", "en", ACME, "fr"),
        ("customer.city", "", None, ""),
        ("customer.custom_fields.segment", "", ACME, "pro"),
        ("customer.custom_fields.other", "", ACME, ""),
        ("contact.custom_fields.segment", "", ACME, ""),
        ("contact.name", "", None, "Ada"),
    ],
)
def test_where_a_property_comes_from(source, language, company, text):
    assert field_of(source, replace(ADA, language=language), company) == text


def test_whose_data_an_address_has():
    older, younger = (
        replace(ADA, stamp=Stamp(after(-1)), name="Old"),
        replace(ADA, contact_id="2", name="New"),
    )
    assert target_of([(younger, None), (older, None)], RULES).name == "New"
    same = replace(younger, contact_id="0", name="Zero")
    assert target_of([(same, None), (ADA, None)], RULES).name == "Ada", "of equals the higher id"
    typed = replace(RULES, properties=(Property("kind", "contact.contact_type"), *RULES.properties))
    both = [(ADA, None), (replace(ADA, contact_id="2", contact_type="admin"), None)]
    assert target_of(both, typed).properties["kind"] == "admin, billing"
    assert target_of(both[:1], typed).properties["kind"] == "billing"
    assert target_of([(replace(ADA, contact_type=""), None)], typed).lists == (EVERYBODY,)
    assert target_of(both[:1], RULES).notes == ()


def test_a_barred_address_is_told_as_excluded():
    free = target_of([(ADA, None)], RULES)
    assert free.excluded is None
    barred = replace(free, barred="blocked by hand")
    assert barred.fingerprint == replace(free, excluded=True).fingerprint != free.fingerprint
    assert free.fingerprint != replace(free, excluded=False).fingerprint
    for change in ({"name": "x"}, {"properties": {"x": 1}}, {"lists": ("x",)}):
        assert replace(free, **change).fingerprint != free.fingerprint
    assert replace(free, notes=("x",)).fingerprint == free.fingerprint


def test_an_audience_is_named_by_the_lists_it_joins_and_leaves():
    assert audience_of(["a"], ["a", "b"]) == audience_of(["a"], ["b"])
    names = {
        audience_of(["a"], []),
        audience_of(["a"], ["b"]),
        audience_of(["b"], []),
        audience_of([], ["a"]),
    }
    assert len(names) == 4
    assert all(len(name) == 32 for name in names)
