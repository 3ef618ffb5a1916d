"""A contact whose address changed, and one who has to be erased.

Mailjet never changes a contact's address. So the new one gets what the former one had: its lists, what it
unsubscribed from, its exclusion, and properties that somebody set at Mailjet. Only then the former is erased.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mailworker.contacts.dependencies import ContactDependencies
from mailworker.contacts.properties_and_lists import PropertyRegistry
from mailworker.core.plural import counted
from mailworker.errors import TransientError
from mailworker.ledger import contact_push_queue
from mailworker.ledger.crm_contact_rows import erased_at
from mailworker.ledger.mailjet_contact_rows import pushed_lists, pushed_properties
from mailworker.ledger.suppressions import suppress
from mailworker.mailjet import contact_calls as mailjet
from mailworker.mailjet.contact_calls import ListAction, MailjetContact
from mailworker.mailjet.contact_queries import (
    KnownContact,
    ListRecipient,
    contact_at,
    list_recipients_of,
    properties_of,
)
from mailworker.rules.property_values import PropertyType, Value, typed
from mailworker.rules.pseudonym import pseudonym


class AddressChange:
    """Moves and erases, one contact at a time. Every step may be repeated."""

    def __init__(self, deps: ContactDependencies, names: PropertyRegistry) -> None:
        self._deps = deps
        self._names = names

    def move(self, call_id: str, row: Mapping[str, Any]) -> None:
        """Move a contact at Mailjet to its new address, with all that the former address had."""
        deps = self._deps
        former = contact_at(deps.api, row["moved_from"])
        lists = list_recipients_of(deps.api, former.id) if former else []
        number = self._join(row, lists, self._copied(row, former))
        if contact_push_queue.is_excluded(row) or (former is not None and former.excluded):
            mailjet.exclude_from_campaigns(deps.api, number, excluded=True)
        now = deps.clock()
        with deps.ledger.write() as connection:
            if any(one.unsubscribed for one in lists):
                suppress(connection, row["email"], reason="unsubscribed", source="moved address", now=now)
            contact_push_queue.finish(connection, call_id, {}, now=now)

    def bar(self, call_id: str, email: str) -> None:
        """Have Mailjet leave an address out of campaigns that no contact of the CRM has."""
        deps = self._deps
        found = contact_at(deps.api, email)
        if found is not None and not found.excluded:
            mailjet.exclude_from_campaigns(deps.api, found.id, excluded=True)
        with deps.ledger.write() as connection:
            contact_push_queue.finish(connection, call_id, {}, now=deps.clock())

    def erase(self, call_id: str, email: str) -> None:
        """Have Mailjet anonymise the contact for good, then forget the address.

        Where its owner requested it, everything else that the ledger holds about it goes too; the former
        address of somebody who moved keeps its mails' history.
        """
        deps = self._deps
        found = contact_at(deps.api, email)
        if found is not None:
            mailjet.erase_contact(deps.api, found.id)
        with deps.ledger.read() as connection:
            asked_for = bool(erased_at(connection, [pseudonym(email)]))
        if asked_for and (left := deps.forget(email)):
            are = "is still on its way" if left == 1 else "are still on their way"
            raise TransientError(f"{counted(left, 'mail')} to an erased address {are}.")
        with deps.ledger.write() as connection:
            contact_push_queue.erased(connection, call_id)

    def _copied(self, row: Mapping[str, Any], former: KnownContact | None) -> dict[str, Value]:
        """Properties that others set at Mailjet. Who is at the new address already keeps their own."""
        deps, now = self._deps, self._deps.clock()
        if former is None or contact_at(deps.api, row["email"]):
            return {}
        types = self._names.properties(row["properties"].keys(), now=now)
        texts = properties_of(deps.api, former.id)
        with deps.ledger.read() as connection:
            pushed = pushed_properties(connection, row["moved_from"])
        ours = {*row["properties"], *row["told_names"], *pushed, *deps.settings.properties}
        values = {
            name: _value(text, types[name])
            for name, text in texts.items()
            if name in types and name not in ours
        }
        return {name: value for name, value in values.items() if value is not None}

    def _join(
        self, row: Mapping[str, Any], former: Sequence[ListRecipient], copied: Mapping[str, Value]
    ) -> int:
        """Have the new address join its lists, and those that others put the former one on."""
        deps, now = self._deps, self._deps.clock()
        name = deps.settings.list_name
        self._names.properties(row["properties"].keys(), now=now)
        wanted = self._names.lists([name(one) for one in row["lists"]], now=now)
        with deps.ledger.read() as connection:
            pushed = pushed_lists(connection, row["moved_from"])
        ours = self._names.known_lists([name(one) for one in pushed], now=now)
        left = {one.list_id for one in former if one.unsubscribed}
        others = [one.list_id for one in former if one.list_id not in ours.values()]
        contact = MailjetContact(row["email"], row["name"], {**copied, **row["properties"]})
        number = 0
        for list_id in dict.fromkeys((*wanted.values(), *others)):
            action = ListAction.UNSUBSCRIBE if list_id in left else ListAction.ADD
            number = mailjet.manage_contact(deps.api, list_id, contact, action=action)
            contact = MailjetContact(row["email"])
        return number


def _value(text: str, datatype: str) -> Value:
    try:
        return typed(text, PropertyType(datatype))
    except ValueError:
        return None
