"""What Mailjet knows of us. Every call takes a token of the bucket that all workers share."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from mailworker.cli.container_context import take_token
from mailworker.cli.doctor_checks import cures
from mailworker.cli.doctor_checks.finding import Check, Finding, Note, make
from mailworker.cli.template_commands.check import check_mailjet
from mailworker.errors import MailworkerError
from mailworker.mailjet import account_checks

if TYPE_CHECKING:
    from mailworker.container import Container
    from mailworker.mailjet.gateway import Gateway

SUBJECT = "mailjet"


def examine(container: "Container", webhook_url: str | None) -> Iterator[Finding]:
    """The account first: where it cannot be asked, nothing else can, and nothing is shown thrice."""
    token = partial(take_token, container)
    account = make(Check(SUBJECT, "Mailjet: account", lambda: _account(container, token)))
    yield account
    if account.faults:
        return
    for name, ask in _checks(container, webhook_url, token):
        yield make(Check(SUBJECT, f"Mailjet: {name}", ask))


def _account(container: "Container", token: Callable[[], None]) -> list[str]:
    try:
        return account_checks.key_faults(container.gateway, before_call=token)
    except MailworkerError as fault:
        return [f"{str(fault).rstrip('.')}. {cures.for_mailjet(fault)}"]


def _checks(
    container: "Container", webhook_url: str | None, token: Callable[[], None]
) -> Iterator[tuple[str, Callable[[], list[str]]]]:
    gateway, blocks = container.gateway, container.settings.mailjet.blocks.values()
    senders = {block.from_email for block in blocks}
    templates = {block.template_id for block in blocks}
    templates |= {other.template_id for block in blocks for other in block.languages.values()}
    yield "senders", lambda: account_checks.sender_faults(gateway, senders, before_call=token)
    yield "sender domains", lambda: _domains(gateway, senders, token)
    yield "templates", lambda: account_checks.template_faults(gateway, templates, before_call=token)
    yield "variables in the templates", lambda: _variables(container)
    web = container.settings.web
    if webhook_url:
        yield "webhook", lambda: account_checks.webhook_faults(gateway, webhook_url, before_call=token)
    elif login := web.webhook_login:
        yield "webhook", lambda: account_checks.webhook_login_faults(gateway, login, before_call=token)


def _domains(gateway: "Gateway", senders: set[str], token: Callable[[], None]) -> list[str]:
    """Notes: mail leaves all the same."""
    return [Note(fault) for fault in account_checks.domain_faults(gateway, senders, before_call=token)]


def _variables(container: "Container") -> list[str]:
    """The faults of `mailworker templates check --mailjet`, but for those of the check before."""
    found = check_mailjet(container)
    return [
        *(fault for fault in found.faults if "is not there" not in fault),
        *(Note(warning) for warning in found.warnings),
    ]
