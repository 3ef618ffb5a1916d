"""From the options of a command to the messages that it is about."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from mailworker.config.duration import parse_duration
from mailworker.core.clock import utc_now
from mailworker.core.message import Lane
from mailworker.core.states import State
from mailworker.errors import BadInput
from mailworker.ledger.message_search import MessageFilter


def wanted_of(
    *,
    ids: Sequence[str] = (),
    states: Collection[State] = (),
    kind: str | None = None,
    lane: str | None = None,
    reason: str | None = None,
    older: str | None = None,
    newer: str | None = None,
) -> MessageFilter:
    """The wanted messages. Raises BadInput for every option that cannot be read."""
    faults: list[str] = []
    now = utc_now()
    wanted = MessageFilter(
        ids=tuple(ids),
        states=states,
        kind=kind,
        lane=_lane(lane, faults),
        reason=reason,
        before=_ago("--older", older, now, faults),
        since=_ago("--newer", newer, now, faults),
    )
    if faults:
        raise BadInput(faults)
    return wanted


def _lane(word: str | None, faults: list[str]) -> Lane | None:
    if word is None:
        return None
    try:
        return Lane.from_word(word)
    except KeyError:
        faults.append("--lane: is urgent, normal or bulk.")
        return None


def _ago(option: str, text: str | None, now: datetime, faults: list[str]) -> datetime | None:
    if text is None:
        return None
    try:
        span: timedelta = parse_duration(text)
    except ValueError as fault:
        faults.append(f"{option}: {fault}.")
        return None
    return now - span
