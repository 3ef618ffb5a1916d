"""The operators' page: how things stand, what went wrong, how well mail arrives, each message's whole story.

Addresses never stand in a URL: a search is posted, a message is named by its id.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from mailworker.container import Container
from mailworker.core.canonical_address import canonical_address
from mailworker.core.states import State
from mailworker.ledger.delivery_events import delivery_news
from mailworker.ledger.facts_for_explanation import facts_of
from mailworker.ledger.failure_reasons import failures_by_reason
from mailworker.ledger.holds import current_holds
from mailworker.ledger.hourly_statistics import current_campaigns, current_tallies
from mailworker.ledger.message_counts import changed_since, tried_again
from mailworker.ledger.message_search import MessageFilter, list_messages, search, story
from mailworker.ledger.recipient_standings import standings
from mailworker.ledger.rejected_jobs import list_rejected
from mailworker.ledger.replay_cancel import CANCELLABLE
from mailworker.ledger.resend_blocked import is_blocked_by_us
from mailworker.ledger.scan_runs import latest
from mailworker.ledger.suppressions import latest as latest_suppressions
from mailworker.queue.envelope import BEAT_SILENCE, MOST_ROUNDS_WAITING
from mailworker.rules.message_explain import explained
from mailworker.scan_registry import off, rehearses, scans_of
from mailworker.statistics_report import rows_by_campaign, rows_by_kind
from mailworker.web.metrics_collector import MetricsCollector
from mailworker.web.operator_logins import OperatorLogins
from mailworker.web.operators_page.charts import bars_by_hour
from mailworker.web.operators_page.csv_download import FILE_NAME, MOST_ROWS, as_csv
from mailworker.web.operators_page.deliverability import deliverability_rows
from mailworker.web.operators_page.list_query import ListQuery, read_list_query, read_page_number
from mailworker.web.operators_page.list_rows import (
    failure_view,
    hold_view,
    rejection_view,
    row_view,
    scan_view,
)
from mailworker.web.operators_page.message_details import message_view
from mailworker.web.operators_page.oldest_waiting import oldest_waiting
from mailworker.web.operators_page.page_shell import PageShell, behind_login

_FEW, _MANY, _HOURS = 10, 50, 24
#: An address is 320 characters at most.
_LONGEST_SEARCH = 2000
#: The states that an overview of the day shows, in the order of a message's life.
_OF_TODAY = (State.SENT, State.FAILED, State.SUPPRESSED, State.EXPIRED, State.CANCELLED)
_PERIODS = (1, 7, 30, 90)


class OperatorsPage(PageShell):
    """The pages, behind the operators' password. They only show; acts are in `page_actions`."""

    def __init__(
        self,
        container: Container,
        login: OperatorLogins,
        gathering: MetricsCollector,
        clock: Callable[[], datetime],
    ) -> None:
        super().__init__(container, login, clock)
        self._gathering = gathering

    async def search(self, request: Request) -> Response:
        """Messages by id, key, customer, invoice or address."""
        body = await self.body(request)
        asked = parse_qs(body[:_LONGEST_SEARCH].decode("utf-8", "replace")).get("text", [""])[0].strip()
        return await run_in_threadpool(self.guarded, request, lambda: self._search(request, asked))

    @behind_login
    def overview(self, request: Request) -> Response:
        """How things stand now."""
        now, zone = self._clock(), self.format.zone
        midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
        with self._container.ledger.read() as connection:
            today = changed_since(connection, midnight)
            unknown = list_messages(connection, MessageFilter(states=(State.UNKNOWN,)), limit=_FEW)
            failed = failures_by_reason(connection, since=now - timedelta(days=7), limit=_FEW)
            holds, rejections = current_holds(connection), list_rejected(connection, limit=_FEW)
            again = tried_again(connection)
            hours = current_tallies(connection, since=now - timedelta(hours=_HOURS), now=now)
        figures = self._gathering.figures()
        bars = bars_by_hour(hours, now=now.astimezone(UTC), hours=_HOURS, zone=zone)
        return self.show(
            request,
            "overview.html",
            refresh=0 if request.query_params.get("refresh") == "off" else 30,
            figures=figures,
            waiting=oldest_waiting(figures),
            day=midnight.date(),
            today=[(state.value, today.get(state, 0)) for state in _OF_TODAY],
            bars=bars,
            tallest=max(sum(count for _, count in bar.counts) for bar in bars),
            failed=[failure_view(one, self.format) for one in failed],
            unknown=[row_view(row, self.format) for row in unknown],
            holds=[hold_view(hold, self.format) for hold in holds],
            rejections=[rejection_view(row, self.format) for row in rejections],
            tried_again=again,
            beat_silence=BEAT_SILENCE.total_seconds(),
            beat_lives=figures.rounds_waiting > MOST_ROUNDS_WAITING,
        )

    @behind_login
    def messages(self, request: Request) -> Response:
        """Messages by state, kind, lane and delivery, the last changed first."""
        query: ListQuery = read_list_query(request.query_params, self._container.settings.kinds)
        with self._container.ledger.read() as connection:
            found = list_messages(connection, query.filter(self.format.zone), limit=_MANY + 1)
            holds, news = current_holds(connection), delivery_news(connection, found)
        older = query.link(found[_MANY - 1]) if len(found) > _MANY else None
        rows = [
            row_view(row, self.format, holds, news, self._clock()) for row in (found[:-1] if older else found)
        ]
        kinds = [(name, self.format.kind(name)) for name in self._container.settings.kinds]
        return self.show(request, "messages.html", rows=rows, q=query, kinds=kinds, older=older)

    @behind_login
    def download(self, request: Request) -> Response:
        """The messages of a list as a file for a spreadsheet."""
        query = read_list_query(request.query_params, self._container.settings.kinds)
        with self._container.ledger.read() as connection:
            found = list_messages(connection, query.filter(self.format.zone), limit=MOST_ROWS)
            news = delivery_news(connection, found)
        headers = {"Content-Disposition": f'attachment; filename="{FILE_NAME}"'}
        return Response(
            as_csv(found, self.format, news), media_type="text/csv; charset=utf-8", headers=headers
        )

    def _search(self, request: Request, asked: str) -> Response:
        with self._container.ledger.read() as connection:
            found = search(connection, asked, limit=_MANY) if _searchable(asked) else []
            name = canonical_address(asked) if "@" in asked and _searchable(asked) else ""
            listed = standings(connection, [name])[name].suppressed if name else None
            holds, news = current_holds(connection), delivery_news(connection, found)
        rows = [row_view(row, self.format, holds, news, self._clock()) for row in found]
        return self.show(request, "search.html", asked=asked, rows=rows, limit=_MANY, listed=listed)

    @behind_login
    def message(self, request: Request) -> Response:
        """One message's whole story."""
        id_ = request.path_params["id"]
        with self._container.ledger.read() as connection:
            found = story(connection, id_) if _searchable(id_) else None
            holds = current_holds(connection)
        if found is None:
            return self.show(request, "error.html", 404, why="There is no message with this id.")
        outage = bool(self._gathering.figures().breaker_open)
        facts = facts_of(found, holds, now=self._clock(), zone=self.format.zone, outage=outage)
        state = State(found.message["state"])
        return self.show(
            request,
            "message.html",
            m=message_view(found, self.format),
            explained=explained(found.message, facts),
            may_cancel=state in CANCELLABLE,
            may_replay=state is State.FAILED or (is_blocked_by_us(found.message) and facts.resendable),
        )

    @behind_login
    def deliverability(self, request: Request) -> Response:
        """How well mail arrives, kind by kind."""
        asked = request.query_params.get("days", "7")
        days = int(asked) if asked in map(str, _PERIODS) else 7
        now = self._clock()
        with self._container.ledger.read() as connection:
            since = now - timedelta(days=days)
            tallies = current_tallies(connection, since=since, now=now)
            campaigns = current_campaigns(connection, since=since, now=now)
        kinds = rows_by_kind(tallies, self._container.settings.kinds)
        named = [row._replace(name=self.format.kind(row.name)) for row in kinds]
        tables = [
            ("Kind", "all kinds", deliverability_rows(named)),
            ("Campaign", "all campaigns", deliverability_rows(rows_by_campaign(campaigns))),
        ]
        return self.show(
            request,
            "deliverability.html",
            tables=tables,
            days=days,
            periods=_PERIODS,
            links={self.format.kind(name): name for name in self._container.settings.kinds},
            since=(now - timedelta(days=days)).astimezone(self.format.zone).date(),
        )

    @behind_login
    def suppressions(self, request: Request) -> Response:
        """Addresses that get no mail, or no campaigns, and why."""
        page = read_page_number(request.query_params)
        with self._container.ledger.read() as connection:
            rows = latest_suppressions(connection, reason="", limit=_MANY + 1, skip=page * _MANY)
        shown = [{**row, "since": self.format.moment(row["since"])} for row in rows[:_MANY]]
        older = page + 1 if len(rows) > _MANY else 0
        return self.show(request, "suppressions.html", rows=shown, page=page, older=older)

    @behind_login
    def schedule(self, request: Request) -> Response:
        """The scans and their last runs."""
        now, lines = self._clock(), []
        for scan in scans_of(self._container):
            with self._container.ledger.read() as connection:
                runs = latest(connection, scan.name)
            coming = scan.timetable.following(now, self._container.settings.worker.timezone)
            lines.append(
                scan_view(
                    scan,
                    runs,
                    off(self._container, scan) or rehearses(self._container, scan),
                    coming,
                    self.format,
                )
            )
        return self.show(request, "schedule.html", scans=lines)


def _searchable(text: str) -> bool:
    """Whether the databases take it as text."""
    return bool(text) and text.isprintable()
