"""What a dispatcher works with, and what it reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from mailworker.core.lane import Lane
from mailworker.core.message import Mail
from mailworker.core.process_lock import LARGE_CALLS, ProcessLock
from mailworker.core.settlement import Receipt
from mailworker.core.states import State
from mailworker.dispatch.outgoing_mail import FileReader
from mailworker.errors import MailworkerError
from mailworker.ledger import Ledger
from mailworker.ledger.claiming import Lease
from mailworker.limits import Bucket
from mailworker.limits.token_and_breaker import Gate
from mailworker.rules.pre_send.verdicts import Verdict

Row = Mapping[str, Any]


class Post(Protocol):
    """Who carries the mails: the Mailjet gateway."""

    def weigh(self, mail: Mail) -> int:
        """How many bytes this mail takes in a call. Raises PermanentError where it cannot be written."""

    def send(
        self, mails: Sequence[Mail], *, call_id: str, sandbox: bool = False
    ) -> list[Receipt | MailworkerError]:
        """Make one call; one fate for each mail, or raise for all of them. In the sandbox nothing is sent."""


class PreSendQuestions(Protocol):
    """Who knows whether the reason of a mail still holds."""

    def __call__(self, rows: Sequence[Row]) -> Mapping[str, Verdict]:
        """Read what is so now; give the verdicts on those that may not leave as they are. Write nothing."""


class CallBreaker(Gate, Protocol):
    """Who lets calls leave, seeing how the last ones fared: `limits.breaker_state`.

    `answered` and `unanswered` give an alarm for the operator, or nothing.
    """

    def carry(self, call_id: str, messages: int) -> None:
        """The call carries so many messages, fewer than it might."""

    def leave(self, call_id: str) -> None:
        """The call did not leave after all."""

    def answered(self, call_id: str) -> str:
        """Mailjet answered."""

    def unanswered(self, call_id: str, reason: str, retry_after: float = 0.0) -> str:
        """Nobody saw the call's outcome, or it could not leave."""


class Journal(Protocol):
    """Who remembers calls where the ledger might not: `limits.call_journal`."""

    def last_calls(self, ids: Sequence[str]) -> Mapping[str, datetime]:
        """When each of these messages was last in a call, so far as it is known."""

    def note(self, ids: Sequence[str], at: datetime) -> None:
        """Write down that a call with these messages is about to leave."""


@dataclass(frozen=True, slots=True)
class DispatchDependencies:
    """What a dispatcher works with."""

    ledger: Ledger
    bucket: Bucket
    post: Post
    files: FileReader
    questions: PreSendQuestions
    breaker: CallBreaker
    journal: Journal
    large_calls: ProcessLock = LARGE_CALLS


@dataclass(frozen=True, slots=True)
class SentMail:
    """What became of one message, without a person's name. `waited`: seconds until its call, or its stop."""

    id: str
    kind: str
    lane: Lane
    waited: float
    state: State
    code: str = ""


@dataclass(frozen=True, slots=True)
class CallFacts:
    """One call: how many seconds its answer took, and what it did to each message."""

    seconds: float
    mails: Sequence[SentMail]


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What one round did. `called` is whether a call was made; `outcomes` counts messages by state.

    `stopped` are those that the checks before the call took out of it.
    """

    called: bool = False
    outcomes: Mapping[State, int] = field(default_factory=dict)
    alarms: tuple[str, ...] = ()
    call: CallFacts | None = None
    stopped: Sequence[SentMail] = ()

    @property
    def mails(self) -> Sequence[SentMail]:
        """Every message of the round."""
        return (*self.stopped, *(self.call.mails if self.call else ()))


@dataclass(frozen=True, slots=True)
class ClaimedBatch:
    """Messages under one lease, on their way through a call; whether it is its worker's one `large` call."""

    lease: Lease
    rows: Sequence[Row]
    probe: str | None = None
    large: bool = False


@dataclass(frozen=True, slots=True)
class Departure:
    """A call that is about to leave: its mails, noted as leaving, and what the pre-send check took out of it.

    One that is a `question` sends none: it has Mailjet check one, to find out whether Mailjet answers.
    """

    batch: ClaimedBatch
    mails: Sequence[Mail]
    stopped: Sequence[SentMail] = ()
    alarms: tuple[str, ...] = ()
    question: bool = False

    @property
    def is_probe(self) -> bool:
        """Whether it finds out if a hold's cause is gone: nothing else leaves before the answer."""
        return self.batch.probe is not None

    @property
    def file_bytes(self) -> int:
        """How much its files weigh in the call's body, in base64."""
        return sum(len(file.base64) for mail in self.mails for file in mail.attachments)
