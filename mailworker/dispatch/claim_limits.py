"""What a call may take at this moment: nothing that is held, and one large body at a time in each worker."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from mailworker.config.settings import Settings
from mailworker.core.lane import Lane
from mailworker.core.mailjet_limits import MESSAGES_PER_CALL
from mailworker.core.process_lock import ProcessLock
from mailworker.dispatch.interfaces import ClaimedBatch, Row
from mailworker.ledger import Ledger
from mailworker.ledger.claiming import Lease, Wish, anything_ready
from mailworker.ledger.claiming import claim as claim_messages
from mailworker.ledger.holds import current_holds
from mailworker.limits.token_and_breaker import Admission
from mailworker.rules.claimable_while_held import EVERYTHING, ClaimPlan, plan_claim
from mailworker.rules.fill_call import LARGE_BODY, fill


class Claims:
    """Takes messages for one call after the other. A `large` batch is let go of after its call."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        large_calls: ProcessLock,
        clock: Callable[[], datetime],
    ) -> None:
        self._lease = settings.worker.lease
        self._ledger = ledger
        self._large_calls = large_calls
        self._clock = clock
        self._body_bytes = settings.mailjet.max_body_bytes

    def plan(self, lane: Lane) -> ClaimPlan:
        """What holds leave open at this moment, and whether one of them is to be probed."""
        now = self._clock()
        with self._ledger.read() as connection:
            plan = plan_claim(current_holds(connection), now)
            if plan.probe and not anything_ready(connection, now, [lane], _wish(plan)):
                return replace(plan, probe=None, stopped=plan.probe == EVERYTHING)
        return plan

    def waiting(self, lane: Lane, plan: ClaimPlan) -> bool:
        """Whether this lane has something that a call of this worker may take now."""
        wish = self._within(_wish(plan), large=self._large_calls.is_free())
        with self._ledger.read() as connection:
            return anything_ready(connection, self._clock(), [lane], wish)

    def claim(self, admission: Admission, plan: ClaimPlan) -> ClaimedBatch:
        """Lease what one call carries, the highest lane first."""
        now = self._clock()
        lease = Lease(admission.permit.call_id, now + self._lease)
        wish = _wish(plan)
        cleared = admission.clearance
        wish = replace(wish, limit=min(wish.limit, cleared.messages), lowest_first=cleared.is_probe)
        large = self._large_calls.take(wait=False)
        batch = ClaimedBatch(lease, (), plan.probe, large)
        try:
            rows = self._claimed(lease, now, self._within(wish, large=large), large=large)
        except BaseException:
            self.let_go(batch)
            raise
        if sum(row["content_bytes"] for row in rows) > LARGE_BODY:
            return replace(batch, rows=rows)
        self.let_go(batch)
        return replace(batch, rows=rows, large=False)

    def _claimed(self, lease: Lease, now: datetime, wish: Wish, *, large: bool) -> list[Row]:
        most = self._body_bytes if large else min(self._body_bytes, LARGE_BODY)
        with self._ledger.write() as connection:
            return claim_messages(
                connection, now=now, lease=lease, wish=wish, choose=lambda found: fill(found, most)
            )

    @staticmethod
    def _within(wish: Wish, *, large: bool) -> Wish:
        """While another call of this worker's is large, only what is not."""
        return wish if large else replace(wish, most_bytes=LARGE_BODY)

    def let_go(self, batch: ClaimedBatch) -> None:
        """This worker's next large call may be made."""
        if batch.large:
            self._large_calls.give_back()


def _wish(plan: ClaimPlan) -> Wish:
    lanes = [lane for lane in Lane if lane.word not in plan.lanes]
    if plan.probe is None:
        return Wish(MESSAGES_PER_CALL, held=plan.held, lanes=lanes)
    return Wish(1, only=None if plan.probe == EVERYTHING else plan.probe, lanes=lanes)
