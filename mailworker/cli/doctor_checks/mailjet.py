"""What Mailjet knows of us. Every call takes a token of the bucket that all workers share."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from mailworker.cli.container_context import take_token
from mailworker.cli.doctor_checks.finding import Check, Finding, Note, make
from mailworker.cli.template_commands.check import check_mailjet
from mailworker.errors import MailworkerError, Misconfigured, Throttled, Unreachable
from mailworker.limits.rate_limit import BucketUnavailable
from mailworker.mailjet import account_checks

if TYPE_CHECKING:
    from mailworker.container import Container

SUBJECT = "mailjet"


def examine(container: "Container", webhook_url: str | None) -> Iterator[Finding]:
    """The account first: where it cannot be asked, nothing else can, and nothing is told thrice."""
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
        return [f"{str(fault).rstrip('.')}. {_cure(fault)}"]


_THE_WAY = "Look at this host's DNS, firewall and proxy (mailjet.proxy)"
_RENEW_KEYS = "Set MAILJET_API_KEY and MAILJET_API_SECRET anew, and restart; a probe then ends the hold."
_ASK_SUPPORT = "Open the account at app.mailjet.com: it says what is blocked; Mailjet's support lifts it."
_AUTHORITY = "Name the company's own authority in mailjet.ca_bundle"


def _cure(fault: MailworkerError) -> str:
    """What a person does about it."""
    if isinstance(fault, Misconfigured):
        return _RENEW_KEYS if fault.code == "401" else _ASK_SUPPORT
    if isinstance(fault, Throttled):
        return (
            "Somebody else calls with the same key: give both a share in mailjet.calls_per_minute "
            "(docs/several-hosts.md)."
        )
    if isinstance(fault, BucketUnavailable):
        return "Start Redis, or correct worker.redis_url; Mailjet was not asked."
    if isinstance(fault, Unreachable):
        cure = _AUTHORITY if "certificate" in str(fault) else _THE_WAY
        return f"{cure}; mail waits, nothing is lost."
    if "HTTP 200" in str(fault):
        return (
            "Something between us and Mailjet answers in its place, a proxy or a login page: let it through."
        )
    return "That is Mailjet's side, see status.mailjet.com; mail waits and leaves by itself afterwards."


def _checks(
    container: "Container", webhook_url: str | None, token: Callable[[], None]
) -> Iterator[tuple[str, Callable[[], list[str]]]]:
    gateway, blocks = container.gateway, container.settings.mailjet.blocks.values()
    senders = {block.from_email for block in blocks}
    templates = {block.template_id for block in blocks}
    templates |= {other.template_id for block in blocks for other in block.languages.values()}
    yield "senders", lambda: account_checks.sender_faults(gateway, senders, before_call=token)
    yield "templates", lambda: account_checks.template_faults(gateway, templates, before_call=token)
    yield "variables in the templates", lambda: _variables(container)
    web = container.settings.web
    if webhook_url:
        yield "webhook", lambda: account_checks.webhook_faults(gateway, webhook_url, before_call=token)
    elif web.webhook_user and web.webhook_password:
        login = (web.webhook_user, web.webhook_password)
        yield "webhook", lambda: account_checks.webhook_login_faults(gateway, login, before_call=token)


def _variables(container: "Container") -> list[str]:
    """What `mailworker templates check --mailjet` says, but for what the check before said."""
    found = check_mailjet(container)
    return [
        *(fault for fault in found.faults if "is not there" not in fault),
        *(Note(warning) for warning in found.warnings),
    ]
