"""Events that wait to be posted, and the mails whose outcome is still to be posted."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any

from mailworker.simulator.received_mail import ReceivedMail


class EventOutbox:
    """Filled by calls, emptied by `EventPoster`. `awake` is set while there is something in it."""

    def __init__(self) -> None:
        self._mails: deque[ReceivedMail] = deque()
        self._groups: deque[list[dict[str, Any]]] = deque()
        self.awake = asyncio.Event()

    def clear(self) -> None:
        """Forget what waits."""
        self._mails.clear()
        self._groups.clear()

    def add_mail(self, mail: ReceivedMail) -> None:
        """A mail whose `sent` or `blocked` event is due."""
        self._mails.append(mail)
        self.awake.set()

    def add_group(self, events: Iterable[dict[str, Any]]) -> None:
        """Events to be posted together, in this order."""
        self._groups.append(list(events))
        self.awake.set()

    def take(self) -> tuple[list[ReceivedMail], list[list[dict[str, Any]]]]:
        """Everything that waits; the outbox is empty then."""
        self.awake.clear()
        taken = list(self._mails), list(self._groups)
        self.clear()
        return taken
