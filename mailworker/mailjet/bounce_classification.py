"""What a bounce, block, complaint or other event means for its address.

Source of the reasons: the error table of Mailjet's Event API guide. What we conclude from each is ours.
"""

from dataclasses import dataclass
from enum import StrEnum

from mailworker.mailjet.parse_webhook import WebhookEvent


class SuppressionVerdict(StrEnum):
    """What to do with the address, or with us."""

    NONE = "none"
    """Nothing: it went well, or it will by itself."""
    HARD_BOUNCE = "hard_bounce"
    """The mailbox is not there: no mail of any kind any more."""
    COMPLAINT = "complaint"
    """Its owner called us spam: no mail of any kind any more."""
    UNSUBSCRIBED = "unsubscribed"
    """No campaigns any more; service mail still goes out."""
    PREBLOCKED = "preblocked"
    """Mailjet itself refuses the address for some weeks: suppress it for a while, then try again."""
    SOFT_BOUNCE = "soft_bounce"
    """One more failure that may pass; count it."""
    ALERT = "alert"
    """Our own fault (template, content, sender's name): a person has to look."""


@dataclass(frozen=True, slots=True)
class Suppression:
    """The verdict and Mailjet's own words for it."""

    verdict: SuppressionVerdict
    reason: str


#: By Mailjet's (error_related_to, error); "" as the error stands for any other. What is not here may pass: an
#: unknown user, a full or inactive mailbox, a domain without a mail host, a refused relay.
_BY_ERROR: dict[tuple[str, str], SuppressionVerdict] = {
    ("recipient", "blacklisted"): SuppressionVerdict.HARD_BOUNCE,
    ("recipient", "spam reporter"): SuppressionVerdict.COMPLAINT,
    ("domain", "invalid domain"): SuppressionVerdict.HARD_BOUNCE,
    ("domain", "typofix"): SuppressionVerdict.HARD_BOUNCE,
    ("domain", "greylisted"): SuppressionVerdict.NONE,
    ("content", ""): SuppressionVerdict.ALERT,
    ("spam", ""): SuppressionVerdict.ALERT,
    ("system", ""): SuppressionVerdict.NONE,
    ("mailjet", "preblocked"): SuppressionVerdict.PREBLOCKED,
    ("mailjet", "duplicate in campaign"): SuppressionVerdict.NONE,
    ("mailjet", ""): SuppressionVerdict.ALERT,
}

_BY_EVENT = {"spam": SuppressionVerdict.COMPLAINT, "unsub": SuppressionVerdict.UNSUBSCRIBED}

#: A provider's dislike of the sender. Yahoo's deferrals, soft, have it as the relation with an empty error.
_POLICY = "policy issue"
#: Only a fault of the mailbox or its domain makes a hard bounce the address's own.
_THE_ADDRESS = {"recipient", "domain", ""}


def suppression_of(event: WebhookEvent) -> Suppression:
    """The verdict on the event's address. Pure; events that we do not know have none."""
    if event.event in _BY_EVENT:
        return Suppression(_BY_EVENT[event.event], event.source or event.event)
    if event.event not in {"bounce", "blocked"}:
        return Suppression(SuppressionVerdict.NONE, "")
    return Suppression(_failure(event), ", ".join(filter(None, (event.error_related_to, event.error))))


def _failure(event: WebhookEvent) -> SuppressionVerdict:
    related, error = event.error_related_to.lower(), event.error.lower()
    if _POLICY in (related, error):
        return SuppressionVerdict.NONE if event.hard_bounce is False else SuppressionVerdict.ALERT
    exact = _BY_ERROR.get((related, error)) or _BY_ERROR.get((related, ""), SuppressionVerdict.SOFT_BOUNCE)
    if event.hard_bounce and related in _THE_ADDRESS and exact is SuppressionVerdict.SOFT_BOUNCE:
        return SuppressionVerdict.HARD_BOUNCE
    return exact
