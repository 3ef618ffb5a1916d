"""The page of what is still to leave: when each message does, and what it waits for."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mailworker.ledger.upcoming import UpcomingMessage, When, departures
from mailworker.web.operators_page.list_query import read_upcoming_query
from mailworker.web.operators_page.list_rows import row_view
from mailworker.web.operators_page.page_shell import SinglePage

_SHOWN = 50


class UpcomingPage(SinglePage):
    """Answers `/upcoming`: the list, the first that leaves first."""

    def answer(self, request: Request) -> Response:
        """One part of the list."""
        query, now = read_upcoming_query(request.query_params, self.container.settings.kinds), self.clock()
        wanted, outage = query.filter(), bool(self.gathering.figures().breaker_open)
        with self.container.ledger.read() as connection:
            found = departures(connection, wanted, now=now, limit=_SHOWN + 1, outage=outage)
        last = found[_SHOWN - 1].row if len(found) > _SHOWN else None
        return self.page.show(
            request,
            "upcoming.html",
            rows=[self._line(one) for one in found[:_SHOWN]],
            q=query,
            whens=tuple(When),
            kinds=[(name, self.page.format.kind(name)) for name in self.container.settings.kinds],
            further=query.link((wanted.moment(last), last["id"])) if last else None,
        )

    def _line(self, one: UpcomingMessage) -> dict[str, Any]:
        row, leaves, words = one.row, one.leaves, self.page.format
        shown = row_view(row, words) | {"until": leaves.until, "reason": leaves.why}
        return shown | {"leaves": words.moment(leaves.at), "expires": words.moment(row["expires_at"])}
