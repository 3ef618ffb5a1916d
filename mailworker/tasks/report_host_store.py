"""Each worker reports now and then which store of PDFs its host uses, and logs where hosts differ."""

import socket
import time

from mailworker.container import Container
from mailworker.errors import TransientError
from mailworker.invoices.file_store import store_identity
from mailworker.observability.logs import get_log
from mailworker.queue.host_stores import differing, note_store, stores_in_use

#: A process reports it so often, in seconds.
EVERY = 60.0
_log = get_log("mailworker.tasks")


class StoreWatch:
    """What one process reported of its host's store, and when."""

    def __init__(self) -> None:
        self._due = 0.0
        self._logged = ""

    def look(self, container: Container) -> None:
        """Report which store this host uses, if that is due; log a difference once."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + EVERY
        try:
            now = container.clock()
            note_store(container.redis, socket.gethostname(), store_identity(container.store), now)
            difference = differing(stores_in_use(container.redis, now))
        except TransientError as fault:
            _log.warning("the store of PDFs could not be compared with other hosts'", why=str(fault))
            return
        if difference and difference != self._logged:
            _log.error(difference)
        self._logged = difference
