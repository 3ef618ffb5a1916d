"""From the options of a command to the messages that it is about."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import TypeVar
from zoneinfo import ZoneInfo

from mailworker.cli.shared_options import moment_of
from mailworker.config.duration import parse_duration
from mailworker.core.calendar_range import within_calendar
from mailworker.core.clock import utc_now
from mailworker.core.lane import Lane
from mailworker.core.states import State
from mailworker.errors import BadInput
from mailworker.ledger.message_search import MessageFilter
from mailworker.rules.delivery_status import NO_EVENT, Delivery

ValueT = TypeVar("ValueT")


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
        lane=_read("--lane", lane, Lane.from_word, faults, "is urgent, normal or bulk"),
        reason=reason,
        before=_read("--older", older, partial(_ago, now), faults),
        since=_read("--newer", newer, partial(_ago, now), faults),
    )
    if faults:
        raise BadInput(faults)
    return wanted


@dataclass(frozen=True, slots=True)
class Whom:
    """About whom, and what became of it at Mailjet; what is left out does not restrict."""

    delivery: str | None = None
    to: str | None = None
    name: str | None = None
    customer: str | None = None
    invoice: str | None = None


def narrowed(
    wanted: MessageFilter, whom: Whom, *, since: str | None, until: str | None, zone: ZoneInfo
) -> MessageFilter:
    """The same, of these people and this time; days are the operator's. Raises BadInput."""
    faults: list[str] = []
    if whom.delivery is not None and whom.delivery not in {*Delivery, NO_EVENT}:
        faults.append(f"--delivery: is one of {', '.join((*Delivery, NO_EVENT))}.")
    first = _read("--since", since, partial(moment_of, "--since", now=utc_now(), zone=zone), faults)
    last = _read("--until", until, partial(_day, zone), faults, "write a day like 2026-11-30")
    if faults:
        raise BadInput(faults)
    begins = [moment for moment in (first, wanted.since) if moment]
    ends = [moment for moment in (last and last + timedelta(days=1), wanted.before) if moment]
    return replace(wanted, **asdict(whom), since=max(begins, default=None), before=min(ends, default=None))


def _read(
    option: str, text: str | None, read: Callable[[str], ValueT], faults: list[str], wrong: str = ""
) -> ValueT | None:
    """An option's value; of a text that cannot be read a sentence goes to the faults."""
    if text is None:
        return None
    try:
        return read(text)
    except BadInput as fault:
        faults += fault.faults
    except (ValueError, KeyError) as fault:
        faults.append(f"{option}: {wrong or fault}.")
    return None


def _day(zone: ZoneInfo, text: str) -> datetime:
    day = within_calendar(date.fromisoformat(text))
    return datetime.combine(day, time(0), tzinfo=zone).astimezone(UTC)


def _ago(now: datetime, text: str) -> datetime:
    return now - parse_duration(text)
