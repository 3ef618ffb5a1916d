"""The container for the time of one command, and the token that each of its calls to Mailjet takes."""

from contextlib import closing
from typing import TYPE_CHECKING

from mailworker.errors import Throttled

if TYPE_CHECKING:
    from mailworker.client import MailClient
    from mailworker.config.settings import Settings
    from mailworker.container import Container


#: How long a call that is no mail waits for its token, in seconds; mail goes first.
_PATIENCE = 60.0


class NoCallFree(Throttled):
    """No call to Mailjet is free at this moment; try again later."""


def opened() -> "closing[Container]":
    """What crm_config.yaml describes, closed at the end. Raises ConfigError."""
    from mailworker.container import Container

    return closing(Container.from_environment())


def mail_client(settings: "Settings") -> "closing[MailClient]":
    """What enqueues mail as OmniCRM does, of the configured kinds; closed at the end."""
    from mailworker.client import MailClient

    worker = settings.worker
    return closing(MailClient(worker.redis_url, kinds=settings.kinds, language=worker.language))


def take_token(container: "Container") -> None:
    """Wait for a token for a call to Mailjet that is no mail. Raises NoCallFree where none came in time."""
    from mailworker.limits import CallLane

    if container.bucket.take(CallLane.CONTACTS, patience=_PATIENCE) is None:
        raise NoCallFree(retry_after=_PATIENCE)
