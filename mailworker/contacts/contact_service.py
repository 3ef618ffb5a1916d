"""All that is done with contacts: taken from the CRM, pushed to Mailjet, pulled back, erased."""

from collections.abc import Callable
from datetime import timedelta
from functools import cached_property

from mailworker.contacts.dependencies import ContactDependencies
from mailworker.contacts.follow_import_jobs import ImportJobPoller
from mailworker.contacts.full_sync import CrmReader, crm_reader
from mailworker.contacts.intake import ContactIntake
from mailworker.contacts.properties_and_lists import PropertyRegistry
from mailworker.contacts.pull_opt_outs import ContactPull
from mailworker.contacts.push_to_mailjet import ContactPusher, PushResult
from mailworker.contacts.upsert import ContactUpsert, rules_of
from mailworker.crm import CrmSource
from mailworker.errors import UnknownOutcome
from mailworker.ledger import contact_push_queue


class ContactService:
    """One process's contacts. `crm` opens the CRM when it is first asked."""

    def __init__(self, deps: ContactDependencies, crm: Callable[[], CrmSource]) -> None:
        self._deps = deps
        self._crm = crm
        types = {name: block.type for name, block in deps.settings.properties.items()}
        self._names = PropertyRegistry(deps.api, types)

    @cached_property
    def intake(self) -> ContactIntake:
        """Takes jobs."""
        upserts = ContactUpsert(rules_of(self._deps.settings), self._deps.settings.settle)
        return ContactIntake(self._deps.ledger, upserts, self._crm())

    @cached_property
    def reader(self) -> CrmReader:
        """Reads all of the CRM."""
        return crm_reader(self._deps.ledger, self._crm(), self._deps.settings)

    @cached_property
    def puller(self) -> ContactPull:
        """Reads Mailjet's side back."""
        return ContactPull(self._deps, self._names)

    @cached_property
    def _pusher(self) -> ContactPusher:
        return ContactPusher(self._deps, self._names)

    @cached_property
    def _import_poller(self) -> ImportJobPoller:
        return ImportJobPoller(self._deps, self._names)

    def step(self) -> PushResult | None:
        """Follow what is due, or else push what waits; None where there is nothing to do now.

        Raises NoCallFree where mail takes all calls, and what Mailjet's and the ledger's absence raise.
        """
        try:
            return self._import_poller.follow_once() or self._pusher.push_once()
        except UnknownOutcome as error:  # of a question: nothing was changed
            return PushResult(alarm=str(error))

    def anything_due(self) -> bool:
        """Whether there is something to do now."""
        with self._deps.ledger.read() as connection:
            return contact_push_queue.anything_due(connection, self._deps.clock())

    @property
    def debounce(self) -> timedelta:
        """How long a change waits for others of the same contact."""
        return self._deps.settings.settle
