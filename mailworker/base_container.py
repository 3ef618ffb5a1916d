"""The objects of a process that are quick to have: the ledger, Redis, and what asks only them."""

from functools import cached_property
from typing import TYPE_CHECKING

from mailworker.config.settings import Settings

if TYPE_CHECKING:
    from redis import Redis

    from mailworker.ledger import Ledger
    from mailworker.limits import Bucket
    from mailworker.limits.redis_clock import RedisClock
    from mailworker.mailjet.gateway import Gateway
    from mailworker.statistics_report import MailReports
    from mailworker.suppressions import Suppressions


class BaseContainer:
    """What a command that only looks needs; the whole container goes on from here.

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

        return RedisClock(self.redis)

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
                ca_bundle=str(mailjet.ca_bundle) if mailjet.ca_bundle else None,
                proxy=mailjet.proxy,
            )
        )

    @cached_property
    def suppressions(self) -> "Suppressions":
        """The suppression list, for people."""
        from mailworker.suppressions import Suppressions

        names = self.settings.contacts.list_name
        return Suppressions(self.ledger, lambda: self.gateway, self._campaign_call, names, self.clock)

    @cached_property
    def reports(self) -> "MailReports":
        """Figures for people, beside Mailjet's."""
        from mailworker.statistics_report import MailReports

        return MailReports(self.ledger, lambda: self.gateway, self._campaign_call, self.settings, self.clock)

    def _campaign_call(self) -> None:
        from mailworker.errors import Throttled
        from mailworker.limits import CallLane
        from mailworker.reconcile.mailjet_lookup import TOKEN_PATIENCE

        if self.bucket.take(CallLane.CONTACTS, patience=TOKEN_PATIENCE) is None:
            raise Throttled("No call is free for a campaign: mail goes first.", retry_after=TOKEN_PATIENCE)
