"""What Mailjet knows of us. Every call takes a token of the bucket that all workers share."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from mailworker.cli.container_context import rest_api
from mailworker.cli.doctor_checks import cures
from mailworker.cli.doctor_checks.finding import Check, Finding, Note
from mailworker.cli.doctor_checks.run_check import run_check
from mailworker.cli.template_commands.check import check_mailjet
from mailworker.errors import MailworkerError
from mailworker.limits.rate_limit_by_lane import BucketUnavailable
from mailworker.mailjet import account_checks

if TYPE_CHECKING:
    from mailworker.container import Container
    from mailworker.mailjet.rest_api import RestApi

SUBJECT = "mailjet"


def examine(container: "Container", webhook_url: str | None) -> Iterator[Finding]:
    """The account first: where it cannot be asked, nothing else can, and nothing is shown thrice.

    Nor is it asked while nobody calls, which was said.
    """
    with suppress(BucketUnavailable):
        if container.bucket.paused():
            return
    api = rest_api(container)
    account = run_check(Check(SUBJECT, "Mailjet: account", lambda: _account(api)))
    yield account
    if account.faults:
        return
    for name, ask in _checks(container, webhook_url, api):
        yield run_check(Check(SUBJECT, f"Mailjet: {name}", ask))


def _account(api: "RestApi") -> list[str]:
    try:
        return account_checks.key_faults(api)
    except MailworkerError as fault:
        return [f"{str(fault).rstrip('.')}. {cures.for_mailjet(fault)}"]


def _checks(
    container: "Container", webhook_url: str | None, api: "RestApi"
) -> Iterator[tuple[str, Callable[[], list[str]]]]:
    blocks = container.settings.mailjet.blocks.values()
    senders = {block.from_email for block in blocks}
    templates = {block.template_id for block in blocks}
    templates |= {other.template_id for block in blocks for other in block.languages.values()}
    yield "senders", lambda: account_checks.sender_faults(api, senders)
    yield "sender domains", lambda: _domains(api, senders)
    yield "templates", lambda: account_checks.template_faults(api, templates)
    yield "variables in the templates", lambda: _variables(container)
    web = container.settings.web
    if webhook_url:
        yield "webhook", lambda: account_checks.webhook_faults(api, webhook_url)
    elif login := web.webhook_login:
        yield "webhook", lambda: account_checks.webhook_login_faults(api, login)


def _domains(api: "RestApi", senders: set[str]) -> list[str]:
    """Notes: mail leaves all the same."""
    return [Note(fault) for fault in account_checks.domain_faults(api, senders)]


def _variables(container: "Container") -> list[str]:
    """The faults of `mailworker templates check --mailjet`, but for those of the check before."""
    found = check_mailjet(container)
    return [
        *(fault for fault in found.faults if "is not there" not in fault),
        *(Note(warning) for warning in found.warnings),
    ]
