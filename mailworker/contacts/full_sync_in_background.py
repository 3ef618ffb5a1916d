"""A full sync in the background, slice by slice: how far it is stands in the ledger, page by page.

A slice ends after some seconds, so that a change which comes meanwhile, or a scan, is not kept waiting; and
where a worker dies, another one goes on with the page in hand.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mailworker.contacts.contact_service import ContactService
from mailworker.contacts.full_sync import FullSyncResult
from mailworker.contacts.pull_opt_outs import PullResult
from mailworker.errors import BadInput, TransientError
from mailworker.ledger import Ledger, contact_sync_runs
from mailworker.limits import NoCallFree

Row = Mapping[str, Any]

#: Where the sync stands, within its report; taken out at the end.
_POSITION = "place"
#: How long mail has the calls to itself before the sync asks for one again.
_AFTER_MAIL = timedelta(seconds=1)


class _LeaseLost(TransientError):
    """Another worker does the full sync now."""


@dataclass(frozen=True, slots=True)
class SyncSlice:
    """What a sync has found so far, and whether it has read everything."""

    report: Mapping[str, Any]
    finished: bool


class BackgroundSync:
    """Reads the CRM and Mailjet; what has to be pushed waits in the ledger for the usual calls.

    Who does not renew `lease` is gone; one page takes seconds.
    """

    def __init__(
        self, ledger: Ledger, contacts: ContactService, clock: Callable[[], datetime], *, lease: timedelta
    ) -> None:
        self._ledger = ledger
        self._contacts = contacts
        self._clock = clock
        self._lease = lease
        self._name = str(uuid.uuid4())

    def run(self, *, seconds: float) -> SyncSlice | None:
        """Go on for so long with the sync that was requested and no worker does; None where there is none.

        Raises what the CRM's, Mailjet's and the ledger's absence raise; the sync can be resumed then.
        """
        now = self._clock()
        with self._ledger.write() as connection:
            row = contact_sync_runs.take_sync(connection, self._name, now=now, until=now + self._lease)
        if row is None:
            return None
        done = {_POSITION: {"stage": "reading"}, **(row["report"] or {})}
        deadline = now + timedelta(seconds=seconds)
        try:
            for _ in self._steps(done, row["started_at"]):
                if self._clock() >= deadline:
                    self._keep(row, done, lease=timedelta(0))
                    return SyncSlice(done, finished=False)
                self._keep(row, done, lease=self._lease)
        except NoCallFree:
            self._keep(row, done, lease=_AFTER_MAIL)
            return SyncSlice(done, finished=False)
        except BadInput as fault:
            return self._end(row, done, error=str(fault))
        return self._end(row, done)

    def _steps(self, done: dict[str, Any], began: datetime) -> Iterator[None]:
        """All that is left to do, page by page; after each of them `done` has the position to go on from."""
        position = done[_POSITION]
        if position["stage"] == "reading":
            for result, end in self._contacts.reader.steps(position.get("after"), self._clock):
                _add(done, result)
                # A slice of an older worker counts none: its faults may be anybody's.
                position["traced"] = position.get("traced", 0) + result.faults - result.untraced
                position["after"] = end
                yield
            untraced = done.get("unreadable", 0) - position.get("traced", 0)
            position["stage"] = "looking" if untraced else "removing"
        if position["stage"] == "removing":
            for removed in self._contacts.reader.forget_silent(
                known_before=began, clock=self._clock, force=position.get("few", False)
            ):
                position["few"] = True  # as was decided before the first of them
                done["removed"] = done.get("removed", 0) + removed
                yield
            position["stage"] = "looking"
        look = PullResult.of_json(position["look"]) if "look" in position else self._contacts.puller.begin()
        for _ in self._contacts.puller.steps(look):
            position["look"] = look.as_json()
            yield
        done |= {
            "unsubscribed": look.unsubscribed,
            "put_back": look.put_back,
            "strangers": look.strangers,
        }

    def _keep(self, row: Row, done: Mapping[str, Any], *, lease: timedelta) -> None:
        with self._ledger.write() as connection:
            until = self._clock() + lease
            if not contact_sync_runs.keep_sync(connection, row["id"], self._name, until=until, report=done):
                raise _LeaseLost

    def _end(self, row: Row, done: Mapping[str, Any], error: str | None = None) -> SyncSlice:
        figures = {name: value for name, value in done.items() if name != _POSITION}
        with self._ledger.write() as connection:
            contact_sync_runs.end_sync(connection, row["id"], now=self._clock(), report=figures, error=error)
        return SyncSlice(figures | ({"stopped": error} if error else {}), finished=True)


def _add(done: dict[str, Any], page: FullSyncResult) -> None:
    counts = {
        "contacts": page.contacts,
        "new": page.upserted.new,
        "changed": page.upserted.changed,
        "unreadable": page.faults,
    }
    done |= {name: done.get(name, 0) + count for name, count in counts.items()}
