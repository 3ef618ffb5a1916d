"""One process's objects, built from the configuration: each when first needed, kept until the end."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from mailworker.base_container import BaseContainer
from mailworker.config.settings import load_settings
from mailworker.core.lane import Lane
from mailworker.errors import MailworkerError

if TYPE_CHECKING:
    from mailworker.balances import BalanceScan
    from mailworker.balances.cgrates_container import EngineParts
    from mailworker.balances.cgrates_posts_to_alerts import OcsStream
    from mailworker.campaigns import AudienceCount, CampaignManager
    from mailworker.contacts import ContactService
    from mailworker.contacts.full_sync import CrmReader
    from mailworker.crm import CrmSource
    from mailworker.dispatch import Dispatcher
    from mailworker.export_and_erasure import Privacy
    from mailworker.intake import Intake, JobStream
    from mailworker.prepare import Preparer
    from mailworker.reconcile.unknown_messages import Reconciler
    from mailworker.reminders import ReminderScan
    from mailworker.rules.pre_send.verdicts import Verdicts
    from mailworker.scans.ask_crm_or_put_off import CrmQuestion
    from mailworker.scans.message_drafts import MessageDrafts


class Container(BaseContainer):
    """Everything that a worker, a command or a web process works with.

    Make one per process, after the fork: connections and sessions must not be shared with a child.
    """

    @classmethod
    def from_environment(cls) -> "Container":
        """The installation that crm_config.yaml describes. Raises ConfigError."""
        return cls(load_settings())

    @cached_property
    def crm(self) -> "CrmSource":
        """The CRM's data, read-only; with balances out of the charging engine where there is one."""
        from mailworker.crm import open_source

        if not self.settings.balances.cgrates.url:
            return open_source(self.settings.crm)
        return self.charging.crm

    @cached_property
    def charging(self) -> "EngineParts":
        """CGRateS, where balances are."""
        from mailworker.balances.cgrates_container import EngineParts

        return EngineParts(self.settings, lambda: self.ledger, self.clock)

    @cached_property
    def intake(self) -> "Intake":
        """The only way in."""
        from mailworker.intake import Intake

        settings = self.settings
        return Intake(
            self.ledger,
            settings.kinds,
            self.store,
            language=settings.worker.language,
            has_documents=self._has_documents,
        )

    def _has_documents(self) -> bool:
        """Whether the CRM gives whole invoices; one out of order is asked later."""
        try:
            return self.crm.offers("invoice_document")
        except MailworkerError:
            return True

    @cached_property
    def dispatcher(self) -> "Dispatcher":
        """Makes the calls that send."""
        from mailworker.dispatch import DispatchDependencies, Dispatcher

        self.gateway.open()
        parts = self.ledger, self.bucket, self.gateway, self.store, self._pre_send_questions
        deps = DispatchDependencies(*parts, self.breaker, self.journal)
        return Dispatcher(self.settings, deps, clock=self.clock)

    @cached_property
    def preparer(self) -> "Preparer":
        """Makes messages about invoices ready."""
        from mailworker.invoices import InvoiceRenderer
        from mailworker.prepare import Preparer, Tools

        renderer = InvoiceRenderer(self.settings.invoice)
        tools = Tools(self.ledger, renderer, self.store, lambda: self.crm)
        return Preparer(self.settings, tools, clock=self.clock)

    @cached_property
    def reconciler(self) -> "Reconciler":
        """Settles messages of unknown outcome."""
        from mailworker.reconcile.lookup_at_mailjet import TokenLookup
        from mailworker.reconcile.unknown_messages import Reconciler

        return Reconciler(
            self.settings, self.ledger, TokenLookup(self.gateway, self.bucket), clock=self.clock
        )

    @cached_property
    def drafts(self) -> "MessageDrafts":
        """Writes what scans decide."""
        from mailworker.intake.job_row import row_of
        from mailworker.scans.message_drafts import MessageDrafts

        return MessageDrafts(self.settings, lambda job, now: row_of(job, (), now))

    def reminder_scan(self) -> "ReminderScan":
        """A look at all open invoices; a new one for each slice of a scan."""
        from mailworker.reminders import ReminderScan

        return ReminderScan(self.settings, self.crm, self.ledger, self.drafts)

    def balance_scan(self) -> "BalanceScan":
        """A look at all balances; a new one for each slice of a scan."""
        from mailworker.balances import BalanceScan

        return BalanceScan(self.settings, self.crm, self.ledger, self.drafts)

    def balance_rehearsal(self) -> "BalanceScan":
        """The same, leaving no trace of what it saw."""
        from mailworker.balances import BalanceScan

        crm = self.charging.crm.rehearsing() if self.settings.balances.cgrates.url else self.crm
        return BalanceScan(self.settings, crm, self.ledger, self.drafts)

    @cached_property
    def ocs_stream(self) -> "OcsStream":
        """What CGRateS posted."""
        from mailworker.balances.cgrates_posts_to_alerts import OcsStream

        tenant = self.settings.balances.cgrates.tenant
        return OcsStream(self.redis, self.ledger, self.charging.crm, self.balance_scan(), tenant)

    @cached_property
    def _pre_send_checks(self) -> "tuple[CrmQuestion, ...]":
        from mailworker.balances import BalancePreSendCheck
        from mailworker.dispatch.ask_crm_about_used_link import UsedLinkCheck
        from mailworker.reminders import ReminderPreSendCheck

        return (
            ReminderPreSendCheck(self.settings, lambda: self.crm, self.ledger, self.drafts, clock=self.clock),
            BalancePreSendCheck(self.settings, lambda: self.crm, self.ledger, self.drafts, clock=self.clock),
            UsedLinkCheck(lambda: self.crm, clock=self.clock),
        )

    def _pre_send_questions(self, rows: Sequence[Mapping[str, Any]]) -> "Verdicts":
        """What is no longer true of these messages."""
        from mailworker.scans.ask_crm_or_put_off import ask_crm

        return ask_crm(self._pre_send_checks, rows, self.settings.crm)

    @cached_property
    def contact_reader(self) -> "CrmReader":
        """What reads the CRM's contacts into the ledger."""
        from mailworker.contacts.full_sync import crm_reader

        return crm_reader(self.ledger, self.crm, self.settings.contacts)

    @cached_property
    def contacts(self) -> "ContactService":
        """The CRM's contacts at Mailjet."""
        from mailworker.contacts import ContactDependencies, ContactService

        deps = ContactDependencies(
            self.ledger,
            self.bucket,
            self.gateway,
            self.settings.contacts,
            self.clock,
            lease=self.settings.worker.lease,
            forget=self._forget,
        )
        return ContactService(deps, lambda: self.crm)

    @cached_property
    def audiences(self) -> "AudienceCount":
        """Whom a segment means, as the ledger has it."""
        from mailworker.campaigns import AudienceCount

        return AudienceCount(self.ledger, self.settings.contacts)

    @cached_property
    def campaigns(self) -> "CampaignManager":
        """Marketing to the CRM's contacts."""
        from mailworker.campaigns import CampaignManager, CampaignPolicies, MailjetCampaigns, WorkerCampaigns
        from mailworker.intake.job_row import row_of
        from mailworker.mailjet.account_checks import opt_out_faults
        from mailworker.rules.safelist import is_safe

        settings, clock = self.settings, self.clock
        mailjets = MailjetCampaigns(self.ledger, self._api, settings.contacts.list_name, clock)
        workers = WorkerCampaigns(
            self.ledger,
            self.audiences,
            settings.kinds,
            lambda job, now: row_of(job, (), now),
            clock,
            language=settings.worker.language,
        )
        worker = settings.worker
        allows = partial(is_safe, environment=worker.environment, safelist=worker.safelist)
        templates = settings.mailjet.template_ids
        rules = CampaignPolicies(
            settings.contacts,
            settings.kinds,
            worker.timezone,
            clock,
            allows,
            templates,
            lambda: opt_out_faults(self._api, settings.web.webhook_login),
        )
        return CampaignManager(self.ledger, rules, mailjets, workers)

    def _forget(self, email: str) -> int:
        return self.privacy.erase(email, now=self.clock()).on_their_way

    @cached_property
    def privacy(self) -> "Privacy":
        """A person's rights to what is kept."""
        from mailworker.export_and_erasure import Privacy
        from mailworker.queue.quarantine import QuarantinedEntries

        return Privacy(self.ledger, self.store, [*self.kept(), QuarantinedEntries(self.redis)])

    def stream(self, lane: Lane) -> "JobStream":
        """The jobs that clients enqueued for this lane."""
        from mailworker.intake import JobStream

        return JobStream(self.redis, lane, self.intake, keeping=self.keeping.of_lane(lane))

    def close(self) -> None:
        """Give back what was opened."""
        with ExitStack() as stack:
            for name in ("redis", "ledger", "crm", "charging", "gateway"):
                if name in self.__dict__:
                    stack.callback(self.__dict__[name].close)
