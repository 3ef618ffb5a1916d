"""What Mailjet knows of us. Every call takes a token of the bucket that all workers share."""

from collections.abc import Callable

from mailworker.cli.container_context import take_token
from mailworker.container import Container
from mailworker.mailjet import account_checks

Check = Callable[[], list[str]]


def checks(container: Container, webhook_url: str | None) -> list[tuple[str, Check]]:
    """The questions to ask, by name. Each raises what the gateway raises."""
    blocks = container.settings.mailjet.blocks.values()
    senders = {block.from_email for block in blocks}
    templates = {block.template_id for block in blocks}
    templates |= {other.template_id for block in blocks for other in block.languages.values()}

    def token() -> None:
        take_token(container)

    asked: list[tuple[str, Check]] = [
        ("Mailjet: API key", lambda: account_checks.key_faults(container.gateway, before_call=token)),
        (
            "Mailjet: senders",
            lambda: account_checks.sender_faults(container.gateway, senders, before_call=token),
        ),
        (
            "Mailjet: templates",
            lambda: account_checks.template_faults(container.gateway, templates, before_call=token),
        ),
    ]
    if webhook_url:
        asked.append(
            (
                "Mailjet: webhook",
                lambda: account_checks.webhook_faults(container.gateway, webhook_url, before_call=token),
            )
        )
    return asked
