"""The doctor's round: each check gives one sentence for each fault, with its cure."""

from collections.abc import Callable, Iterator
from functools import partial

from mailworker.cli.health import at_mailjet, in_redis, nearby
from mailworker.clock import utc_now
from mailworker.errors import MailworkerError
from mailworker.house import House

#: A check's name, and what it found.
Finding = tuple[str, list[str]]


def examine(house: House, *, mailjet: bool, webhook_url: str | None) -> Iterator[Finding]:
    """Check after check, as they are made. The configuration was read already, so it is well."""
    yield "configuration", [*nearby.placeholders(house.settings), *nearby.missing_kinds(house)]
    reachable = _ask(lambda: in_redis.unreachable(house.redis))
    yield "Redis answers", reachable
    if not reachable:
        yield "Redis keeps what it was given", _ask(lambda: in_redis.forgetful(house.redis))
        yield "Redis's clock and ours agree", _ask(lambda: in_redis.clock_skew(house.redis, utc_now))
        yield "every queue has a worker", _ask(lambda: in_redis.unattended(house.settings.worker.redis_url))
        yield "beat beats", _ask(lambda: in_redis.no_beat(house.redis, utc_now()))
    yield "the ledger answers", _ask(lambda: nearby.ledger_faults(house))
    yield "invoices can be rendered", _ask(nearby.rendering_faults)
    yield "PDFs can be kept", _ask(lambda: nearby.store_faults(house))
    yield f"the CRM ({house.settings.crm.source})", _ask(lambda: house.crm.check())  # noqa: PLW0108 - opening may fail too
    if mailjet and not reachable:
        checks = at_mailjet.checks(house, webhook_url)
        yield from ((name, _ask(partial(check))) for name, check in checks)


def _ask(check: Callable[[], list[str]]) -> list[str]:
    """A check's faults; a check that cannot be made is one."""
    try:
        return check()
    except MailworkerError as fault:
        return [str(fault)]
