"""Whom Mailjet would send a campaign to, brought to what the ledger has, and read back.

Mailjet chooses its recipients itself: whoever is on the list, in the segment, and neither unsubscribed nor
excluded there. So who must not be written to is excluded there first, and nothing leaves until it is so.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any

from mailworker.core.canonical_address import canonical_address
from mailworker.core.plural import counted
from mailworker.errors import TransientError
from mailworker.ledger import contacts_seen_at_mailjet
from mailworker.ledger.contact_exclusion import note_pushed
from mailworker.ledger.recipient_standings import standings
from mailworker.mailjet.contact_calls import exclude_from_campaigns, list_ids
from mailworker.mailjet.contact_queries import contact_at, members, unsubscribed
from mailworker.mailjet_list_access import ListAccess
from mailworker.rules.recipient_gate import Objection, Purpose, Refusal, Standing, refusal

Row = Mapping[str, Any]

_PAGE = 1000
#: More contacts than this are not excluded one by one while a person waits: the workers do it meanwhile.
_BY_HAND = 200


@dataclass(slots=True)
class MailjetList:
    """A list as Mailjet has it: by canonical address, the number of each contact that it sends to."""

    active: dict[str, int] = field(default_factory=dict, repr=False)
    strangers: int = 0


class MailjetAudience(ListAccess):
    """Reads a list back, and keeps out of it who must not be written to."""

    @cached_property
    def _addresses(self) -> dict[int, str]:
        """Of who unsubscribed, as Mailjet numbers them; kept from one question to the next."""
        return {}

    def read_back(self, contact_type: str) -> MailjetList:
        """Note what Mailjet knows of a list's contacts, and give whom it sends to; nobody without a list."""
        lists = list_ids(self._api)
        list_id = lists.get(self._list_name(contact_type))
        found = MailjetList()
        if list_id is None:
            return found
        left = self._read_unsubscribed(list_id)
        for page in members(self._api, list_id):
            excluded = {canonical_address(one.email): one.excluded for one in page}
            with self._ledger.write() as connection:
                contacts_seen_at_mailjet.seen(connection, excluded, now=self._clock())
            numbers = {canonical_address(one.email): one.id for one in page}
            found.active |= {
                email: number
                for email, number in numbers.items()
                if not excluded[email] and email not in left
            }
        return found

    def keep_out(self, contact_type: str) -> MailjetList:
        """Exclude at Mailjet whom the ledger bars, and read each of them back.

        TransientError where so many are missing there that the workers have to do it first.
        """
        found = self.read_back(contact_type)
        barred: dict[str, int] = {}
        for email, objection in self._objections(found, contact_type):
            if objection.objection is Objection.NO_CONTACT:
                found.strangers += 1
            else:
                barred[email] = found.active[email]
        if len(barred) > _BY_HAND:
            raise TransientError(
                f"Mailjet has still to leave {counted(len(barred), 'contact')} out of campaigns; the workers "
                "do so now. Nothing was sent: send again in some minutes."
            )
        for email, number in barred.items():
            self._exclude(email, number)
            del found.active[email]
        with self._ledger.write() as connection:
            note_pushed(connection, barred)
        return found

    def _read_unsubscribed(self, list_id: int) -> set[str]:
        """Who left any list wants no campaigns; gives those who left this one."""
        left: set[str] = set()
        pages = unsubscribed(self._api, addresses=self._addresses)
        for page in pages:
            known = [one for one in page if one.email]
            when = {canonical_address(one.email): one.at for one in known}
            left |= {canonical_address(one.email) for one in known if one.list_id == list_id}
            with self._ledger.write() as connection:
                contacts_seen_at_mailjet.unsubscribed(connection, when, now=self._clock())
        return left

    def _objections(self, found: MailjetList, contact_type: str) -> Iterator[tuple[str, Refusal]]:
        emails = iter(list(found.active))
        while some := list(islice(emails, _PAGE)):
            with self._ledger.read() as connection:
                known = standings(connection, some)
            for email in some:
                if (objection := _objection(known[email], contact_type)) is not None:
                    yield email, objection

    def _exclude(self, email: str, number: int) -> None:
        exclude_from_campaigns(self._api, number, excluded=True)
        seen = contact_at(self._api, email)
        if seen is not None and not seen.excluded:
            raise TransientError(
                "Mailjet did not take it that a contact has to be left out of campaigns; nothing was sent. "
                "Send again."
            )


def _objection(standing: Standing, contact_type: str) -> Refusal | None:
    objection = refusal(standing, Purpose.CAMPAIGN)
    if objection is None and contact_type not in standing.lists:
        return Refusal(Objection.NO_CONTACT, "it is not on this list by the CRM")
    return objection
