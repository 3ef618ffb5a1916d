"""What the pre-send check can decide about a message. No verdict at all: it may leave."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from mailworker.errors import BadInput, Misconfigured

Row = Mapping[str, Any]

#: How long a message waits about whose record nobody can make sense: a person has to mend it first.
UNREADABLE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Cancel:
    """Its reason is gone: it ends here."""

    why: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Still true, but not now: quiet hours, or nobody who could say whether it is."""

    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Reword:
    """It is due, but the CRM says other things by now: it gets `fresh`'s content and is checked once more."""

    fresh: Row = field(repr=False)
    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Replace:
    """Part of it is no longer true: it ends, and the message `fresh` says the rest, which `keys` name."""

    fresh: Row = field(repr=False)
    keys: tuple[str, ...]
    why: str


Verdict = Cancel | Wait | Reword | Replace
#: By the ids of messages.
Verdicts = dict[str, Verdict]


def unreadable(now: datetime) -> Wait:
    """The CRM's record is there, but makes no sense."""
    return Wait(now + UNREADABLE, "the CRM's record of it cannot be read")


def closed(opens: datetime, now: datetime) -> Wait | None:
    """Wait where customers are written to only from `opens` on."""
    return Wait(opens, "quiet hours, or a day on which nothing leaves") if opens > now else None


def compare(row: Row, fresh: Row | BadInput | Misconfigured, now: datetime) -> Wait | Reword | None:
    """What to do about a message that would be `fresh` if it were written now, or cannot be written now.

    A kind that has left the configuration gives None: dispatch itself says so when it writes the mail out.
    """
    if isinstance(fresh, Misconfigured):
        return None
    if isinstance(fresh, BadInput):
        return unreadable(now)
    if not (names := changed(row, fresh)):
        return None
    return Reword(fresh, now, f"written anew, for this changed in the CRM: {', '.join(names)}")


def replace(fresh: Row | BadInput | Misconfigured, keys: tuple[str, ...], now: datetime) -> Wait | Replace:
    """What to do about a message of which only these keys are still true."""
    if isinstance(fresh, BadInput | Misconfigured):
        return unreadable(now)
    return Replace(fresh, keys, f"Part of it is no longer true; {fresh['id']} says the rest.")


def changed(row: Row, fresh: Row) -> list[str]:
    """What a message says otherwise than it would if it were written now: names only."""
    before, now = row["variables"] or {}, fresh["variables"] or {}
    names = [name for name in ("to_email", "to_name", "language") if (row[name] or "") != (fresh[name] or "")]
    return names + [name for name in now if before.get(name, _unsaid(now[name])) != now[name]]


def _unsaid(value: Any) -> Any:
    """What a variable that came later said in mails from before: nothing, where it says nothing now."""
    return value if value in ("", [], ()) else None
