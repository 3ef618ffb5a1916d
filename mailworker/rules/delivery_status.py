"""How far did a mail get, and what do its failures mean for the address?

Events come late, twice and in any order. So a mail's status is the furthest that any of its events shows, and
an address's soft bounces are counted from its whole history: both depend on which events came, never on when.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

#: So many mails in a row that could not be delivered put the address on the suppression list for a while.
SOFT_BOUNCES = 5
#: How long an address stays there when its trouble may pass.
TEMPORARY = timedelta(days=30)

#: How the reason of a message ends that Mailjet blocked for its template, its content or its sender.
OUR_FAULT = "The fault is ours."
#: How the note of what became of a copy begins: it is not about the mail to its own recipient.
OF_A_COPY = "a copy (cc or bcc)"
#: How the identifier begins that Mailjet gives each refusal, at the end of a reason.
CASE_NUMBER = " [Mailjet's id "


class Delivery(StrEnum):
    """What became of a mail that Mailjet has. The ledger writes these words; later ones outweigh earlier."""

    DEFERRED = "deferred"
    """The recipient's server asked to come back later (greylisting); Mailjet does."""
    SOFT_BOUNCED = "soft_bounced"
    DELIVERED = "delivered"
    OPENED = "opened"
    CLICKED = "clicked"
    UNSUBSCRIBED = "unsubscribed"
    BLOCKED = "blocked"
    """Mailjet did not even try."""
    BOUNCED = "bounced"
    SPAM = "spam"


#: What a list is asked for where Mailjet took a mail and no event has come since.
NO_EVENT = "none"
_RANK = {delivery: rank for rank, delivery in enumerate(Delivery)}
_WORDS = {
    "sent": Delivery.DELIVERED,
    "open": Delivery.OPENED,
    "click": Delivery.CLICKED,
    "blocked": Delivery.BLOCKED,
    "spam": Delivery.SPAM,
    "unsub": Delivery.UNSUBSCRIBED,
}
_GREYLISTED = "greylisted"


def delivery_of(event: str, *, hard: bool | None, error: str) -> Delivery | None:
    """What one event tells; None for events that we do not know.

    `event` and `error` are Mailjet's words, `hard` its `hard_bounce` (Event API guide: a bounce that is not
    hard with the error `greylisted` is no failure, only a delay).
    """
    if event != "bounce":
        return _WORDS.get(event)
    if hard:
        return Delivery.BOUNCED
    return Delivery.DEFERRED if error.lower() == _GREYLISTED else Delivery.SOFT_BOUNCED


def furthest(deliveries: Iterable[Delivery | None]) -> Delivery | None:
    """The one that outweighs the others, whatever their order; None where no event came."""
    known = [delivery for delivery in deliveries if delivery is not None]
    return max(known, key=_RANK.__getitem__, default=None)


@dataclass(frozen=True, slots=True)
class Trial:
    """One event in an address's history: a mail that arrived, or one that could not for now."""

    message_id: str
    at: datetime
    arrived: bool


def soft_bounced_too_often(history: Sequence[Trial], most: int = SOFT_BOUNCES) -> bool:
    """Whether so many different mails in a row could not be delivered, with none since that could.

    Where both stand at the same second, arriving counts.
    """
    arrivals = [trial.at for trial in history if trial.arrived]
    since = max(arrivals, default=None)
    failures = [trial for trial in history if not trial.arrived and (since is None or trial.at > since)]
    return len({trial.message_id for trial in failures}) >= most


#: Why an address is on the suppression list. A later word replaces an earlier one, never the reverse: what
#: passes by itself must not make us forget what its owner chose.
REASONS = ("soft_bounces", "preblocked", "unsubscribed", "blocked", "hard_bounce", "spam")
#: These leave the list after TEMPORARY, counted from the last event that says so.
PASSING = frozenset({"soft_bounces", "preblocked"})


@dataclass(frozen=True, slots=True)
class Listing:
    """An address's row on the suppression list."""

    reason: str
    since: datetime
    source: str = ""


def weightier(one: Listing, other: Listing) -> Listing:
    """Which of two reasons the list keeps. The order in which they came makes no difference."""
    if one.reason != other.reason:
        return max(one, other, key=lambda listing: _weight(listing.reason))
    earlier, later = sorted((one, other), key=lambda listing: (listing.since, listing.source))
    return later if one.reason in PASSING else earlier


def _weight(reason: str) -> int:
    """Reasons of others' making weigh as much as a hard bounce."""
    return REASONS.index(reason) if reason in REASONS else REASONS.index("hard_bounce")
