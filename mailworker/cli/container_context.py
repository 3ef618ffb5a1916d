"""The container for the time of one command, and the token that each of its calls to Mailjet takes."""

from contextlib import closing
from typing import TYPE_CHECKING

from mailworker.cli.console import SHOWN_IN

if TYPE_CHECKING:
    from mailworker.client import MailClient
    from mailworker.config.settings import Settings
    from mailworker.container import Container
    from mailworker.mailjet.rest_api import RestApi


#: How long a call that is no mail waits for its token, in seconds; mail goes first.
_PATIENCE = 60.0


def opened() -> "closing[Container]":
    """What crm_config.yaml describes, closed at the end. Moments show on its clock. Raises ConfigError."""
    from mailworker.container import Container

    container = Container.from_environment()
    SHOWN_IN.set(container.settings.worker.timezone)
    return closing(container)


def mail_client(settings: "Settings") -> "closing[MailClient]":
    """What enqueues mail as OmniCRM does, of the configured kinds; closed at the end."""
    from mailworker.client import MailClient

    worker = settings.worker
    return closing(
        MailClient(worker.redis_url, kinds=settings.kinds, language=worker.language, timezone=worker.timezone)
    )


def rest_api(container: "Container") -> "RestApi":
    """Mailjet, with a token for each call. Its calls raise NoCallFree where none came in time."""
    from mailworker.mailjet.rest_api import RestApi

    return RestApi(lambda: container.gateway, lambda: _take_token(container))


def _take_token(container: "Container") -> None:
    from mailworker.limits import CallLane, require_call

    require_call(container.bucket, CallLane.CONTACTS, patience=_PATIENCE)
