"""The operators' page: how things stand, what went wrong, and each message's whole story.

Read-only. Addresses never stand in a URL: a search is posted, a message is named by its id.
"""

from collections.abc import Callable
from datetime import datetime
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs

from jinja2 import Environment, PackageLoader
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from mailworker.container import Container
from mailworker.core.states import State
from mailworker.errors import TransientError
from mailworker.ledger.holds_and_suppressions import current_holds
from mailworker.ledger.message_counts import changed_since
from mailworker.ledger.message_search import MessageFilter, list_messages, list_rejected, search, story
from mailworker.web.basic_auth import BasicAuth, please_log_in
from mailworker.web.metrics_collector import MetricsCollector
from mailworker.web.page_views import PageFormat, hold_view, message_view, rejection_view, row_view

_FEW, _MANY = 10, 50
#: An address is 320 characters at most.
_LONGEST_SEARCH = 2000
_OFF = "The operators' page is off: set web.operator_user and web.operator_password in the configuration.\n"
#: The states that an overview of the day shows, in the order of a message's life.
_OF_TODAY = (State.SENT, State.FAILED, State.SUPPRESSED, State.EXPIRED, State.CANCELLED)


class OperatorsPage:
    """The pages, behind the operators' password."""

    def __init__(
        self,
        container: Container,
        login: BasicAuth,
        gathering: MetricsCollector,
        clock: Callable[[], datetime],
    ) -> None:
        self._home = container
        self._login = login
        self._gathering = gathering
        self._clock = clock
        self._words = PageFormat(container.settings)
        self._pages = Environment(
            loader=PackageLoader("mailworker.web"), autoescape=True, trim_blocks=True, lstrip_blocks=True
        )
        self._style = files(__package__).joinpath("templates/style.css").read_text(encoding="utf-8")

    def overview(self, request: Request) -> Response:
        """How things stand now."""
        return self._guarded(request, self._overview)

    async def search(self, request: Request) -> Response:
        """Messages by id, key, customer or address."""
        body = await request.body() if self._login.admits(request) else b""
        asked = parse_qs(body[:_LONGEST_SEARCH].decode("utf-8", "replace")).get("text", [""])[0].strip()
        return await run_in_threadpool(self._guarded, request, lambda: self._search(asked))

    def message(self, request: Request) -> Response:
        """One message's whole story."""
        return self._guarded(request, lambda: self._message(request.path_params["id"]))

    def style(self, _request: Request) -> Response:
        """The pages' looks."""
        return Response(self._style, media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    def _guarded(self, request: Request, page: Callable[[], Response]) -> Response:
        if not self._login.configured:
            return PlainTextResponse(_OFF, 404)
        if not self._login.admits(request):
            return please_log_in("mailworker operators")
        try:
            return page()
        except TransientError as fault:
            return self._show("error.html", 503, why=str(fault))

    def _overview(self) -> Response:
        now = self._clock()
        midnight = now.astimezone(self._words.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        with self._home.ledger.read() as connection:
            today = changed_since(connection, midnight)
            listed = {
                state: list_messages(connection, MessageFilter(states=(state,)), limit=_FEW)
                for state in (State.FAILED, State.UNKNOWN)
            }
            holds, rejections = current_holds(connection), list_rejected(connection, limit=_FEW)
        return self._show(
            "overview.html",
            figures=self._gathering.figures(),
            today=[(state.value, today.get(state, 0)) for state in _OF_TODAY],
            failed=[row_view(row, self._words) for row in listed[State.FAILED]],
            unknown=[row_view(row, self._words) for row in listed[State.UNKNOWN]],
            holds=[hold_view(hold, self._words) for hold in holds],
            rejections=[rejection_view(row, self._words) for row in rejections],
        )

    def _search(self, asked: str) -> Response:
        with self._home.ledger.read() as connection:
            found = search(connection, asked, limit=_MANY) if asked else []
        rows = [row_view(row, self._words) for row in found]
        return self._show("search.html", asked=asked, rows=rows, limit=_MANY)

    def _message(self, id_: str) -> Response:
        with self._home.ledger.read() as connection:
            found = story(connection, id_)
        if found is None:
            return self._show("error.html", 404, why="There is no message with this id.")
        return self._show("message.html", m=message_view(found, self._words))

    def _show(self, name: str, status: int = 200, **values: Any) -> Response:
        now = self._words.moment(self._clock())
        page = self._pages.get_template(name).render(
            **values, now=now, environment=self._home.settings.worker.environment
        )
        return HTMLResponse(page, status)
