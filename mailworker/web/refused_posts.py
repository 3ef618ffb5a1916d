"""Posts that the webhook refused, by the answer's status: counted, and written into the ledger soon after.

Nothing of this stands between a post and its answer, and a flood of wrong passwords is one row a minute.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from mailworker.errors import MailworkerError
from mailworker.ledger import Ledger
from mailworker.ledger.webhook_log import REFUSED, WebhookTally
from mailworker.observability.logs import get_log

#: Seconds from the first refused post to the ledger; while that does not answer, from one try to the next.
DELAY = 5.0
#: So many counts wait for a ledger that does not answer: some hours.
_MOST = 1_000
_log = get_log("mailworker.web")


class RefusedPosts:
    """The counts of one web process."""

    def __init__(
        self,
        ledger: Callable[[], Ledger],
        clock: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._sleep = sleep
        self._tally = WebhookTally()
        self._writing: asyncio.Task[None] | None = None

    def count(self, status: int) -> None:
        """Count a post that was answered so."""
        if len(self._tally.counts) < _MOST:
            self._tally.count(self._clock(), f"{REFUSED}{status}")
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_later())

    async def close(self) -> None:
        """Write what waits."""
        if self._writing is not None:
            self._writing.cancel()
            await self._write()

    async def _write_later(self) -> None:
        while self._tally.counts:
            await self._sleep(DELAY)
            await self._write()

    async def _write(self) -> None:
        waiting, self._tally = self._tally, WebhookTally()
        try:
            await asyncio.to_thread(self._add, waiting)
        except MailworkerError as fault:
            self._tally.counts.update(waiting.counts)
            _log.warning("counts of refused posts wait for the ledger", why=str(fault))

    def _add(self, tally: WebhookTally) -> None:
        with self._ledger().write() as connection:
            tally.write(connection)
