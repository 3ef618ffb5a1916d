"""What a message's explanation has to know beside its row, from its story and the holds of this moment."""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from mailworker.core.lane import Lane
from mailworker.ledger.failure_reasons import ARRIVED
from mailworker.ledger.message_search import Story
from mailworker.rules.claimable_while_held import Hold, hold_on
from mailworker.rules.delivery_status import SENT_ANEW
from mailworker.rules.message_explain import MessageFacts


def facts_of(
    found: Story, holds: Iterable[Hold], *, now: datetime, zone: ZoneInfo, outage: bool = False
) -> MessageFacts:
    """The facts; `zone` is the one that moments are written in, `outage` whether Mailjet is out of order."""
    hold = hold_on(holds, found.message["kind"], Lane(found.message["lane"]).word)
    return MessageFacts(
        now,
        zone,
        held=hold.reason if hold else "",
        suppressed=found.suppressed or "",
        last_event_at=found.last_event_at,
        resendable=not _settled(found),
        outage=outage,
    )


def _settled(found: Story) -> bool:
    """Whether a blocked mail arrived all the same, or was sent anew."""
    arrived = any(event["event"] in ARRIVED for event in found.events)
    return arrived or any((step["why"] or "").startswith(SENT_ANEW) for step in found.timeline)
