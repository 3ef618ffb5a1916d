"""Where a campaign's one-click link leads: a POST unsubscribes (RFC 8058), a GET only shows a button.

Scanners and previews follow links by GET, so nothing may happen then. Nobody logs in here: the link itself is
what its reader has.
"""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property

from jinja2 import Environment, PackageLoader
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from mailworker.container import Container
from mailworker.errors import TransientError
from mailworker.ledger.one_click_unsubscribe import unsubscribe
from mailworker.ledger.unsubscribe_link_key import unsubscribe_key
from mailworker.rules.sign_unsubscribe_link import message_of
from mailworker.web.operators_page.language import language_of


class UnsubscribePage:
    """Answers readers and their mail programs."""

    def __init__(self, container: Container, clock: Callable[[], datetime]) -> None:
        self._container = container
        self._clock = clock
        self._pages = Environment(loader=PackageLoader("mailworker.web"), autoescape=True, trim_blocks=True)

    def show(self, request: Request) -> Response:
        """A button, and nothing done."""
        return self._guarded(request, lambda _id: self._page(request, "ask"))

    async def post(self, request: Request) -> Response:
        """Unsubscribe. What the body says does not matter: the link says it all."""

        def done(message_id: str) -> Response:
            with self._container.ledger.write() as connection:
                found = unsubscribe(connection, message_id, now=self._clock())
            return self._page(request, "done") if found else self._page(request, "unknown", 410)

        return await run_in_threadpool(self._guarded, request, done)

    def _guarded(self, request: Request, answer: Callable[[str], Response]) -> Response:
        try:
            found = message_of(request.path_params["token"], self._key)
            return answer(found) if found else self._page(request, "unknown", 404)
        except TransientError:
            return self._page(request, "later", 503)

    @cached_property
    def _key(self) -> bytes:
        return unsubscribe_key(self._container.ledger)

    def _page(self, request: Request, what: str, status: int = 200) -> Response:
        language = language_of(request)
        brand = self._container.settings.brand.name or ""
        page = self._pages.get_template("unsubscribe.html")
        return HTMLResponse(page.render(_=language, lang=language.code, what=what, brand=brand), status)
