"""What the pre-send check can decide about a message. No verdict at all: it may leave."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Cancel:
    """Its reason is gone: it ends here."""

    why: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Still true, but not now: quiet hours, or nobody knows whether it is."""

    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Reword:
    """It is due, but the CRM has other data by now: it gets `fresh`'s content and is checked once more."""

    fresh: Row = field(repr=False)
    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Replace:
    """Part of it is no longer true: it ends, and the message `fresh` has the rest, which `keys` name."""

    fresh: Row = field(repr=False)
    keys: tuple[str, ...]
    why: str


Verdict = Cancel | Wait | Reword | Replace
#: By the ids of messages.
Verdicts = dict[str, Verdict]

#: How long a message waits about whose record nobody can make sense: a person has to mend it first.
UNREADABLE = timedelta(hours=1)


def unreadable(now: datetime) -> Wait:
    """The CRM's record is there, but makes no sense."""
    return Wait(now + UNREADABLE, "the CRM's record of it cannot be read")


def closed(opens: datetime, now: datetime) -> Wait | None:
    """Wait where customers are written to only from `opens` on."""
    return Wait(opens, "quiet hours, or a day on which nothing leaves") if opens > now else None
