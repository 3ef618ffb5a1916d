"""Messages of unknown outcome: have Mailjet asked about them, then settle.

What Mailjet shows is proof. What it does not show proves nothing by itself, so such a message waits for the
next look-up; what then becomes of it is decided by its kind (`rules.lookup_schedule`).
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailworker.config.settings import Settings
from mailworker.core.kind import Kind
from mailworker.core.settlement import Receipt, Settlement
from mailworker.core.states import State
from mailworker.errors import Misconfigured, PermanentError, TransientError
from mailworker.ledger import Ledger
from mailworker.ledger.claiming import Lease, claim_unknown
from mailworker.ledger.confirm_sent import prove
from mailworker.ledger.run_query import Row
from mailworker.ledger.settle_messages import put_off, settle
from mailworker.ledger.stale_secrets import claim_unreplayable, wipe
from mailworker.ledger.stuck_messages import claim_late, first_sent_after, strand
from mailworker.reconcile.lookup_at_mailjet import MessageLookup, receipts_of
from mailworker.rules.lookup_schedule import after_not_found, wants_proof
from mailworker.rules.secret_variables import wiped

TOO_LATE = "too late to be useful"

#: While one reconciler asks, others leave its messages alone for so long.
MINE = timedelta(minutes=2)
#: Mailjet is asked again so long after it did not answer.
AGAIN = timedelta(seconds=20)
#: And so long after it refused to be asked, which takes a person.
AFTER_REFUSAL = timedelta(minutes=5)
REFUSED_TO_BE_ASKED = "Mailjet refuses to be asked"
_AT_ONCE = 1000
#: A failed message that has no end of its own keeps its secrets for so long, to be sent again by hand.
REPLAYABLE_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What one round found out."""

    asked: int = 0
    found: int = 0
    again: int = 0


class Reconciler:
    """Settles what nobody saw the outcome of."""

    def __init__(
        self, settings: Settings, ledger: Ledger, lookup: MessageLookup, *, clock: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._kinds = settings.kinds
        self._ledger = ledger
        self._lookup = lookup
        self._clock = clock

    def take_back(self) -> dict[State, int]:
        """Take messages back from workers whose lease ran out."""
        worker = self._settings.worker
        with self._ledger.write() as connection:
            ask_after, most = worker.lookups_after[0], worker.max_attempts
            return strand(connection, now=self._clock(), look_up_after=ask_after, max_attempts=most)

    def expire(self) -> int:
        """End messages that wait to leave but come too late to be useful; give how many."""
        now = self._clock()
        with self._ledger.write() as connection:
            late = [
                Settlement(row["id"], State.EXPIRED, TOO_LATE, wiped=wiped(self._kind(row), row["variables"]))
                for row in claim_late(connection, now)
            ]
            return len(settle(connection, late, now=now, expected=State.READY))

    def forget_secrets(self) -> int:
        """Wipe the secrets of failed messages that cannot be sent again any more; give how many messages."""
        now, after, done = self._clock(), "", 0
        kinds = [name for name, kind in self._kinds.items() if kind.secrets]
        while True:
            with self._ledger.write() as connection:
                rows = claim_unreplayable(
                    connection, kinds, now=now, failed_before=now - REPLAYABLE_FOR, after=after
                )
                kept = {row["id"]: wiped(self._kind(row), row["variables"]) for row in rows}
                changed = {id_: variables for id_, variables in kept.items() if variables is not None}
                wipe(connection, changed)
            done += len(changed)
            if not rows:
                return done
            after = rows[-1]["id"]

    def reconcile(self) -> Reconciled:
        """Ask about every unknown message whose look-up is due, and settle what can be settled.

        Raises the transient errors of Mailjet, bucket and ledger, and TransientError where Mailjet refuses to
        be asked; the messages are asked about later then.
        """
        now = self._clock()
        lease = Lease(str(uuid.uuid4()), now + MINE)
        with self._ledger.write() as connection:
            rows = claim_unknown(connection, now=now, lease=lease, limit=_AT_ONCE)
        if not rows:
            return Reconciled()
        try:
            receipts = receipts_of(rows, self._lookup, longest=self._longest_call)
            proved = self._is_index_up_to_date([row for row in rows if row["id"] not in receipts])
        except (Misconfigured, PermanentError) as fault:
            why = f"{REFUSED_TO_BE_ASKED}: {fault}"
            self._ask_again(lease, {row["id"]: why for row in rows}, after=AFTER_REFUSAL)
            raise TransientError(why) from None
        except TransientError:
            self._ask_again(lease, {row["id"]: row["reason"] for row in rows}, after=AGAIN)
            raise
        found = [self._found(row, receipts[row["id"]]) for row in rows if row["id"] in receipts]
        missing = [self._missing(row, proved=proved) for row in rows if row["id"] not in receipts]
        again = [settlement for settlement in missing if settlement.state is State.READY]
        with self._ledger.write() as connection:
            # While we asked, a person may have sent them again: what Mailjet shows is proof all the same.
            prove(connection, found, now=self._clock())
            settle(connection, again, now=self._clock(), expected=State.UNKNOWN, lease=lease.token)
            still = [settlement for settlement in missing if settlement not in again]
            put_off(connection, still, lease=lease.token)
        return Reconciled(len(rows), len(found), len(again))

    def _ask_again(self, lease: Lease, whys: Mapping[str, str], *, after: timedelta) -> None:
        """Mailjet gave no word: our time with these messages is over, and when they are asked about again."""
        later = self._clock() + after
        with self._ledger.write() as connection:
            waiting = [Settlement(id_, State.UNKNOWN, why, not_before=later) for id_, why in whys.items()]
            put_off(connection, waiting, lease=lease.token)

    def _found(self, row: Row, receipt: Receipt) -> Settlement:
        kept = wiped(self._kind(row), row["variables"])
        return Settlement(row["id"], State.SENT, "Mailjet had it", receipt=receipt, wiped=kept)

    def _missing(self, row: Row, *, proved: bool) -> Settlement:
        return after_not_found(
            row["id"],
            self._kind(row),
            called_at=row["called_at"],
            now=self._clock(),
            plan=self._settings.worker.lookups_after,
            proved=proved,
        )

    def _is_index_up_to_date(self, missing: Sequence[Row]) -> bool:
        """Whether Mailjet shows mail that left after all those that only want this proof. ONE call."""
        now = self._clock()
        wanting = [
            row for row in missing if wants_proof(self._kind(row), called_at=row["called_at"], now=now)
        ]
        if not wanting:
            return False
        last_call = max(row["called_at"] for row in wanting)
        with self._ledger.read() as connection:
            witness = first_sent_after(connection, last_call + self._longest_call)
        return witness is not None and self._lookup.one(witness) is not None

    @property
    def _longest_call(self) -> timedelta:
        worker = self._settings.worker
        return worker.connect_timeout + 2 * worker.read_timeout

    def _kind(self, row: Row) -> Kind:
        return self._kinds.get(row["kind"]) or Kind(row["kind"], ())
