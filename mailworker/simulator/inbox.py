"""The inbox page: every mail as its customer would see it. Nothing on it comes from elsewhere."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from mailworker.simulator.control_api import attachment_response, counts_document
from mailworker.simulator.event_documents import status_of
from mailworker.simulator.inbox_search import search_of
from mailworker.simulator.inbox_view import mail_row, mail_view, with_inline_pictures
from mailworker.simulator.received_mail import ReceivedMail
from mailworker.simulator.rest_tables import whole_or
from mailworker.simulator.state import SimulatorState

if TYPE_CHECKING:
    from jinja2 import Environment

PAGE_ROWS = 50
#: The page runs no script from elsewhere and frames only itself; a mail in its frame may show, not act.
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'"
)
_MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-popups"


def inbox_routes(world: SimulatorState) -> list[Route]:
    """The routes of the inbox page."""
    inbox = Inbox(world)
    return [
        Route("/", inbox.index, name="inbox"),
        Route("/mail/{message_id:int}", inbox.mail, name="mail"),
        Route("/mail/{message_id:int}/html", inbox.html, name="mail-html"),
        Route("/read", inbox.read_found, methods=["POST"], name="read-found"),
        Route("/delete", inbox.delete_found, methods=["POST"], name="delete-found"),
        Route("/mail/{message_id:int}/delete", inbox.delete, methods=["POST"], name="mail-delete"),
        Route("/mail/{message_id:int}/files/{position:int}/{filename:path}", inbox.file, name="mail-file"),
    ]


class Inbox:
    """The pages, over one world."""

    def __init__(self, world: SimulatorState) -> None:
        self._world = world

    @cached_property
    def _pages(self) -> "Environment":
        from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - only who looks waits

        loader = FileSystemLoader(Path(__file__).with_name("pages"))
        return Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )

    async def index(self, request: Request) -> Response:
        """The mails, newest first; `q` is a search."""
        words = request.query_params.get("q", "").strip()
        page = max(1, whole_or(request.query_params.get("page"), 1))
        found = self._search(words)
        shown = found[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]
        return self._page(
            "inbox.html",
            rows=[mail_row(self._world, mail) for mail in shown],
            q=words,
            page=page,
            paused=request.query_params.get("refresh") == "off",
            pages=max(1, -(-len(found) // PAGE_ROWS)),
            found=len(found),
            unread=sum(not mail.read for mail in self._world.store.mails()),
            counts=counts_document(self._world),
            limit=self._world.settings.calls_per_minute,
        )

    async def mail(self, request: Request) -> Response:
        """One mail: as the customer sees it, and what came with it."""
        found = self._world.store.mail(request.path_params["message_id"])
        if found is None:
            return PlainTextResponse("There is no such mail. It may have been forgotten by a reset.", 404)
        mail, recipient = found
        mail.read = True
        tab = request.query_params.get("tab", "html")
        view = mail_view(self._world, mail)
        if tab in {"html", "phone", "code", "check"} and not view["has_html"]:
            tab = "text"
        status = status_of(self._world, mail, recipient)
        return self._page("mail.html", mail=view, tab=tab, status=status)

    async def html(self, request: Request) -> Response:
        """The HTML part alone, for the frame: no script, no form, nothing loaded from elsewhere."""
        found = self._world.store.mail(request.path_params["message_id"])
        body = with_inline_pictures(self._world.outcome(found[0]).html, found[0]) if found else ""
        return HTMLResponse(body, headers={"Content-Security-Policy": _MAIL_POLICY})

    async def delete(self, request: Request) -> Response:
        """Forget one mail, and go back to the list."""
        if not self._world.store.remove(request.path_params["message_id"]):
            return PlainTextResponse("There is no such mail. It may have been forgotten by a reset.", 404)
        return RedirectResponse("/", 303)

    async def delete_found(self, request: Request) -> Response:
        """Forget all mails, or those that the search `q` finds; counts and calls stay."""
        for mail in self._search(request.query_params.get("q", "").strip()):
            self._world.store.remove(mail.message_id)
        return RedirectResponse("/", 303)

    async def read_found(self, request: Request) -> Response:
        """Count all mails as read, or those that the search `q` finds."""
        for mail in self._search(request.query_params.get("q", "").strip()):
            mail.read = True
        return RedirectResponse("/", 303)

    async def file(self, request: Request) -> Response:
        """An attachment. Only PDF and images are shown; anything else is a download."""
        found = self._world.store.mail(request.path_params["message_id"])
        position = request.path_params["position"]
        if found is None or position >= len(found[0].attachments):
            return PlainTextResponse("There is no such attachment.", 404)
        return attachment_response(found[0].attachments[position])

    def _search(self, words: str) -> list[ReceivedMail]:
        if words and (exact := self._world.store.by_custom_id(words)):
            return exact[::-1]
        return list(filter(search_of(words), self._world.store.mails()[::-1]))

    def _page(self, name: str, **values: Any) -> Response:
        body = self._pages.get_template(name).render(**values)
        return HTMLResponse(body, headers={"Content-Security-Policy": _PAGE_POLICY})
