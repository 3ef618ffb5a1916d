"""What all operators' pages share: their password, language and frame, and what a fault looks like."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, wraps
from importlib.resources import files
from typing import Any, TypeVar

from jinja2 import Environment, PackageLoader
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from mailworker.container import Container
from mailworker.core.age_in_words import age
from mailworker.errors import BadInput, TransientError
from mailworker.web.basic_auth import please_log_in
from mailworker.web.metrics_collector import MetricsCollector
from mailworker.web.operator_logins import OperatorLogin, OperatorLogins
from mailworker.web.operators_page.csrf import ForgeryGuard
from mailworker.web.operators_page.language import COOKIE, LANGUAGES, common_values, language_of
from mailworker.web.operators_page.page_format import PageFormat, with_code

_OFF = (
    "The operators' page is off: set web.operator_user and web.operator_password, or web.logins, in the "
    "configuration.\n"
)


@cache
def _pages() -> Environment:
    """Each compiled once in a process."""
    pages = Environment(
        loader=PackageLoader("mailworker.web"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    pages.filters["code"] = with_code
    pages.filters["age"] = lambda seconds: age(timedelta(seconds=seconds))
    return pages


class PageShell:
    """Checks operators' logins, and renders pages from templates."""

    def __init__(self, container: Container, login: OperatorLogins, clock: Callable[[], datetime]) -> None:
        self._container = container
        self._login = login
        self._clock = clock
        self.format = PageFormat(container.settings)
        self.guard = ForgeryGuard(*login.signing, container.settings.web.public_url or "")
        self._pages = _pages()
        self._style = files("mailworker.web").joinpath("templates/style.css").read_text(encoding="utf-8")

    def style(self, _request: Request) -> Response:
        """The pages' looks."""
        return Response(self._style, media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    async def body(self, request: Request) -> bytes:
        """What an operator posted; nothing of what others post is read."""
        return await request.body() if await run_in_threadpool(self._login.admits, request) else b""

    def who(self, request: Request) -> OperatorLogin:
        """The operator whose request was let in."""
        return self._login.who(request) or OperatorLogin("", may_act=False)

    def guarded(self, request: Request, page: Callable[[], Response]) -> Response:
        """The page, if the operators' password is there; else what keeps it from being shown, as a page."""
        if not self._login.configured:
            return PlainTextResponse(_OFF, 404)
        if not self._login.admits(request):
            return please_log_in("mailworker operators")
        try:
            return page()
        except TransientError as fault:
            return self.show(request, "error.html", 503, why=str(fault), passing=True, **_again(request))
        except BadInput as fault:
            return self.show(request, "error.html", 400, why=str(fault))

    def fragment(self, request: Request, name: str, **values: Any) -> str:
        """A part of a page in the reader's language."""
        return self._pages.get_template(name).render(**common_values(request, language_of(request)), **values)

    def show(self, request: Request, name: str, status: int = 200, **values: Any) -> Response:
        """A page in the reader's language; with forms where acts are on."""
        language = language_of(request)
        settings = self._container.settings
        who = self.who(request)
        session = self.guard.session(request) if who.may_act else ""
        page = self._pages.get_template(name).render(
            **common_values(request, language),
            **values,
            now=self.format.moment(self._clock()),
            zone=str(self.format.zone),
            environment=language(self.format.environment),
            flower=settings.web.flower_url,
            token=self.guard.token(session) if session else "",
            acts=settings.web.actions,
            who=who,
        )
        answer = HTMLResponse(page, status)
        if session:
            self.guard.keep(answer, session, secure=request.url.scheme == "https")
        if request.query_params.get("lang") in LANGUAGES:
            answer.set_cookie(COOKIE, language.code, max_age=31_536_000, httponly=True, samesite="strict")
        return answer


def _again(request: Request) -> dict[str, int]:
    """A page that only shows something loads itself anew after some seconds."""
    return {"refresh": 30} if request.method == "GET" and request.query_params.get("refresh") != "off" else {}


@dataclass(frozen=True, slots=True)
class SinglePage(ABC):
    """A page of its own: `page` is the frame that all share."""

    container: Container
    page: PageShell
    gathering: MetricsCollector
    clock: Callable[[], datetime]

    def show(self, request: Request) -> Response:
        """The page, behind the operators' password."""
        return self.page.guarded(request, lambda: self.answer(request))

    @abstractmethod
    def answer(self, request: Request) -> Response:
        """What is shown to who was let in."""


AnyPage = TypeVar("AnyPage", bound=PageShell)


def behind_login(show: Callable[[AnyPage, Request], Response]) -> Callable[[AnyPage, Request], Response]:
    """The page, for who has the operators' password."""

    @wraps(show)
    def page(self: AnyPage, request: Request) -> Response:
        return self.guarded(request, lambda: show(self, request))

    return page
