"""What Mailjet knows of us. Every call takes a token of the bucket that all workers share."""

from collections.abc import Callable

from mailworker.cli.opening import take_token
from mailworker.house import House
from mailworker.mailjet import health

Check = Callable[[], list[str]]


def checks(house: House, webhook_url: str | None) -> list[tuple[str, Check]]:
    """The questions to ask, by name. Each raises what the gateway raises."""
    blocks = house.settings.mailjet.blocks.values()
    senders = {block.from_email for block in blocks}
    templates = {block.template_id for block in blocks}
    templates |= {other.template_id for block in blocks for other in block.languages.values()}

    def token() -> None:
        take_token(house)

    asked: list[tuple[str, Check]] = [
        ("Mailjet: API key", lambda: health.key_faults(house.gateway, before_call=token)),
        ("Mailjet: senders", lambda: health.sender_faults(house.gateway, senders, before_call=token)),
        ("Mailjet: templates", lambda: health.template_faults(house.gateway, templates, before_call=token)),
    ]
    if webhook_url:
        asked.append(
            (
                "Mailjet: webhook",
                lambda: health.webhook_faults(house.gateway, webhook_url, before_call=token),
            )
        )
    return asked
