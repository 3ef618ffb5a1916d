"""The objects of a process that others are made of: the ledger, Redis, Mailjet, and what asks only them."""

from functools import cached_property
from typing import TYPE_CHECKING

from mailworker.config.settings import Settings
from mailworker.core.lane import Lane
from mailworker.queue.celery_queues import EVENTS, MAIL

if TYPE_CHECKING:
    from redis import Redis

    from mailworker.invoices import PdfStore
    from mailworker.ledger import Ledger
    from mailworker.limits import Bucket
    from mailworker.limits.breaker_state import Breaker
    from mailworker.limits.call_journal import CallJournal
    from mailworker.limits.redis_clock import RedisClock
    from mailworker.mailjet.gateway import Gateway
    from mailworker.mailjet.rest_api import RestApi
    from mailworker.observability.tracing import Traces
    from mailworker.queue.refill_log import Keeping, KeptEntries
    from mailworker.statistics_report import MailReports
    from mailworker.suppressions_by_hand import Suppressions


#: How long a call that is no mail waits for its token, in seconds; mail goes first.
_PATIENCE = 10.0


class BaseContainer:
    """What the rest of a container works with.

    Each import waits for its property, so that nobody waits for what they do not use.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def redis(self) -> "Redis":
        """Redis, with time-outs: without them a half-open connection would hang a worker for ever."""
        from mailworker.queue.redis_connection import REDIS_OPTIONS, connect

        return connect(self.settings.worker.redis_url, **REDIS_OPTIONS)

    @cached_property
    def clock(self) -> "RedisClock":
        """The time that all workers agree on."""
        from mailworker.limits.redis_clock import RedisClock

        return RedisClock(lambda: self.redis)

    @cached_property
    def ledger(self) -> "Ledger":
        """The ledger, its tables up to date."""
        from mailworker.ledger import Ledger

        return Ledger.open(self.settings.worker.database_url)

    @cached_property
    def bucket(self) -> "Bucket":
        """The bucket of calls that all workers share."""
        from mailworker.limits import Bucket

        return Bucket(self.redis, self.settings.mailjet.calls_per_minute)

    @cached_property
    def traces(self) -> "Traces | None":
        """Where traces go; None where the environment names no place."""
        from mailworker.observability.tracing import open_traces

        return open_traces()

    @cached_property
    def breaker(self) -> "Breaker":
        """The circuit breaker that all workers share."""
        from mailworker.limits.breaker_state import Breaker

        mailjet = self.settings.mailjet
        return Breaker(self.redis, mailjet.calls_per_minute, mailjet.unanswered_messages)

    @cached_property
    def journal(self) -> "CallJournal":
        """The calls of the last while, outside of the ledger."""
        from mailworker.limits.call_journal import CallJournal

        return CallJournal(self.redis, self.settings.worker.keep_jobs)

    @cached_property
    def store(self) -> "PdfStore":
        """Where PDFs and attachments are kept."""
        from mailworker.invoices import pdf_store

        return pdf_store(self.settings.invoice)

    @cached_property
    def gateway(self) -> "Gateway":
        """Mailjet."""
        from mailworker.mailjet.credentials import MailjetAccess
        from mailworker.mailjet.gateway import Gateway

        mailjet, worker = self.settings.mailjet, self.settings.worker
        return Gateway(
            MailjetAccess(
                mailjet.api_key,
                mailjet.api_secret,
                mailjet.api_url,
                connect_timeout=worker.connect_timeout.total_seconds(),
                read_timeout=worker.read_timeout.total_seconds(),
                ca_bundle=mailjet.ca_bundle,
                proxy=mailjet.proxy,
            )
        )

    @cached_property
    def suppressions(self) -> "Suppressions":
        """The suppression list, for people."""
        from mailworker.suppressions_by_hand import Suppressions

        names = self.settings.contacts.list_name
        return Suppressions(self.ledger, self._api, names, self.clock)

    @cached_property
    def reports(self) -> "MailReports":
        """Figures for people, beside Mailjet's."""
        from mailworker.statistics_report import MailReports

        return MailReports(self.ledger, self._api, self.settings, self.clock)

    @property
    def keeping(self) -> "Keeping":
        """For how long streams' entries are kept that the ledger has."""
        from mailworker.queue.refill_log import Keeping

        worker = self.settings.worker
        return Keeping(worker.keep_jobs, worker.keep_jobs_bytes)

    def kept(self) -> "list[KeptEntries]":
        """What is kept of the streams of jobs, the urgent ones first, and of events."""
        from mailworker.queue.refill_log import KeptEntries

        return [*map(self.kept_jobs, Lane), KeptEntries(self.redis, EVENTS.stream, self.keeping)]

    def kept_jobs(self, lane: Lane) -> "KeptEntries":
        """What is kept of this lane's jobs."""
        from mailworker.queue.refill_log import KeptEntries

        return KeptEntries(self.redis, MAIL[lane].stream, self.keeping.of_lane(lane))

    @property
    def _api(self) -> "RestApi":
        """Mailjet for what is no mail, with a token for each call. Its calls raise NoCallFree."""
        from mailworker.mailjet.rest_api import RestApi

        return RestApi(lambda: self.gateway, self._take_token)

    def _take_token(self) -> None:
        from mailworker.limits import CallLane, require_call

        require_call(self.bucket, CallLane.CONTACTS, patience=_PATIENCE)
