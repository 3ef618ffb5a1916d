"""What does a sync cost, when is a job asked about, and when would it remove too much?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

#: Contacts in one import. Mailjet documents no limit; 10,000 were taken, 50,000 cut the connection.
CHUNK = 1000
#: So few contacts are pushed one by one: at once, where an import may take its time.
BY_HAND = 3
#: A job that Mailjet has not finished after this is given up, and its contacts are pushed again.
JOB_DEADLINE = timedelta(hours=12)
#: How often a contact's call may fail before a person has to look.
MAX_TRIES = 8
LONGEST_RETRY_PAUSE = timedelta(hours=1)

_FIRST_POLL = timedelta(seconds=2)
_LONGEST_POLL = timedelta(minutes=5)
_POLLS_A_JOB = 3
_CALLS_A_MOVE = 7
_CALLS_AN_ERASURE = 2
_CALLS_BY_HAND = 2
#: Below so many contacts a share means nothing.
_FEW = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sync is about to do. `to_push` counts the contacts to push, by audience."""

    to_push: Mapping[str, int]
    moved: int = 0
    erased: int = 0
    read_back: int = 0

    @property
    def contacts(self) -> int:
        """How many contacts change at Mailjet."""
        return sum(self.to_push.values()) + self.moved + self.erased

    @property
    def calls(self) -> int:
        """About how many calls it takes, polls included; `read_back` is the size of what is read."""
        pushes = sum(calls_to_push(count) for count in self.to_push.values())
        pulls = 2 * (self.read_back // CHUNK + 1) if self.read_back else 0
        return pushes + self.moved * _CALLS_A_MOVE + self.erased * _CALLS_AN_ERASURE + pulls

    def duration(self, calls_per_minute: int) -> timedelta:
        """How long the calls take where no mail wants them."""
        return timedelta(minutes=self.calls / calls_per_minute)


def calls_to_push(contacts: int) -> int:
    """About how many calls it takes to push contacts of one audience."""
    if contacts <= BY_HAND:
        return contacts * _CALLS_BY_HAND
    return ceil(contacts / CHUNK) * (1 + _POLLS_A_JOB)


def poll_pause(polls: int) -> timedelta:
    """How long to leave a job alone after so many questions: 2 s, doubling, 5 minutes at most."""
    return min(_FIRST_POLL * (1 << min(polls, 10)), _LONGEST_POLL)


def retry_pause(tries: int) -> timedelta:
    """How long a contact waits after its call failed for the n-th time: 15 s doubling up to an hour."""
    return min(timedelta(seconds=15) * (1 << min(tries, 10)), LONGEST_RETRY_PAUSE)


def removes_too_much(missing: int, known: int, *, percent: int) -> bool:
    """Whether so many contacts missing from the CRM look like a broken query rather than like life."""
    return missing > _FEW and missing * 100 > known * percent
