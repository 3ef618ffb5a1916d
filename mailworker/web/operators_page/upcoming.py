"""The page of what is still to leave: when each message does, and what it waits for."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mailworker.container import Container
from mailworker.core.message import Lane
from mailworker.ledger.holds import current_holds
from mailworker.ledger.upcoming import When, upcoming
from mailworker.rules.claimable_while_held import hold_on
from mailworker.rules.leaving_time import leaving_time
from mailworker.web.metrics_collector import MetricsCollector
from mailworker.web.operators_page.list_query import read_upcoming_query
from mailworker.web.operators_page.list_rows import row_view
from mailworker.web.operators_page.pages import OperatorsPage

Row = Mapping[str, Any]
_SHOWN = 50


class UpcomingPage:
    """Answers `/upcoming`, behind the operators' password."""

    def __init__(
        self,
        container: Container,
        page: OperatorsPage,
        gathering: MetricsCollector,
        clock: Callable[[], datetime],
    ) -> None:
        self._container = container
        self._page = page
        self._gathering = gathering
        self._clock = clock

    def show(self, request: Request) -> Response:
        """The list, the first that leaves first."""
        return self._page.guarded(request, lambda: self._show(request))

    def _show(self, request: Request) -> Response:
        query, now = read_upcoming_query(request.query_params, self._container.settings.kinds), self._clock()
        wanted = query.filter()
        with self._container.ledger.read() as connection:
            found = upcoming(connection, wanted, now=now, limit=_SHOWN + 1)
            holds = current_holds(connection)
        outage = bool(self._gathering.figures().breaker_open)

        def line(row: Row) -> dict[str, Any]:
            hold = hold_on(holds, row["kind"], Lane(row["lane"]).word)
            leaves = leaving_time(row, now=now, hold=hold, outage=outage)
            shown = row_view(row, self._page.format) | {"until": leaves.until, "reason": leaves.why}
            moments = {"leaves": leaves.at, "expires": row["expires_at"]}
            return shown | {name: self._page.format.moment(at) for name, at in moments.items()}

        shown, last = found[:_SHOWN], found[_SHOWN - 1] if len(found) > _SHOWN else None
        return self._page.show(
            request,
            "upcoming.html",
            rows=[line(row) for row in shown],
            q=query,
            whens=tuple(When),
            kinds=[(name, self._page.format.kind(name)) for name in self._container.settings.kinds],
            further=query.link((wanted.moment(last), last["id"])) if last else None,
        )
