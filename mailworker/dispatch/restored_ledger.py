"""Calls that the ledger does not know of: it was restored, or failed over, and lost its last commits.

Whether such a message left is as unknown as after a call without an answer, so it goes the same way.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from mailworker.core.settlement import Settlement
from mailworker.core.states import State
from mailworker.dispatch.interfaces import ClaimedBatch, Journal
from mailworker.ledger import Ledger
from mailworker.ledger.claiming import call_again_known
from mailworker.ledger.settle_messages import settle

#: The ledger and Redis write the same moment down; databases round.
_ROUNDING = timedelta(seconds=1)
WHY = (
    "it was in a call that the ledger has lost, restored or failed over as it was: Mailjet is asked about it"
)


class LostCalls:
    """Takes out of a batch what may have left already. May raise the errors of ledger and journal."""

    def __init__(self, ledger: Ledger, journal: Journal, clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._journal = journal
        self._clock = clock

    def without_them(self, batch: ClaimedBatch) -> tuple[ClaimedBatch, list[Settlement]]:
        """The batch without messages of lost calls, and what becomes of those."""
        known = self._journal.last_calls([row["id"] for row in batch.rows])
        lost = {
            row["id"]: known[row["id"]]
            for row in batch.rows
            if row["id"] in known
            and (row["last_call_at"] is None or known[row["id"]] > row["last_call_at"] + _ROUNDING)
        }
        if not lost:
            return batch, []
        now = self._clock()
        settled = [Settlement(id_, State.UNKNOWN, WHY, not_before=now) for id_ in lost]
        with self._ledger.write() as connection:
            call_again_known(connection, lost, batch.lease)
            settle(connection, settled, now=now, expected=State.SENDING, lease=batch.lease.token)
        return replace(batch, rows=[row for row in batch.rows if row["id"] not in lost]), settled
