"""From the options of a command to the messages that it is about."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from mailworker.cli.shared_options import moment_of
from mailworker.config.duration import parse_duration
from mailworker.core.calendar_range import within_calendar
from mailworker.core.clock import utc_now
from mailworker.core.message import Lane
from mailworker.core.states import State
from mailworker.errors import BadInput
from mailworker.ledger.message_search import MessageFilter
from mailworker.rules.delivery_status import Delivery


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
    if whom.delivery is not None and whom.delivery not in set(Delivery):
        faults.append(f"--delivery: is one of {', '.join(Delivery)}.")
    first, last = _since(since, zone, faults), _day("--until", until, zone, faults)
    if faults:
        raise BadInput(faults)
    end = last + timedelta(days=1) if last else wanted.before
    return replace(wanted, **asdict(whom), since=first or wanted.since, before=end)


def _since(text: str | None, zone: ZoneInfo, faults: list[str]) -> datetime | None:
    if text is None:
        return None
    try:
        return moment_of("--since", text, now=utc_now(), zone=zone)
    except BadInput as fault:
        faults += fault.faults
        return None


def _day(option: str, text: str | None, zone: ZoneInfo, faults: list[str]) -> datetime | None:
    if text is None:
        return None
    try:
        day = within_calendar(date.fromisoformat(text))
        return datetime.combine(day, time(0), tzinfo=zone).astimezone(UTC)
    except ValueError:
        faults.append(f"{option}: write a day like 2026-11-30.")
        return None


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
