"""What a dispatcher works with, and what it says it did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from mailworker.dispatch.outgoing import Files
from mailworker.errors import MailworkerError
from mailworker.ledger import Ledger
from mailworker.ledger.claiming import Lease
from mailworker.limits import Bucket
from mailworker.message import Mail, Receipt
from mailworker.rules.last_step import Later
from mailworker.states import State

Row = Mapping[str, Any]


class Post(Protocol):
    """Who carries the mails: the Mailjet gateway."""

    def send(self, mails: Sequence[Mail], *, call_id: str) -> list[Receipt | MailworkerError]:
        """Make one call; one fate for each mail, or raise for all of them."""


class AskAgain(Protocol):
    """Who knows whether the reason of a mail still holds."""

    def __call__(self, rows: Sequence[Row]) -> Mapping[str, str | Later]:
        """Of these messages, those that are no longer true, and why; and those that must wait, until when."""


@dataclass(frozen=True, slots=True)
class Hands:
    """What a dispatcher works with."""

    ledger: Ledger
    bucket: Bucket
    post: Post
    files: Files
    ask_again: AskAgain


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What one round did. `called` is whether a call was made; `outcomes` counts messages by state."""

    called: bool = False
    outcomes: Mapping[State, int] = field(default_factory=dict)
    alarms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages under one lease, on their way through a call."""

    lease: Lease
    rows: Sequence[Row]
    probe: str | None = None


@dataclass(frozen=True, slots=True)
class Departure:
    """A call that is about to leave: its mails, noted as leaving, and what the last checks took out of it."""

    batch: Batch
    mails: Sequence[Mail]
    outcomes: Mapping[State, int] = field(default_factory=dict)

    @property
    def is_probe(self) -> bool:
        """Whether it finds out if a hold's cause is gone: nothing else leaves before the answer."""
        return self.batch.probe is not None
