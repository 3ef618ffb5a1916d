"""The container for the time of one command, and the token that each of its calls to Mailjet takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from mailworker.base_container import BaseContainer

if TYPE_CHECKING:
    from mailworker.container import Container


#: How long a call that is no mail waits for its token, in seconds; mail goes first.
_PATIENCE = 60.0


class _QuickContainer(BaseContainer):
    """What is quick to have at once; for whatever else a command asks the whole container is loaded."""

    @cached_property
    def _whole(self) -> "Container":
        from mailworker.container import Container

        whole = Container(self.settings)
        whole.__dict__.update(self._opened())
        return whole

    def _opened(self) -> dict[str, Any]:
        """What is open already, which the whole container takes over, and closes."""
        ours = {name for name, value in vars(BaseContainer).items() if isinstance(value, cached_property)}
        return {name: value for name, value in self.__dict__.items() if name in ours}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    def close(self) -> None:
        if "_whole" in self.__dict__:
            self._whole.close()
        else:
            for name in ("ledger", "redis"):
                if name in self.__dict__:
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
