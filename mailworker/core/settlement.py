"""What becomes of one message, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailworker.core.states import State


@dataclass(frozen=True, slots=True)
class Receipt:
    """Mailjet's word that it has the message. `message_id` may exceed 2**53."""

    message_id: int
    message_uuid: str


@dataclass(frozen=True, slots=True)
class Settlement:
    """One message's next state.

    `why` is for the person who reads the timeline. `not_before` is when it may be looked at again (a retry, a
    look-up). `receipt` is Mailjet's, when it has the message. `wiped` are the variables as they may be kept,
    where secrets have to go. `batch_limit` is how many messages may travel in its next call, itself included.
    `attempts` is the new count of its attempts, where this one does not count.
    """

    id: str
    state: State
    why: str
    not_before: datetime | None = None
    receipt: Receipt | None = None
    wiped: Mapping[str, Any] | None = None
    batch_limit: int | None = None
    attempts: int | None = None
    code: str = ""
