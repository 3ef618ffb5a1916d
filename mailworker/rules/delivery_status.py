"""How far did a mail get?

Events come late, twice and in any order. So a mail's status is the furthest that any of its events shows: it
depends on which events came, never on when.
"""

from collections.abc import Iterable
from enum import StrEnum

#: How the reason of a message ends that Mailjet blocked for its template, its content or its sender.
OUR_FAULT = "The fault is ours."
#: How the note begins of a message in whose place a copy was sent; its id follows.
SENT_ANEW = "sent anew as "
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
    """What one event means; None for events that we do not know.

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
