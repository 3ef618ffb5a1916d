"""A full sync in the background: one worker at a time, and another one where the first dies."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from mailworker.contacts.book import ContactBook
from mailworker.errors import BadInput, TransientError
from mailworker.ledger import Ledger
from mailworker.ledger import contact_report as report

#: Who does not renew the lease for so long is gone. One page takes seconds.
_LEASE = timedelta(minutes=5)


class _LeaseLost(TransientError):
    """Another worker does the full sync now."""


class BackgroundSync:
    """Reads the CRM and Mailjet; what has to be told waits in the ledger for the usual calls."""

    def __init__(self, ledger: Ledger, book: ContactBook, clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._book = book
        self._clock = clock
        self._lease = str(uuid.uuid4())

    def run(self) -> dict[str, Any] | None:
        """Do the sync that was asked for and that nobody does; its figures, None where there is none.

        Who starts again after a kill reads the CRM again: that costs no call, and nothing is told twice.
        Raises what the CRM's, Mailjet's and the ledger's absence raise; the sync can be resumed then.
        """
        now = self._clock()
        with self._ledger.write() as connection:
            row = report.take_sync(connection, self._lease, now=now, until=now + _LEASE)
        if row is None:
            return None
        done: dict[str, Any] = {}
        error = None
        try:
            self._sync(row["id"], done)
        except BadInput as fault:
            error = str(fault)
        with self._ledger.write() as connection:
            report.end_sync(connection, row["id"], now=self._clock(), report=done, error=error)
        return done | ({"stopped": error} if error else {})

    def _sync(self, id_: str, done: dict[str, Any]) -> None:
        def alive(_count: int) -> None:
            self._renew(id_)

        began = self._clock()
        reading = self._book.reader.read(clock=self._clock, progress=alive)
        done |= {
            "contacts": reading.contacts,
            "new": reading.heard.new,
            "changed": reading.heard.changed,
            "unreadable": reading.faults,
        }
        if reading.silent:
            done["removed"] = self._book.reader.forget_silent(
                heard_before=began, clock=self._clock, force=False
            ).removed
        seen = self._book.looker.look(progress=alive)
        done |= {"unsubscribed": seen.unsubscribed, "put_back": seen.put_back, "strangers": seen.strangers}

    def _renew(self, id_: str) -> None:
        with self._ledger.write() as connection:
            until = self._clock() + _LEASE
            if not report.keep_sync(connection, id_, self._lease, until=until, was=self._lease):
                raise _LeaseLost
