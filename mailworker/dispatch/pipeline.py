"""Several calls under way at once: a token comes every 0.3 seconds, an answer may take longer than that."""

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from mailworker.dispatch.dispatcher import Dispatcher
from mailworker.dispatch.parts import Departure, Dispatched
from mailworker.message import Lane

#: Every token is used while Mailjet answers within 8 x 0.3 seconds. More would hold more bodies of 15 MB in
#: memory, and send them into a Mailjet that is slow already.
IN_FLIGHT = 8


class Pipeline:
    """Makes one lane's calls: prepares them one after the other, and waits for their answers side by side.

    `report` hears of each call as it ends, in that call's thread.
    """

    def __init__(self, dispatcher: Dispatcher, report: Callable[[Dispatched], None]) -> None:
        self._dispatcher = dispatcher
        self._report = report

    def run(self, lane: Lane, *, seconds: float) -> None:
        """Make calls until nothing is left or the time is over; all of them have ended then.

        Raises the transient errors of ledger and bucket. A call under way ends well all the same.
        """
        deadline = time.monotonic() + seconds
        flying: set[Future[None]] = set()
        with ThreadPoolExecutor(IN_FLIGHT) as threads:
            while (left := deadline - time.monotonic()) > 0:
                departure = self._dispatcher.prepare(lane, patience=left)
                if departure is None:
                    break
                flying.add(threads.submit(self._fly, departure))
                flying = _landed(flying, until=0 if departure.is_probe else IN_FLIGHT - 1)
            _landed(flying, until=0)

    def _fly(self, departure: Departure) -> None:
        self._report(self._dispatcher.depart(departure))


def _landed(flying: set[Future[None]], *, until: int) -> set[Future[None]]:
    """Wait until no more than so many are under way, and give those; raises what the others raised."""
    ended = {one for one in flying if one.done()}
    flying = flying - ended
    while len(flying) > until:
        more, flying = wait(flying, return_when=FIRST_COMPLETED)
        ended |= more
    for one in ended:
        one.result()
    return flying
