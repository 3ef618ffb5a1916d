"""Why is an address suppressed, which reason outweighs another, and when were soft bounces too many?

Soft bounces are counted from the whole history: the outcome depends on which events came, never on when.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

#: So many mails in a row that could not be delivered put the address on the suppression list for a while.
SOFT_BOUNCES = 5


#: How long an address stays there when its trouble may pass.
TEMPORARY = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Trial:
    """One event in an address's history: a mail that arrived, or one that could not for now."""

    message_id: str
    at: datetime
    arrived: bool


def soft_bounced_too_often(history: Sequence[Trial]) -> bool:
    """Whether so many different mails in a row could not be delivered, with none since that could.

    Where both stand at the same second, arriving counts.
    """
    arrivals = [trial.at for trial in history if trial.arrived]
    since = max(arrivals, default=None)
    failures = [trial for trial in history if not trial.arrived and (since is None or trial.at > since)]
    return len({trial.message_id for trial in failures}) >= SOFT_BOUNCES


#: Why an address is on the suppression list. A later word replaces an earlier one, never the reverse: what
#: passes by itself must not make us forget what its owner chose.
REASONS = ("soft_bounces", "preblocked", "unsubscribed", "blocked", "hard_bounce", "spam")


#: These leave the list after TEMPORARY, counted from the last such event.
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
