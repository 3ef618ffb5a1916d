"""Which messages a list shows: read from the query of its URL, and written into the next page's."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from mailworker.core.lane import Lane
from mailworker.core.states import State
from mailworker.errors import BadInput
from mailworker.ledger.message_search import MessageFilter
from mailworker.ledger.upcoming import UpcomingFilter, When
from mailworker.rules.delivery_status import NO_EVENT, Delivery

DayT = TypeVar("DayT", date, datetime)

LANES = tuple(lane.word for lane in Lane)
DELIVERIES = tuple(delivery.value for delivery in Delivery)
STATES = tuple(state.value for state in State)
_PAGE = re.compile(r"[0-9]{1,6}")
_ID = re.compile(r"[\w-]{0,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A list's filters; empty ones restrict nothing."""

    state: str = ""
    kind: str = ""
    lane: str = ""
    delivery: str = ""
    before: datetime | None = None
    since: date | None = None
    until: date | None = None
    after: str = ""

    #: For the form.
    lanes = LANES
    states = STATES
    deliveries = (*DELIVERIES, NO_EVENT)

    def filter(self, zone: ZoneInfo) -> MessageFilter:
        """As the ledger takes it; days are those of the operator's zone."""
        end = _midnight(self.until + timedelta(days=1), zone) if self.until else None
        before = min((at for at in (self.before, end) if at), default=None)
        return MessageFilter(
            states=(State(self.state),) if self.state else (),
            kind=self.kind or None,
            lane=Lane.from_word(self.lane) if self.lane else None,
            delivery=self.delivery or None,
            before=before,
            since=_midnight(self.since, zone) if self.since else None,
            beyond=(self.before, self.after) if self.before and self.after else None,
        )

    def link(self, last: Mapping[str, Any]) -> str:
        """The URL of the page that follows this row."""
        position = {"before": last["changed_at"].isoformat(), "after": last["id"]}
        return "/messages?" + urlencode(self._given() | position)

    def file(self) -> str:
        """The URL of the same messages as a file, all pages in one."""
        given = self._given()
        return "/messages.csv" + ("?" + urlencode(given) if given else "")

    def _given(self) -> dict[str, str]:
        named = {"state": self.state, "kind": self.kind, "lane": self.lane, "delivery": self.delivery}
        named |= {"since": str(self.since or ""), "until": str(self.until or "")}
        return {name: value for name, value in named.items() if value}


def read_list_query(given: Mapping[str, str], kinds: Collection[str]) -> ListQuery:
    """The filters in a query. Raises BadInput with a sentence for what is none of ours."""
    faults = [
        f"{name}: there is no {name} of this name."
        for name, known in (
            ("state", STATES),
            ("kind", kinds),
            ("lane", LANES),
            ("delivery", (*DELIVERIES, NO_EVENT)),
        )
        if given.get(name) and given[name] not in known
    ]
    if not _ID.fullmatch(given.get("after", "")):
        faults.append("after: is no message's id.")
    before = _moment(given.get("before"), faults)
    since, until = (_day(given.get(name), name, faults) for name in ("since", "until"))
    if faults:
        raise BadInput(faults)
    named = {name: given.get(name, "") for name in ("state", "kind", "lane", "delivery", "after")}
    return ListQuery(**named, before=before, since=since, until=until)


@dataclass(frozen=True, slots=True)
class UpcomingQuery:
    """The filters of the list of upcoming messages, and the last row of the page before."""

    when: str = When.LATER
    kind: str = ""
    lane: str = ""
    beyond: tuple[datetime, str] | None = None

    #: For the form.
    lanes = LANES

    def filter(self) -> UpcomingFilter:
        """As the ledger takes it."""
        lane = Lane.from_word(self.lane) if self.lane else None
        return UpcomingFilter(When(self.when), self.kind or None, lane, self.beyond)

    def link(self, last: tuple[datetime, str]) -> str:
        """The URL of the page that follows this row."""
        given = {"when": self.when, "kind": self.kind, "lane": self.lane}
        position = {"before": last[0].isoformat(), "after": last[1]}
        return "/upcoming?" + urlencode({name: value for name, value in given.items() if value} | position)


def read_upcoming_query(given: Mapping[str, str], kinds: Collection[str]) -> UpcomingQuery:
    """The filters in a query. Raises BadInput with a sentence for what is none of ours."""
    query = read_list_query(
        {name: given.get(name, "") for name in ("kind", "lane", "before", "after")}, kinds
    )
    when = given.get("when") or When.LATER
    if when not in set(When):
        raise BadInput("when: is later, now or held.")
    beyond = (query.before, query.after) if query.before and query.after else None
    return UpcomingQuery(when, query.kind, query.lane, beyond)


def read_moment(text: str | None) -> datetime | None:
    """The moment where a page of a list ended. Raises BadInput where it is none."""
    faults: list[str] = []
    found = _moment(text, faults)
    if faults:
        raise BadInput(faults)
    return found


def read_page_number(given: Mapping[str, str]) -> int:
    """Which page of a list without filters, from 0; the first where the query names none."""
    asked = given.get("page", "")
    return int(asked) if _PAGE.fullmatch(asked) else 0


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(0), zone)


def _day(text: str | None, name: str, faults: list[str]) -> date | None:
    return _read(text, date.fromisoformat, f"{name}: write a day like 2026-11-30.", faults)


def _moment(text: str | None, faults: list[str]) -> datetime | None:
    return _read(text, _aware, "before: is no moment.", faults)


def _aware(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment


def _read(text: str | None, parse: Callable[[str], DayT], fault: str, faults: list[str]) -> DayT | None:
    """The day or moment that was written; None for none, and for none of this calendar, which is a fault."""
    try:
        found = parse(text) if text else None
    except ValueError:
        found = None
    if found is not None and 2000 <= found.year <= 9000:
        return found
    faults += [fault] if text else []
    return None
