"""What should Mailjet know of an address, and is that different from what was pushed?"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from mailworker.core.safe_text import carriable
from mailworker.rules.property_values import PropertyType, Value, property_name, typed, yes_or_no

_SORTED = json.JSONEncoder(sort_keys=True, ensure_ascii=False)
#: The list of all contacts, among the lists that are named by contact type.
EVERYBODY = ""


@dataclass(frozen=True, slots=True)
class Stamp:
    """How new a copy of a record is: the CRM's version where it has one, and when it was changed or read."""

    at: datetime
    version: int | None = None

    def is_older_than(self, known: "Stamp") -> bool:
        """Whether this copy must not replace the known one. Versions decide where both have one."""
        if self.version is not None and known.version is not None:
            return self.version < known.version
        return self.at < known.at


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """A customer, as far as contacts are concerned."""

    customer_id: str
    stamp: Stamp
    name: str = field(default="", repr=False)
    city: str = field(default="", repr=False)
    postal_code: str = field(default="", repr=False)
    country: str = ""
    language: str = ""
    timezone: str = ""
    custom_fields: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactPerson:
    """A contact as the CRM has it; `email` is in its normal form."""

    contact_id: str
    email: str = field(repr=False)
    stamp: Stamp
    customer_id: str = ""
    name: str = field(default="", repr=False)
    contact_type: str = ""
    language: str = ""
    custom_fields: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Property:
    """One property at Mailjet: its name, what it is taken from, and its type."""

    name: str
    source: str
    type: PropertyType = PropertyType.STR


@dataclass(frozen=True, slots=True)
class ContactRules:
    """What is synchronised. `consent` is the field that shows whether a contact wants campaigns."""

    properties: tuple[Property, ...]
    custom_fields: bool = True
    consent: str | None = None


@dataclass(frozen=True, slots=True)
class TargetContact:
    """What Mailjet should know of one address.

    `lists` are contact types, EVERYBODY among them; empty where the address belongs to nobody any more.
    `excluded` is None where the CRM has nothing about campaigns. `notes` are for people. `barred` is why
    campaigns leave it out whatever the CRM has.
    """

    name: str = field(default="", repr=False)
    properties: Mapping[str, Value] = field(default_factory=dict, repr=False)
    lists: tuple[str, ...] = ()
    excluded: bool | None = None
    notes: tuple[str, ...] = ()
    barred: str | None = None

    @property
    def fingerprint(self) -> str:
        """A digest of all that is pushed to Mailjet."""
        excluded = True if self.barred else self.excluded
        text = _SORTED.encode([self.name, self.properties, self.lists, excluded])
        return hashlib.sha256(text.encode()).hexdigest()


def target_of(people: Sequence[tuple[ContactPerson, Company | None]], rules: ContactRules) -> TargetContact:
    """One address's state out of all CRM contacts that share it.

    Who was changed last gives the name and the properties; the address is on the lists of all their types,
    and one of them without consent to campaigns is enough.
    """
    if not people:
        return TargetContact()
    person, company = max(people, key=lambda one: (one[0].stamp.at, one[0].contact_id))
    types = sorted({one.contact_type for one, _ in people if one.contact_type})
    notes: list[str] = []
    if len(people) > 1:
        notes.append(
            f"{len(people)} CRM contacts share this address; contact {person.contact_id} gives its data"
        )
    properties = _properties(person, company, rules, notes)
    for one in rules.properties:
        if one.source == "contact.contact_type" and len(types) > 1:
            properties[one.name] = ", ".join(types)
    wishes = [_consents(one, rules.consent, notes) for one in people] if rules.consent else []
    excluded = not all(wishes) if wishes else None
    return TargetContact(carriable(person.name), properties, (EVERYBODY, *types), excluded, tuple(notes))


@lru_cache(maxsize=1024)
def _audience(lists: tuple[str, ...], leaves: tuple[str, ...]) -> str:
    text = json.dumps([lists, leaves])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def audience_of(lists: Sequence[str], pushed_lists: Sequence[str]) -> str:
    """A short name for what happens to lists: contacts of one audience can travel in one call."""
    return _audience(tuple(sorted(lists)), tuple(sorted(set(pushed_lists) - set(lists))))


def _properties(
    person: ContactPerson, company: Company | None, rules: ContactRules, notes: list[str]
) -> dict[str, Value]:
    texts = {one: field_of(one.source, person, company) for one in rules.properties}
    found: dict[str, Value] = {}
    for one, text in texts.items():
        try:
            value = typed(text, one.type)
        except ValueError:
            notes.append(f"{one.name}: the CRM's value is no {one.type}, so it is left out")
            continue
        if value is not None:
            found[one.name] = value
    return _custom(person, company, rules) | found if rules.custom_fields else found


def _custom(person: ContactPerson, company: Company | None, rules: ContactRules) -> dict[str, Value]:
    named = {one.source for one in rules.properties} | {rules.consent}
    taken = {one.name for one in rules.properties}
    found: dict[str, Value] = {}
    for owner, fields in (
        ("customer", company.custom_fields if company else {}),
        ("contact", person.custom_fields),
    ):
        for name, text in fields.items():
            own = property_name(name)
            if f"{owner}.custom_fields.{name}" not in named and own not in taken and text.strip():
                found[own] = text.strip()[:1000]
    return found


def _consents(one: tuple[ContactPerson, Company | None], consent: str, notes: list[str]) -> bool:
    """Whether a contact wants campaigns. What cannot be read as a yes is none, and is noted."""
    text = field_of(consent, *one)
    try:
        return yes_or_no(text)
    except ValueError:
        what = "is neither yes nor no" if text.strip() else "is empty"
        notes.append(f"consent: what the CRM says of contact {one[0].contact_id} {what}, so it is no consent")
        return False


def field_of(source: str, person: ContactPerson, company: Company | None) -> str:
    """What stands at `customer.city` or `contact.custom_fields.age`, empty where nothing does."""
    owner, _, name = source.partition(".")
    record = person if owner == "contact" else company
    if record is None:
        return ""
    if name.startswith("custom_fields."):
        return record.custom_fields.get(name.removeprefix("custom_fields."), "")
    if source == "contact.language" and not person.language:
        return company.language if company else ""
    return str(getattr(record, name))
