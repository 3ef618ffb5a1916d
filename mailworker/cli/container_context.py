"""The container for the time of one command, and the token that each of its calls to Mailjet takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from redis import Redis

    from mailworker.config.settings import Settings
    from mailworker.container import Container
    from mailworker.ledger import Ledger


#: How long a call that is no mail waits for its token, in seconds; mail goes first.
_PATIENCE = 60.0


#: What the whole container takes over where it was opened already, and closes.
_SHARED = frozenset({"ledger", "redis"})


class _QuickContainer:
    """Settings, ledger and Redis at once; for whatever else a command asks the whole container is loaded.

    Most commands only look into the ledger, and nobody likes to wait for what they do not use.
    """

    def __init__(self, settings: "Settings") -> None:
        self.settings = settings

    @cached_property
    def ledger(self) -> "Ledger":
        from mailworker.ledger import Ledger

        return Ledger.open(self.settings.worker.database_url)

    @cached_property
    def redis(self) -> "Redis":
        from mailworker.queue.redis_connection import REDIS_OPTIONS, connect

        return connect(self.settings.worker.redis_url, **REDIS_OPTIONS)

    @cached_property
    def _whole(self) -> "Container":
        from mailworker.container import Container

        whole = Container(self.settings)
        for name in _SHARED & self.__dict__.keys():
            whole.__dict__[name] = self.__dict__[name]
        return whole

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    def close(self) -> None:
        if "_whole" in self.__dict__:
            self._whole.close()
            return
        for name in _SHARED & self.__dict__.keys():
            self.__dict__[name].close()


@contextmanager
def opened() -> Iterator["Container"]:
    """What crm_config.yaml describes. Raises ConfigError."""
    from mailworker.config.settings import load_settings

    container = _QuickContainer(load_settings())
    try:
        yield cast("Container", container)
    finally:
        container.close()


def take_token(container: "Container") -> None:
    """Wait for a token for a call to Mailjet that is no mail. Raises Throttled where none came in time."""
    from mailworker.errors import Throttled
    from mailworker.limits import CallLane

    if container.bucket.take(CallLane.CONTACTS, patience=_PATIENCE) is None:
        raise Throttled("No call to Mailjet is free at this moment; try again later.", retry_after=_PATIENCE)
