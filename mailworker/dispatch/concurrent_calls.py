"""Several calls under way at once: a token comes every 0.3 seconds, an answer may take longer than that."""

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Self

from mailworker.core.lane import Lane
from mailworker.dispatch.dispatcher import Dispatcher
from mailworker.dispatch.interfaces import Departure, Dispatched

#: Every token is used while Mailjet answers within 8 x 0.3 seconds. More would hold more bodies of 15 MB in
#: memory, and send them into a Mailjet that is slow already.
IN_FLIGHT = 8
#: With so many bytes of files under way no further call is prepared: each is in memory several times over.
#: The one large call that a worker may have under way holds nobody up.
FILE_BYTES_IN_FLIGHT = 8_000_000


class Pipeline:
    """Makes calls: prepares them one after the other, and waits for their answers side by side.

    `report` gets each call as it ends, in that call's thread. Leaving the `with` waits for all answers.
    """

    def __init__(self, dispatcher: Dispatcher, report: Callable[[Dispatched], None]) -> None:
        self._dispatcher = dispatcher
        self._report = report
        self._threads = ThreadPoolExecutor(IN_FLIGHT)
        self._flying: dict[Future[None], int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown()
        self._land(until=0)

    def run(self, lane: Lane, *, seconds: float) -> None:
        """Let this lane's calls leave until nothing is left or the time is over.

        Raises the transient errors of ledger and bucket, also out of calls that have ended.
        """
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            departure = self._dispatcher.prepare(lane, patience=left)
            if departure is None:
                return
            weight = 0 if departure.batch.large else departure.file_bytes
            self._flying[self._threads.submit(self._fly, departure)] = weight
            until = 0 if departure.is_probe else IN_FLIGHT - 1
            del departure  # its files are the call's alone now
            self._land(until=until)

    def _fly(self, departure: Departure) -> None:
        self._report(self._dispatcher.depart(departure))

    def _land(self, *, until: int) -> None:
        """Wait until no more than so many are under way, nor their files too heavy.

        Raises what any of those that ended raised.
        """
        ended = self._ended()
        while len(self._flying) > until or sum(self._flying.values()) > FILE_BYTES_IN_FLIGHT:
            wait(self._flying, return_when=FIRST_COMPLETED)
            ended += self._ended()
        for one in ended:
            one.result()

    def _ended(self) -> list[Future[None]]:
        """Those that have ended by now: they are under way no more."""
        ended = [one for one in self._flying if one.done()]
        for one in ended:
            del self._flying[one]
        return ended
