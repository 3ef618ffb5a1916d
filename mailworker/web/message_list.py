"""Which messages a list shows: read from the query of its URL, and written into the next page's."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from mailworker.core.message import Lane
from mailworker.core.states import State
from mailworker.errors import BadInput
from mailworker.ledger.message_search import MessageFilter
from mailworker.rules.delivery_status import Delivery

LANES = tuple(lane.word for lane in Lane)
DELIVERIES = tuple(delivery.value for delivery in Delivery)
STATES = tuple(state.value for state in State)


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A list's filters; empty ones restrict nothing."""

    state: str = ""
    kind: str = ""
    lane: str = ""
    delivery: str = ""
    before: datetime | None = None

    #: For the form.
    lanes = LANES
    states = STATES
    deliveries = DELIVERIES

    def filter(self) -> MessageFilter:
        """As the ledger takes it."""
        return MessageFilter(
            states=(State(self.state),) if self.state else (),
            kind=self.kind or None,
            lane=Lane.from_word(self.lane) if self.lane else None,
            delivery=self.delivery or None,
            before=self.before,
        )

    def link(self, before: datetime) -> str:
        """The URL of the page that begins with this moment."""
        named = {"state": self.state, "kind": self.kind, "lane": self.lane}
        named |= {"delivery": self.delivery, "before": before.isoformat()}
        return "/messages?" + urlencode({name: value for name, value in named.items() if value})


def read_list_query(given: Mapping[str, str], kinds: Collection[str]) -> ListQuery:
    """The filters in a query. Raises BadInput with a sentence for what is none of ours."""
    faults = [
        f"{name}: there is no {name} of this name."
        for name, known in (
            ("state", STATES),
            ("kind", kinds),
            ("lane", LANES),
            ("delivery", DELIVERIES),
        )
        if given.get(name) and given[name] not in known
    ]
    before = _moment(given.get("before"), faults)
    if faults:
        raise BadInput(faults)
    named = {name: given.get(name, "") for name in ("state", "kind", "lane", "delivery")}
    return ListQuery(**named, before=before)


def _moment(text: str | None, faults: list[str]) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not 2000 <= moment.year <= 9000:
        faults.append("before: is no moment.")
        return None
    return moment
