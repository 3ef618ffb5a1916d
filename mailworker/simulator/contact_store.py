"""Contacts, their properties and their lists: the state, and what may be done to it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha1
from itertools import islice
from typing import Any

from mailworker.simulator.address_syntax import is_address
from mailworker.simulator.rest_tables import Table, whole

ACTIONS = ("addforce", "addnoforce", "remove", "unsub")
_FIRST_CONTACT = 250000001
_FIRST_LIST = 38001
_FIRST_PROPERTY = 1001


@dataclass(slots=True)
class StoredContact:
    """One contact. Times are None where Mailjet shows an empty string."""

    number: int
    email: str
    created_at: datetime
    name: str = ""
    excluded: bool = False
    excluded_at: datetime | None = None
    updated_at: datetime | None = None
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Membership:
    """A contact on a list, unsubscribed or not."""

    number: int
    contact: StoredContact
    list_id: int
    unsubscribed: bool
    since: datetime
    unsubscribed_at: datetime | None = None


class ContactStore:
    """All contacts, lists and property definitions of the account."""

    def __init__(self, *, keeps_case: bool = False) -> None:
        self._keeps_case = keeps_case
        self.contacts: dict[int, StoredContact] = {}
        self.memberships: dict[int, Membership] = {}
        self.lists = Table(
            "ContactsList",
            ("Name",),
            {"Address": "", "CreatedAt": "", "IsDeleted": False, "Name": "", "SubscriberCount": 0},
            _FIRST_LIST,
            ("Name",),
        )
        self.definitions = Table(
            "ContactMetaData",
            ("Name",),
            {"Datatype": "str", "Name": "", "NameSpace": "static"},
            _FIRST_PROPERTY,
            ("Name",),
        )
        self._by_email: dict[str, StoredContact] = {}
        # By list, then by contact: a list of a million is paged, and never searched.
        self._by_list: dict[int, dict[int, Membership]] = {}
        self._sorted: dict[int, list[int]] = {}
        self._next_contact = _FIRST_CONTACT
        self._next_membership = 1

    def find(self, key: str) -> StoredContact | None:
        """By id or by address."""
        return self.contacts.get(whole(key)) or self._by_email.get(key.lower())

    def ensure(self, email: str, name: str, now: datetime) -> StoredContact:
        """The contact of this address, made where there is none. A given name replaces the old one."""
        contact = self._by_email.get(email.lower())
        if contact is None:
            contact = StoredContact(self._next_contact, email.lower(), now)
            self._next_contact += 1
            self.contacts[contact.number] = contact
            self._by_email[contact.email] = contact
        if name and name != contact.name:
            contact.name = name
            contact.updated_at = now
        return contact

    def property_faults(self, properties: Mapping[str, Any]) -> list[dict[str, str]]:
        """What is wrong with properties, in Mailjet's words; null clears and is always right."""
        types = {row["Name"]: row["Datatype"] for row in self.definitions.rows.values()}
        return [
            {name: fault}
            for name, value in properties.items()
            if (fault := self._property_fault(self.property_name(name), value, types)) is not None
        ]

    def property_name(self, name: str) -> str:
        """As a property's name is kept."""
        return name if self._keeps_case else name.lower()

    def set_properties(self, contact: StoredContact, properties: Mapping[str, Any], now: datetime) -> None:
        """Write those named; null clears."""
        for given, value in properties.items():
            name = self.property_name(given)
            if value is None:
                contact.properties.pop(name, None)
            else:
                contact.properties[name] = value
        contact.updated_at = now

    def act(self, contact: StoredContact, list_id: int, action: str, now: datetime) -> None:
        """Put a contact on a list, take it off, or unsubscribe it. Only addforce ends an unsubscription."""
        found = self.membership(contact, list_id)
        if action == "remove":
            if found:
                self._leave(found)
            return
        if found is None:
            found = Membership(self._next_membership, contact, list_id, action == "unsub", now)
            self._next_membership += 1
            self.memberships[found.number] = found
            self._by_list.setdefault(list_id, {})[contact.number] = found
            self._sorted.pop(list_id, None)
        elif action == "addforce":
            found.unsubscribed, found.unsubscribed_at = False, None
        if action == "unsub":
            found.unsubscribed, found.unsubscribed_at = True, now

    def membership(self, contact: StoredContact, list_id: int) -> Membership | None:
        """Where a contact stands in a list, if it does."""
        return self._by_list.get(list_id, {}).get(contact.number)

    def memberships_of(self, contact: StoredContact) -> list[Membership]:
        """Every list that a contact is on, unsubscribed or not."""
        found = (members.get(contact.number) for members in self._by_list.values())
        return [one for one in found if one is not None]

    def members(self, list_id: int) -> Iterable[Membership]:
        """Everyone on a list, unsubscribed ones too."""
        return self._by_list.get(list_id, {}).values()

    def numbers_on(self, list_id: int) -> Sequence[int]:
        """The numbers of everyone on a list, in their order."""
        if list_id not in self._sorted:
            self._sorted[list_id] = sorted(self._by_list.get(list_id, {}))
        return self._sorted[list_id]

    def numbers_after(self, number: int, limit: int) -> list[int]:
        """The next contacts by number."""
        first = max(number + 1, _FIRST_CONTACT)
        return list(islice((one for one in range(first, self._next_contact) if one in self.contacts), limit))

    def anonymise(self, number: int, now: datetime) -> None:
        """What v4's DELETE does at once: name and address become unreadable; unknown numbers are no error."""
        contact = self.contacts.get(number)
        if contact is None:
            return
        del self._by_email[contact.email]
        digest = sha1(contact.email.encode(), usedforsecurity=False).hexdigest()
        contact.email, contact.name, contact.updated_at = f"\\x{digest}@domain.invalid", "Anonymized", now
        contact.properties.clear()
        for found in self.memberships_of(contact):
            self._leave(found)

    def _leave(self, found: Membership) -> None:
        del self.memberships[found.number]
        del self._by_list[found.list_id][found.contact.number]
        self._sorted.pop(found.list_id, None)

    @staticmethod
    def _property_fault(name: str, value: Any, datatypes: Mapping[str, str]) -> str | None:
        if name not in datatypes:
            return "Property not defined"
        if value is None or _fits(value, datatypes[name]):
            return None
        return "Property type does not match definition"


def _fits(value: Any, datatype: str) -> bool:
    match datatype:
        case "bool":
            return isinstance(value, bool)
        case "int":
            return isinstance(value, int) and not isinstance(value, bool)
        case "float":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case "datetime":
            return _is_moment(value)
        case _:
            return isinstance(value, str)


def _is_moment(value: Any) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return True
    try:
        return datetime.fromisoformat(value).year > 0
    except (TypeError, ValueError):
        return False


def address_fault(email: Any) -> str | None:
    """Mailjet's words for an address that it does not take."""
    if not isinstance(email, str) or "@" not in email:
        return f'Invalid email address "{email}", reason: "No @ character in mail"'
    return (
        None if is_address(email) else f'Invalid email address "{email}", reason: "Invalid domain or mailbox"'
    )
