"""From a caller's JSON about a contact or a customer to checked records, or to a sentence for each fault."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from mailworker.core.canonical_address import canonical_address
from mailworker.core.json_check import json_faults
from mailworker.core.json_fields import JsonFields
from mailworker.core.safe_text import is_one_line
from mailworker.errors import BadInput
from mailworker.rules.contact_diff import Company, ContactPerson, Stamp
from mailworker.rules.job.addresses import normal_email

#: Local parts in which nothing has to be looked at twice; the domain follows.
_PLAIN = re.compile(r"[A-Za-z0-9_]+(?:[.+-][A-Za-z0-9_]+)*@([a-z0-9.-]+)", re.ASCII)
_LONGEST_PLAIN = 64
_LONGEST_ID = 64
_LONGEST = 1000
_MOST_CONTACTS = 1000
_MOST_CUSTOM_FIELDS = 200
_PERSON_TEXTS = ("name", "contact_type", "language")
_COMPANY_TEXTS = ("name", "city", "postal_code", "country", "language", "timezone")
_STAMP = ("version", "updated_at")
CONTACT_FIELDS = frozenset({"contact_id", "customer_id", "email", "custom_fields", *_PERSON_TEXTS, *_STAMP})
CUSTOMER_FIELDS = frozenset({"customer_id", "custom_fields", "contacts", *_COMPANY_TEXTS, *_STAMP})


def check_contact(raw: Any, *, asked_at: datetime) -> ContactPerson:
    """One contact: `email` is needed; `contact_id` names it, or else its address does.

    `asked_at` counts as its age where it has no `updated_at`. Raises BadInput with every fault.
    """
    faults = json_faults(raw, "contact")
    person = None if faults else _person(raw, "contact", asked_at, faults)
    if faults or person is None:
        raise BadInput(faults)
    return person


def check_customer(raw: Any, *, asked_at: datetime) -> tuple[Company, list[ContactPerson]]:
    """One customer, and those of its contacts that come with it. Raises BadInput with every fault."""
    if faults := json_faults(raw, "customer"):
        raise BadInput(faults)
    if not isinstance(raw, Mapping):
        raise BadInput("customer: write an object with customer_id, and what is known of the customer.")
    fields = JsonFields(raw, faults, "customer.")
    fields.refuse_unknown(CUSTOMER_FIELDS, "a customer")
    if raw.get("customer_id") is None:
        fields.fault("customer_id", "is missing")
    company = Company(
        customer_id=_identity(fields, "customer_id"),
        stamp=_stamp(fields, asked_at),
        custom_fields=_custom(fields),
        **{name: fields.line(name, _LONGEST) for name in _COMPANY_TEXTS},
    )
    people = [
        _person(_under(one, company.customer_id), f"customer.contacts[{index}]", asked_at, faults)
        for index, one in enumerate(_contacts(fields))
    ]
    if faults:
        raise BadInput(faults)
    return company, [person for person in people if person is not None]


def _contacts(fields: JsonFields) -> Sequence[Any]:
    given = fields.raw.get("contacts") or []
    if not isinstance(given, list | tuple):
        fields.fault("contacts", "write a list of contacts")
        return []
    if len(given) > _MOST_CONTACTS:
        fields.fault("contacts", f"are more than {_MOST_CONTACTS}; send the others one by one")
        return []
    return given


def check_email(raw: Any) -> str:
    """An address to be erased, in its normal form. Raises BadInput."""
    if not isinstance(raw, str):
        raise BadInput("email: must be one address, as text.")
    try:
        return contact_address(raw)
    except ValueError as fault:
        raise BadInput(f"email: is not an e-mail address: {fault}.") from None


def contact_address(raw: Any) -> str:
    """The canonical form of an address, under which contacts are known. ValueError where it is none."""
    text = raw.strip() if isinstance(raw, str) else ""
    plain = _PLAIN.fullmatch(text)
    # A full sync reads a million addresses at a few thousand domains: those are examined once each.
    if plain and len(text) <= _LONGEST_PLAIN and _is_normal(plain[1]):
        return text.lower()
    return canonical_address(normal_email(text))


@lru_cache(maxsize=20_000)
def _is_normal(domain: str) -> bool:
    """Whether mail can be sent to this domain as it is written."""
    try:
        return normal_email(f"a@{domain}") == f"a@{domain}"
    except ValueError:
        return False


def _under(contact: Any, customer_id: str) -> Any:
    if customer_id and isinstance(contact, Mapping) and not contact.get("customer_id"):
        return {**contact, "customer_id": customer_id}
    return contact


def _person(raw: Any, where: str, asked_at: datetime, faults: list[str]) -> ContactPerson | None:
    if not isinstance(raw, Mapping):
        faults.append(f"{where}: write an object with email, and what is known of the contact.")
        return None
    fields = JsonFields(raw, faults, f"{where}.")
    fields.refuse_unknown(CONTACT_FIELDS, "a contact")
    email = ""
    try:
        email = contact_address(raw.get("email"))
    except ValueError as fault:
        fields.fault("email", f"is not an e-mail address: {fault}")
    return ContactPerson(
        contact_id=_identity(fields, "contact_id") or email,
        email=email,
        stamp=_stamp(fields, asked_at),
        customer_id=_identity(fields, "customer_id"),
        custom_fields=_custom(fields),
        **{name: fields.line(name, _LONGEST) for name in _PERSON_TEXTS},
    )


def _identity(fields: JsonFields, name: str) -> str:
    value = fields.raw.get(name)
    if value is None:
        return ""
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not 0 < len(text) <= _LONGEST_ID or not is_one_line(text):
        fields.fault(name, f"must be one line of text, or a number, of 1 to {_LONGEST_ID} characters")
    return text


def _custom(fields: JsonFields) -> dict[str, str]:
    value = fields.raw.get("custom_fields") or {}
    if not isinstance(value, Mapping) or not all(
        isinstance(one, str | int | float | bool | None) for one in value.values()
    ):
        fields.fault("custom_fields", "write an object of names and plain values")
        return {}
    if len(value) > _MOST_CUSTOM_FIELDS or any(len(str(one)) > _LONGEST for one in value.values()):
        fields.fault("custom_fields", f"at most {_MOST_CUSTOM_FIELDS}, each of at most {_LONGEST} characters")
        return {}
    return {str(name): _as_text(one) for name, one in value.items() if one is not None}


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _stamp(fields: JsonFields, asked_at: datetime) -> Stamp:
    version = fields.raw.get("version")
    if version is not None and (type(version) is not int or version < 0):
        fields.fault("version", "must be a whole number that grows with each change")
        version = None
    return Stamp(fields.moment("updated_at") or asked_at, version)
