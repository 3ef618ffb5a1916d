"""Emptying a stream so that one bad entry harms itself alone: the dead-letter rule of every stream.

New entries are written together. Where that fails for anything but a passing fault, each is written alone,
and the guilty one is rejected with its reason. An entry whose reader died is read alone the next time; where
its readers die again and again, it goes into quarantine unread. Nothing is deleted that nobody has seen.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from mailworker.core.exception_location import place_of
from mailworker.core.plural import counted
from mailworker.core.summable import Summable
from mailworker.errors import TransientError
from mailworker.queue.envelope import is_newer
from mailworker.queue.quarantine import belongs_in_quarantine
from mailworker.queue.redis_errors import StreamUnavailable
from mailworker.queue.refill_log import Keeping
from mailworker.queue.stream import Entry, GroupStream

_LATER = "of a later version than this worker: left on the stream for a newer one. Update the workers"
_UNFIT = "neither it nor the reason could be kept in the ledger"

R = TypeVar("R")
_R_co = TypeVar("_R_co", covariant=True)


class Sink(Protocol[_R_co]):
    """What a stream is emptied into."""

    def write(self, entries: Sequence[Entry]) -> _R_co:
        """Keep all of them in one transaction; to reject those that are plainly wrong is part of it."""

    def reject(self, entry: Entry, fault: str) -> _R_co:
        """Keep for people why this entry could not be taken; one without fields is in quarantine."""


@dataclass(frozen=True, slots=True)
class Drained(Summable, Generic[R]):
    """What one go found: the sink's results, and how many entries only a newer worker can read.

    `quarantined` holds a sentence for each entry that went into quarantine.
    """

    results: tuple[R, ...] = ()
    newer: int = 0
    quarantined: tuple[str, ...] = ()

    @property
    def alarms(self) -> tuple[str, ...]:
        """The alarms for the operator."""
        later = f"{counted(self.newer, 'entry is', 'entries are')} {_LATER}"
        return (*self.quarantined, later) if self.newer else self.quarantined

    def __bool__(self) -> bool:
        return bool(self.results or self.newer or self.quarantined)


class ChannelReader(Generic[R]):
    """A channel's stream as a worker reads it: some entries at a time go into the sink.

    `total` adds the sink's results up. `keeping` is for how long copies stay of what was taken.
    """

    def __init__(
        self,
        stream: GroupStream,
        *,
        sink: Callable[[datetime], Sink[R]],
        total: Callable[[Drained[R]], R],
        keeping: Keeping | None = None,
    ) -> None:
        self._stream = stream
        if keeping is not None:
            stream.keep(keeping)
        self._sink = sink
        self._total = total

    def drain_some(self, now: datetime) -> R | None:
        """Take some entries off the stream; None when there is nothing to do.

        Raises TransientError where Redis, or what the sink needs, does not answer; the entries stay then.
        """
        found = drain(self._stream, self._sink(now), now)
        return self._total(found) if found else None

    def waiting(self) -> int:
        """How many entries are on the stream, those of dead readers included."""
        return self._stream.waiting()


def drain(stream: GroupStream, sink: Sink[R], now: datetime) -> Drained[R]:
    """Take the entries of dead readers one by one, or else as many new ones as fit.

    An entry that goes into quarantine is the last: the next may end this reader before anybody was alarmed.
    Raises TransientError; what was not written stays on the stream then.
    """
    done: Drained[R] = Drained()
    try:
        for one in stream.abandoned():
            if why := belongs_in_quarantine(one.deliveries):
                done += _quarantine(stream, sink, one.id, now, why)
            elif entry := stream.claim(one.id):
                done += _take(stream, sink, [entry], now)
            if done.quarantined:
                break
        return done or _take(stream, sink, stream.fresh(), now)
    finally:
        stream.let_go()


def _take(stream: GroupStream, sink: Sink[R], found: Sequence[Entry], now: datetime) -> Drained[R]:
    """Write what this worker can read, and leave the rest on the stream for a newer one."""
    newer = [entry for entry in found if is_newer(entry[1])]
    stream.leave(newer)
    entries = [entry for entry in found if not is_newer(entry[1])]
    done = _write(stream, sink, entries, now) if entries else Drained()
    return done + Drained(newer=len(newer))


def _write(stream: GroupStream, sink: Sink[R], entries: Sequence[Entry], now: datetime) -> Drained[R]:
    try:
        result = sink.write(entries)
    except TransientError:
        _give_back(stream, entries)
        raise
    except Exception as fault:  # noqa: BLE001 - whatever it is, it must not stop the others
        if len(entries) > 1:
            return _one_by_one(stream, sink, entries, now)
        return _reject(stream, sink, entries[0], now, f"entry: could not be taken: {place_of(fault)}.")
    stream.acknowledge(entries)
    return Drained((result,))


def _one_by_one(stream: GroupStream, sink: Sink[R], entries: Sequence[Entry], now: datetime) -> Drained[R]:
    done: Drained[R] = Drained()
    for position, entry in enumerate(entries, start=1):
        try:
            done += _write(stream, sink, [entry], now)
        except TransientError:
            _give_back(stream, entries[position:])
            raise
        if done.quarantined:  # to be reported before another entry is read
            _give_back(stream, entries[position:])
            break
    return done


def _reject(stream: GroupStream, sink: Sink[R], entry: Entry, now: datetime, fault: str) -> Drained[R]:
    try:
        result = sink.reject(entry, fault)
    except TransientError:
        _give_back(stream, [entry])
        raise
    except Exception:  # noqa: BLE001 - what the ledger cannot keep, Redis keeps
        return _quarantine(stream, sink, entry[0], now, _UNFIT)
    stream.acknowledge([entry])
    return Drained((result,))


def _quarantine(stream: GroupStream, sink: Sink[R], entry_id: str, now: datetime, why: str) -> Drained[R]:
    """Move the entry first: from here on it harms nobody, even where the ledger takes no note of it."""
    stream.quarantine(entry_id, now)
    sentence = f"entry: is in quarantine (`mailworker quarantine list`): {why}."
    alarm = f"STREAM ENTRY {entry_id} OF {stream.name} IS IN QUARANTINE: {why}"
    try:
        return Drained((sink.reject((entry_id, {}), sentence),), quarantined=(alarm,))
    except Exception as fault:  # noqa: BLE001 - it is logged all the same
        return Drained(quarantined=(f"{alarm}; the ledger took no note of it: {place_of(fault)}",))


def _give_back(stream: GroupStream, entries: Sequence[Entry]) -> None:
    with suppress(StreamUnavailable):  # then they come back after their time, as a dead reader's
        stream.release(entries)
