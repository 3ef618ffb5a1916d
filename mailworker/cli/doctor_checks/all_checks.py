"""The doctor's round, subject by subject."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from mailworker.cli.doctor_checks import (
    callbacks,
    cgrates,
    configuration,
    contacts_and_campaigns,
    crm,
    ledger_database,
    mailjet,
    mailjet_events,
    pdf_store,
    redis,
    redis_streams,
    refill,
    rendering,
    scans,
    stuck_mail,
    webhook,
    workers,
)
from mailworker.cli.doctor_checks.finding import Check, Finding, Note
from mailworker.cli.doctor_checks.run_check import run_check
from mailworker.config.settings import config_path, fingerprint, key_fingerprint
from mailworker.core.clock import utc_now

if TYPE_CHECKING:
    from mailworker.container import Container

#: What `--only` takes, in the order of the round.
SUBJECTS = (
    "configuration",
    "redis",
    "workers",
    "beat",
    "queues",
    "ledger",
    "messages",
    "contacts",
    "campaigns",
    "scans",
    "invoices",
    "store",
    "crm",
    "cgrates",
    "callbacks",
    "webhook",
    "mailjet",
)
_BEHIND_REDIS = ("redis", "workers", "beat", "queues", "mailjet")
_IN_THE_LEDGER = ("ledger", "messages", "contacts", "campaigns", "callbacks", "scans")
#: What stands still for the ledger's sake: beat's rounds end in it, and jobs wait on Redis for it.
_BEFORE_THE_LEDGER = ("beat", "queues")


@dataclass(frozen=True, slots=True)
class Round:
    """What to look at. `only` empty: everything."""

    only: Collection[str] = ()
    internet: bool = True
    webhook_url: str | None = None

    def wants(self, subject: str) -> bool:
        """Whether this subject is looked at."""
        return subject in self.only or not self.only


def examine(container: "Container", wanted: Round) -> Iterator[Finding]:
    """Check after check, as they are made. The configuration was read already, so it can be read.

    A ledger that is away is told first: what stands still on Redis meanwhile is then no fault of its own.
    """
    yield from _made(wanted, _of_the_file(container))
    opens = Check("ledger", "the ledger answers", lambda: ledger_database.ledger_faults(container))
    concerned = any(wanted.wants(subject) for subject in (*_IN_THE_LEDGER, *_BEFORE_THE_LEDGER))
    ledger = run_check(opens) if concerned else Finding("ledger", opens.name)
    if ledger.faults:
        yield ledger
    answers = partial(run_check, Check("redis", "Redis answers", lambda: redis.unreachable(container.redis)))
    for found in _then(wanted, answers, _BEHIND_REDIS, lambda: _behind_redis(container)):
        yield _for_its_sake(found) if ledger.faults and found.subject in _BEFORE_THE_LEDGER else found
    if not ledger.faults:
        yield from _then(wanted, lambda: ledger, _IN_THE_LEDGER, lambda: _in_the_ledger(container))
    yield from _made(wanted, _of_this_host(container))
    if wanted.internet:
        yield from _made(wanted, webhook.checks(container.settings))
    if wanted.internet and wanted.wants("mailjet"):
        yield from mailjet.examine(container, wanted.webhook_url)


def _for_its_sake(found: Finding) -> Finding:
    notes = [Note(f"It may be for the ledger's sake: {one}") for one in found.sentences]
    return Finding(found.subject, found.name, tuple(notes))


def _then(
    wanted: Round,
    first: Callable[[], Finding],
    subjects: Collection[str],
    others: Callable[[], Iterator[Check]],
) -> Iterator[Finding]:
    """What stands or falls with `first`: where that is wrong, it alone is shown."""
    if not any(wanted.wants(subject) for subject in subjects):
        return
    found = first()
    if found.faults or wanted.wants(found.subject):
        yield found
    if not found.faults:
        yield from _made(wanted, others())


def _made(wanted: Round, checks: Iterator[Check]) -> Iterator[Finding]:
    return (run_check(check) for check in checks if wanted.wants(check.subject))


def _of_the_file(container: "Container") -> Iterator[Check]:
    yield Check(
        "configuration", "configuration", lambda: configuration.configuration_faults(container.settings)
    )
    yield Check(
        "configuration",
        "the file's rights",
        lambda: configuration.rights_faults(container.settings, config_path()),
    )


def _behind_redis(container: "Container") -> Iterator[Check]:
    client, url = container.redis, container.settings.worker.redis_url
    yield Check("redis", "Redis can be written to", lambda: redis.state_faults(client))
    yield Check("redis", "Redis's user may do what is needed", lambda: redis.rights_faults(client))
    yield Check("redis", "Redis keeps what it was given", lambda: redis.forgetful(client))
    yield Check("redis", "Redis's clock and ours agree", lambda: redis.clock_skew(client, utc_now))
    yield Check("redis", "a fail-over of Redis loses nothing", lambda: redis.failover_faults(client))
    yield Check("mailjet", "Mailjet answers the workers", lambda: redis.breaker_faults(container.breaker))
    yield Check("mailjet", "Mailjet finds no call too fast", lambda: redis.pause_faults(container.bucket))
    # Else nobody can know, and their silence is no fault of theirs.
    if redis.takes_writes(client) and not [*redis.rights_faults(client)]:
        ours, key = fingerprint(config_path()), key_fingerprint(container.settings)
        there = partial(redis.time_of, client)
        yield Check(
            "workers",
            "every queue has a worker",
            lambda: workers.worker_faults(url, workers.ask_workers, ours, there, key),
        )
        yield Check("beat", "exactly one beat runs", lambda: workers.beat_faults(client, there()))
    yield Check("queues", "nothing waits on Redis", lambda: redis_streams.stream_faults(client, utc_now()))
    yield Check("queues", "what Redis keeps is bounded", lambda: refill.kept_faults(container, utc_now()))


def _in_the_ledger(container: "Container") -> Iterator[Check]:
    def query(ask: Callable[[Connection], Iterable[str]]) -> Callable[[], list[str]]:
        return partial(_read, container, ask)

    last_lookup = container.settings.worker.lookups_after[-1]
    yield Check("messages", "the ledger has lost no job", lambda: refill.lost_faults(container))
    yield Check("messages", "nothing is held", query(stuck_mail.hold_faults))
    yield Check("messages", "mail leaves in time", query(lambda c: stuck_mail.waiting_faults(c, utc_now())))
    yield Check(
        "messages",
        "every outcome is known",
        query(lambda c: stuck_mail.unknown_faults(c, utc_now(), last_lookup)),
    )
    unheard = query(lambda c: mailjet_events.unheard_faults(c, utc_now()))
    yield Check("messages", "events tell of every kind", unheard)
    yield Check("messages", "nothing failed lately", query(lambda c: stuck_mail.failed_faults(c, utc_now())))
    if container.settings.web.webhook_user:
        silent = query(lambda c: mailjet_events.event_faults(c, utc_now()))
        yield Check("messages", "Mailjet tells what became of mails", silent)
    in_step = query(lambda c: contacts_and_campaigns.contact_faults(c, utc_now()))
    yield Check("contacts", "contacts are in step", in_step)
    yield Check("campaigns", "no campaign stopped by itself", query(contacts_and_campaigns.campaign_faults))
    if container.settings.callbacks.enabled:
        faults = partial(callbacks.callback_faults, container.settings.callbacks, now=utc_now())
        yield Check("callbacks", "the CRM hears what became of its mails", query(faults))
    yield Check("scans", "scans run when they are due", lambda: scans.scan_faults(container, utc_now()))


def _of_this_host(container: "Container") -> Iterator[Check]:
    yield Check("invoices", "this host can render", rendering.library_faults)
    yield Check(
        "invoices",
        "a sample invoice is rendered",
        lambda: rendering.template_faults(container.settings.invoice),
    )
    yield Check("store", "PDFs can be kept", lambda: pdf_store.store_faults(container))
    yield Check(
        "crm",
        f"the CRM ({container.settings.crm.source})",
        lambda: crm.crm_faults(container),
    )
    if container.settings.balances.cgrates.url:
        yield Check("cgrates", "CGRateS answers, and posts here", lambda: cgrates.engine_faults(container))


def _read(container: "Container", ask: Callable[[Connection], Iterable[str]]) -> list[str]:
    with container.ledger.read() as connection:
        return list(ask(connection))
