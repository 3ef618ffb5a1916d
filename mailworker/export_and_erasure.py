"""A person's rights: to see everything that the ledger holds about an address, and to have it erased.

Erasing keeps what counts and states need, under a stand-in for the address; and it keeps a suppression, or
the person would get mail again that they had stopped.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection

from mailworker.core.canonical_address import canonical_address
from mailworker.core.settlement import Settlement
from mailworker.core.states import State, may_move
from mailworker.ledger import Ledger
from mailworker.ledger.rows_naming_address import (
    blank,
    blank_elsewhere,
    elsewhere,
    hanging_on,
    is_about,
    is_recipient,
    messages_with,
)
from mailworker.ledger.settle_messages import settle
from mailworker.rules.address_mentions import mentions

Row = Mapping[str, Any]

#: Nothing can be taken out of these before their call or their rendering is over.
_ON_THEIR_WAY = frozenset({State.RENDERING, State.SENDING, State.UNKNOWN})


#: What an erasure here does not reach; the person who asks has a right to know.
NOT_REACHED = (
    "Redis' append-only file until it is rewritten, which this asks for (redis-cli BGREWRITEAOF)",
    "backups of the ledger, of Redis and of the files",
    "Mailjet's history of messages and events, which Mailjet deletes by its own rules",
    "what stands as text or picture in files of messages that do not name the address themselves",
    "the CRM, and mail that was delivered",
)


class ErasableFiles(Protocol):
    """Where attachments are kept."""

    def delete(self, key: str) -> None:
        """Remove the file, if it is there; TransientError where that cannot be done now."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did. `on_their_way` messages are untouched: erase again once they have settled."""

    messages: int = 0
    cancelled: int = 0
    files: int = 0
    on_their_way: int = 0


class ForgettableEntries(Protocol):
    """Entries of streams that outlive their reading."""

    def forget(self, is_meant: Callable[[dict[str, str]], bool]) -> int:
        """Delete the entries that are meant; give how many."""


class Privacy:
    """Answers for what the ledger knows about an address."""

    def __init__(self, ledger: Ledger, files: ErasableFiles, kept: Sequence[ForgettableEntries] = ()) -> None:
        self._ledger = ledger
        self._files = files
        self._kept = kept

    def export(self, email: str) -> dict[str, Any]:
        """Everything that the ledger holds about the address, ready for JSON. Raises LedgerUnavailable."""
        with self._ledger.read() as connection:
            found = list(messages_with(connection, email))
            hanging = [hanging_on(connection, [row["id"]]) for row in found]
            others = elsewhere(connection, email)
        exported = [_plain(row) | _plain(more) for row, more in zip(found, hanging, strict=True)]
        return {"address": canonical_address(email), "messages": exported, **_plain(others)}

    def erase(self, email: str, *, now: datetime) -> Erased:
        """Take the address out of the ledger and its files out of the store.

        Mail that waits is cancelled. Kept jobs and events, and those in quarantine, that name the address go,
        too, or a ledger that is filled again would bring it back. Raises LedgerUnavailable,
        StreamUnavailable, or the store's TransientError; what was done until then stays done, and erasing
        again goes on.
        """
        name = canonical_address(email)
        for kept in self._kept:
            kept.forget(lambda fields: any(_mentions(text, name) for text in fields.values()))
        with self._ledger.read() as connection:
            rows = list(messages_with(connection, email))
        done = Erased()
        for row in rows:
            done = self._erase_one(row, email, now, done)
        with self._ledger.write() as connection:
            blank_elsewhere(connection, email, now)
        return done

    def _erase_one(self, row: Row, email: str, now: datetime, done: Erased) -> Erased:
        name = canonical_address(email)
        own = is_recipient(row, name)
        whole = own or is_about(row, name)
        with self._ledger.write() as connection:
            cancelled = whole and _cancel(connection, row, now, own=own)
            if State(row["state"]) in _ON_THEIR_WAY or (_waits(row) and whole and not cancelled):
                return replace(done, on_their_way=done.on_their_way + 1)
            keys = [file["key"] for file in row["attachments"] or ()] if whole else []
            for key in keys:  # first, for afterwards nobody knows their names
                self._files.delete(key)
            blank(connection, row, email, now)
        return replace(
            done,
            messages=done.messages + 1,
            cancelled=done.cancelled + cancelled,
            files=done.files + len(keys),
        )


def _mentions(text: str, name: str) -> bool:
    """Whether a kept entry's text names the address: its JSON may have written it in escapes."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    return mentions(value, name) or (value is not text and mentions(text, name))


def _waits(row: Row) -> bool:
    return may_move(State(row["state"]), State.CANCELLED)


def _cancel(connection: Connection, row: Row, now: datetime, *, own: bool) -> bool:
    """Stop a message that could still leave, a failed one that could be replayed included."""
    if State(row["state"]) in _ON_THEIR_WAY or not _waits(row):
        return False
    whose = "the recipient's data" if own else "the data of somebody whom it names"
    stop = Settlement(row["id"], State.CANCELLED, f"{whose} was erased")
    return bool(settle(connection, [stop], now=now, expected=State(row["state"])))


def _plain(value: Any) -> Any:
    """The same with moments as ISO 8601 text."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, datetime) else value
