"""The doctor's round: each check gives one sentence for each fault, with its cure."""

from collections.abc import Callable, Iterator
from functools import partial

from mailworker.cli.doctor_checks import local, redis_and_workers
from mailworker.cli.doctor_checks import mailjet as mailjet_checks
from mailworker.container import Container
from mailworker.core.clock import utc_now
from mailworker.errors import MailworkerError

#: A check's name, and what it found.
Finding = tuple[str, list[str]]


def examine(container: Container, *, mailjet: bool, webhook_url: str | None) -> Iterator[Finding]:
    """Check after check, as they are made. The configuration was read already, so it is well."""
    yield "configuration", [*local.placeholders(container.settings), *local.missing_kinds(container)]
    reachable = _ask(lambda: redis_and_workers.unreachable(container.redis))
    yield "Redis answers", reachable
    if not reachable:
        yield "Redis keeps what it was given", _ask(lambda: redis_and_workers.forgetful(container.redis))
        yield (
            "Redis's clock and ours agree",
            _ask(lambda: redis_and_workers.clock_skew(container.redis, utc_now)),
        )
        yield (
            "every queue has a worker",
            _ask(lambda: redis_and_workers.unattended(container.settings.worker.redis_url)),
        )
        yield "beat beats", _ask(lambda: redis_and_workers.no_beat(container.redis, utc_now()))
    yield "the ledger answers", _ask(lambda: local.ledger_faults(container))
    yield "invoices can be rendered", _ask(local.rendering_faults)
    yield "PDFs can be kept", _ask(lambda: local.store_faults(container))
    yield f"the CRM ({container.settings.crm.source})", _ask(lambda: container.crm.check())  # noqa: PLW0108 - opening may fail too
    if mailjet and not reachable:
        checks = mailjet_checks.checks(container, webhook_url)
        yield from ((name, _ask(partial(check))) for name, check in checks)


def _ask(check: Callable[[], list[str]]) -> list[str]:
    """A check's faults; a check that cannot be made is one."""
    try:
        return check()
    except MailworkerError as fault:
        return [str(fault)]
