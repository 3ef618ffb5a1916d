"""One process's rooms, furnished from the configuration: opened when first needed, kept until the end."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import cached_property, partial
from typing import Any

from redis import Redis

from mailworker.balances import BalanceRecheck, BalanceScan
from mailworker.balances.engine_parts import EngineParts
from mailworker.balances.engine_source import CrmWithEngine
from mailworker.balances.real_time import OcsStream
from mailworker.campaigns import (
    AudienceCount,
    CampaignManager,
    CampaignPolicies,
    MailjetCampaigns,
    WorkerCampaigns,
)
from mailworker.config.settings import Settings, load_settings
from mailworker.contacts import ContactDependencies as ContactHands
from mailworker.contacts import ContactService
from mailworker.core.message import Lane, Receipt
from mailworker.crm import CrmSource, open_source
from mailworker.dispatch import DispatchDependencies, Dispatcher
from mailworker.dispatch.token_recheck import TokenRecheck
from mailworker.errors import MailworkerError, Throttled
from mailworker.intake import Intake, JobStream
from mailworker.intake.job_row import row_of
from mailworker.invoices import InvoiceRenderer, PdfStore, pdf_store
from mailworker.ledger import Ledger
from mailworker.limits import Bucket, CallLane
from mailworker.limits.breaker import Breaker
from mailworker.limits.redis_clock import RedisClock
from mailworker.mail_report import MailReports
from mailworker.mailjet.credentials import MailjetAccess
from mailworker.mailjet.gateway import Gateway
from mailworker.mailjet.message_lookup import find_by_custom_id, list_between
from mailworker.prepare import Preparer, Tools
from mailworker.privacy import Privacy
from mailworker.queue.redis_connection import connect
from mailworker.reconcile import Reconciler
from mailworker.reminders import ReminderRecheck, ReminderScan
from mailworker.rules.pre_send_check import is_safe
from mailworker.rules.recheck import Verdicts
from mailworker.scans.drafts import MessageDrafts
from mailworker.suppressions import Suppressions

#: How long a look-up waits for its token, in seconds.
_TOKEN_PATIENCE = 10.0


class Container:
    """Everything that a worker, a command or a web process works with.

    Make one per process, after the fork: connections and sessions must not be shared with a child.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @classmethod
    def from_environment(cls) -> "Container":
        """The installation that crm_config.yaml describes. Raises ConfigError."""
        return cls(load_settings())

    @cached_property
    def redis(self) -> "Redis":
        """Redis, with time-outs: without them a half-open connection would hang a worker for ever."""
        return connect(
            self.settings.worker.redis_url,
            decode_responses=True,
            # Bytes that are no UTF-8 become half characters, which the check of every job refuses.
            encoding_errors="surrogateescape",
            protocol=2,
            socket_timeout=10,
            socket_connect_timeout=5,
            socket_keepalive=True,
            health_check_interval=10,
        )

    @cached_property
    def clock(self) -> RedisClock:
        """The time that all workers agree on."""
        return RedisClock(self.redis)

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger, its tables up to date."""
        return Ledger.open(self.settings.worker.database_url)

    @cached_property
    def bucket(self) -> Bucket:
        """The bucket of calls that all workers share."""
        return Bucket(self.redis, self.settings.mailjet.calls_per_minute)

    @cached_property
    def breaker(self) -> Breaker:
        """The circuit breaker that all workers share."""
        mailjet = self.settings.mailjet
        return Breaker(self.redis, mailjet.calls_per_minute, mailjet.unanswered_messages)

    @cached_property
    def gateway(self) -> Gateway:
        """Mailjet."""
        mailjet, worker = self.settings.mailjet, self.settings.worker
        return Gateway(
            MailjetAccess(
                mailjet.api_key,
                mailjet.api_secret,
                mailjet.api_url,
                connect_timeout=worker.connect_timeout.total_seconds(),
                read_timeout=worker.read_timeout.total_seconds(),
                ca_bundle=str(mailjet.ca_bundle) if mailjet.ca_bundle else None,
                proxy=mailjet.proxy,
            )
        )

    @cached_property
    def store(self) -> PdfStore:
        """Where PDFs and attachments are kept."""
        return pdf_store(self.settings.invoice)

    @cached_property
    def crm(self) -> CrmSource:
        """The CRM's data, read-only; with balances out of the charging engine where there is one."""
        if not self.settings.balances.cgrates.url:
            return open_source(self.settings.crm)
        return self.charging.crm

    @cached_property
    def charging(self) -> EngineParts:
        """CGRateS, where balances are."""
        return EngineParts(self.settings, lambda: self.ledger, self.clock)

    @cached_property
    def intake(self) -> Intake:
        """The only way in."""
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
    def dispatcher(self) -> Dispatcher:
        """Makes the calls that send."""
        deps = DispatchDependencies(
            self.ledger, self.bucket, self.gateway, self.store, self._recheck, self.breaker
        )
        return Dispatcher(self.settings, deps, clock=self.clock)

    @cached_property
    def preparer(self) -> Preparer:
        """Makes messages about invoices ready."""
        renderer = InvoiceRenderer(self.settings.invoice)
        tools = Tools(self.ledger, renderer, self.store, lambda: self.crm)
        return Preparer(self.settings, tools, clock=self.clock)

    @cached_property
    def reconciler(self) -> Reconciler:
        """Settles messages of unknown outcome."""
        return Reconciler(
            self.settings, self.ledger, _MailjetLookup(self.gateway, self.bucket), clock=self.clock
        )

    @cached_property
    def drafts(self) -> MessageDrafts:
        """Writes what scans decide."""
        return MessageDrafts(self.settings, lambda job, now: row_of(job, (), now))

    def reminder_scan(self) -> ReminderScan:
        """A look at all open invoices; a new one for each slice of a scan."""
        return ReminderScan(self.settings, self.crm, self.ledger, self.drafts)

    def balance_scan(self) -> BalanceScan:
        """A look at all balances; a new one for each slice of a scan."""
        return BalanceScan(self.settings, self.crm, self.ledger, self.drafts)

    def balance_rehearsal(self) -> BalanceScan:
        """The same, leaving no trace of what it saw."""
        crm = self.crm.rehearsing() if isinstance(self.crm, CrmWithEngine) else self.crm
        return BalanceScan(self.settings, crm, self.ledger, self.drafts)

    @cached_property
    def ocs_stream(self) -> OcsStream:
        """What CGRateS posted."""
        tenant = self.settings.balances.cgrates.tenant
        return OcsStream(self.redis, self.ledger, self.charging.crm, self.balance_scan(), tenant)

    @cached_property
    def _rechecks(self) -> tuple[ReminderRecheck, BalanceRecheck]:
        return (
            ReminderRecheck(self.settings, lambda: self.crm, self.ledger, self.drafts, clock=self.clock),
            BalanceRecheck(self.settings, lambda: self.crm, self.ledger, clock=self.clock),
        )

    def _recheck(self, rows: Sequence[Mapping[str, Any]]) -> Verdicts:
        """What is no longer true of these messages; without a CRM nobody can say."""
        if self.settings.crm.source == "none":
            return {}
        reminders, balances = self._rechecks
        return reminders(rows) | balances(rows) | TokenRecheck(lambda: self.crm, clock=self.clock)(rows)

    @cached_property
    def contacts(self) -> ContactService:
        """The CRM's contacts at Mailjet."""
        deps = ContactHands(
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
    def campaigns(self) -> CampaignManager:
        """Marketing to the CRM's contacts."""
        settings, clock = self.settings, self.clock
        mailjets = MailjetCampaigns(
            self.ledger, self.gateway, self._campaign_call, settings.contacts.list_name, clock
        )
        listeners = AudienceCount(self.ledger, settings.contacts)
        workers = WorkerCampaigns(
            self.ledger,
            listeners,
            settings.kinds,
            lambda job, now: row_of(job, (), now),
            clock,
            language=settings.worker.language,
        )
        worker = settings.worker
        allows = partial(is_safe, environment=worker.environment, safelist=worker.safelist)
        rules = CampaignPolicies(settings.contacts, settings.kinds, settings.worker.timezone, clock, allows)
        return CampaignManager(self.ledger, rules, mailjets, workers)

    @cached_property
    def suppressions(self) -> Suppressions:
        """The suppression list, for people."""
        names = self.settings.contacts.list_name
        return Suppressions(self.ledger, self.gateway, self._campaign_call, names, self.clock)

    @cached_property
    def reports(self) -> MailReports:
        """Figures for people, beside Mailjet's."""
        return MailReports(self.ledger, lambda: self.gateway, self._campaign_call, self.settings, self.clock)

    def _campaign_call(self) -> None:
        if self.bucket.take(CallLane.CONTACTS, patience=_TOKEN_PATIENCE) is None:
            raise Throttled("No call is free for a campaign: mail goes first.", retry_after=_TOKEN_PATIENCE)

    def _forget(self, email: str) -> int:
        return Privacy(self.ledger, self.store).erase(email, now=self.clock()).on_their_way

    def stream(self, lane: Lane) -> JobStream:
        """The jobs that clients enqueued for this lane."""
        return JobStream(self.redis, lane, self.intake)

    def close(self) -> None:
        """Give back what was opened."""
        with ExitStack() as stack:
            for name, close in (("redis", "close"), ("ledger", "close"), ("crm", "close")):
                if name in self.__dict__:
                    stack.callback(getattr(self.__dict__[name], close))


class _MailjetLookup:
    """Asks Mailjet about messages, a token for each call."""

    def __init__(self, gateway: Gateway, bucket: Bucket) -> None:
        self._gateway = gateway
        self._bucket = bucket

    def one(self, custom_id: str) -> Receipt | None:
        self._take_token()
        found = find_by_custom_id(self._gateway, custom_id)
        return Receipt(found.message_id, found.uuid) if found else None

    def between(self, since: datetime, until: datetime) -> Mapping[str, Receipt]:
        pages = list_between(self._gateway, since, until, before_call=self._take_token)
        return {found.custom_id: Receipt(found.message_id, found.uuid) for page in pages for found in page}

    def _take_token(self) -> None:
        if self._bucket.take(CallLane.NORMAL, patience=_TOKEN_PATIENCE) is None:
            raise Throttled("No call is free for a look-up.", retry_after=_TOKEN_PATIENCE)
