"""A message's mail as its reader sees it, for who answers a customer on the phone."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from mailworker.config.settings import Settings
from mailworker.container import Container
from mailworker.dispatch.outgoing_mail import wording_of
from mailworker.errors import BadInput
from mailworker.ledger.message_search import story
from mailworker.templates.choose_template import template_library
from mailworker.templates.language.render import TemplateContact, TemplateError, render
from mailworker.web.operators_page.pages import OperatorsPage
from mailworker.web.operators_page.views import MASKED

Row = Mapping[str, Any]

#: A mail runs nothing and posts nothing; its own styles count, and its logo is loaded.
_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; base-uri 'none'; "
    "frame-ancestors 'none'"
)


class MailView:
    """Answers `/messages/{id}/mail`, and `?part=text`, behind the operators' password."""

    def __init__(self, container: Container, page: OperatorsPage) -> None:
        self._container = container
        self._page = page

    def show(self, request: Request) -> Response:
        """The mail alone."""
        return self._page.guarded(request, lambda: self._show(request))

    def _show(self, request: Request) -> Response:
        id_ = request.path_params["id"]
        with self._container.ledger.read() as connection:
            found = story(connection, id_) if id_.isprintable() else None
        if found is None:
            return self._page.show(request, "error.html", 404, why="There is no message with this id.")
        row, settings = found.message, self._container.settings
        secrets = self._page.format.secrets(row["kind"], row["variables"] or {})
        html, text = read_mail(row, settings, secrets)
        if request.query_params.get("part") == "text":
            return PlainTextResponse(text)
        return HTMLResponse(html, headers={"Content-Security-Policy": _POLICY})


def read_mail(row: Row, settings: Settings, secrets: frozenset[str]) -> tuple[str, str]:
    """HTML and text, by the templates of this configuration; what is secret or wiped is masked.

    Raises BadInput where there is no such template any more.
    """
    kind = settings.kinds.get(row["kind"])
    if kind is None or row["kind"] not in settings.mailjet.blocks:
        raise BadInput(f"{row['kind']} is not in the configuration any more.")
    known = row["variables"] or {}
    values = dict.fromkeys({*(kind.required - known.keys()), *secrets}, MASKED)
    language, _, _, variables = wording_of({**row, "variables": known | values}, settings)
    template = template_library(settings).template(row["kind"], language or settings.worker.language)
    reader = TemplateContact(row["to_email"] or "", row["to_name"] or "", 1)
    try:
        html, text = (render(part, variables, contact=reader) for part in (template.html, template.text))
    except TemplateError as fault:
        raise BadInput(f"{row['kind']}: its template cannot be rendered: {fault}") from None
    return html, text
