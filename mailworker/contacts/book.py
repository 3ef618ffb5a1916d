"""Contacts, whole: heard from the CRM, told to Mailjet, read back, erased."""

from collections.abc import Callable
from datetime import timedelta
from functools import cached_property

from mailworker.contacts.door import Door
from mailworker.contacts.following import Follower
from mailworker.contacts.hands import Hands, rules_of
from mailworker.contacts.hearing import Ear
from mailworker.contacts.looking import Looker
from mailworker.contacts.names import Names
from mailworker.contacts.reading import CrmReader
from mailworker.contacts.telling import Teller, Told
from mailworker.crm import CrmSource
from mailworker.errors import UnknownOutcome
from mailworker.ledger import contact_calls as calls


class ContactBook:
    """One process's contacts. `crm` opens the CRM when it is first asked."""

    def __init__(self, hands: Hands, crm: Callable[[], CrmSource]) -> None:
        self._hands = hands
        self._crm = crm
        types = {name: block.type for name, block in hands.settings.properties.items()}
        self._names = Names(hands.gateway, hands.before_call, types)

    @cached_property
    def ear(self) -> Ear:
        """Hears changes."""
        return Ear(rules_of(self._hands.settings), self._hands.settings.settle)

    @cached_property
    def door(self) -> Door:
        """Takes jobs."""
        return Door(self._hands.ledger, self.ear, self._crm())

    @cached_property
    def reader(self) -> CrmReader:
        """Reads all of the CRM."""
        return CrmReader(
            self._hands.ledger, self._crm(), self.ear, largest_removal=self._hands.settings.largest_removal
        )

    @cached_property
    def looker(self) -> Looker:
        """Reads Mailjet's side back."""
        return Looker(self._hands, self._names)

    @cached_property
    def _teller(self) -> Teller:
        return Teller(self._hands, self._names)

    @cached_property
    def _follower(self) -> Follower:
        return Follower(self._hands, self._names)

    def step(self) -> Told | None:
        """Follow what is due, or else tell what waits; None where there is nothing to do now.

        Raises NoTokenYet where mail takes all calls, and what Mailjet's and the ledger's absence raise.
        """
        try:
            return self._follower.follow_once() or self._teller.tell_once()
        except UnknownOutcome as error:  # of a question: nothing was changed
            return Told(alarm=str(error))

    def anything_due(self) -> bool:
        """Whether there is something to do now."""
        with self._hands.ledger.read() as connection:
            return calls.anything_due(connection, self._hands.clock())

    @property
    def settle(self) -> timedelta:
        """How long a change waits for others of the same contact."""
        return self._hands.settings.settle
