"""A message's mail as its reader sees it, and its files, for who answers a customer on the phone."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from mailworker.config.settings import Settings
from mailworker.container import Container
from mailworker.dispatch.outgoing_mail import attachment_of, wording_of
from mailworker.errors import BadInput, FileMissing, PermanentError
from mailworker.ledger.message_search import story
from mailworker.templates.language.render import TemplateContact, TemplateError, render
from mailworker.templates.template_library import template_library
from mailworker.web.operators_page.message_details import MASKED, files_of
from mailworker.web.operators_page.pages import OperatorsPage

Row = Mapping[str, Any]

#: A mail runs nothing and posts nothing; its own styles count, its logo is loaded, its files can be saved.
_POLICY = (
    "sandbox allow-downloads; default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; "
    "base-uri 'none'; frame-ancestors 'none'"
)


_BODY = re.compile(r"<body[^>]*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ReadMail:
    """A mail as it is read: who it comes from, its subject, and both parts."""

    sender: str
    subject: str
    html: str
    text: str


class MailView:
    """Answers `/messages/{id}/mail`, `?part=text`, and its files, behind the operators' password."""

    def __init__(self, container: Container, page: OperatorsPage) -> None:
        self._container = container
        self._page = page

    def show(self, request: Request) -> Response:
        """The mail, below who sends it to whom."""
        return self._page.guarded(request, lambda: self._show(request))

    def file(self, request: Request) -> Response:
        """One of its attachments, to be saved."""
        return self._page.guarded(request, lambda: self._file(request))

    def _row(self, request: Request) -> Row | None:
        id_ = request.path_params["id"]
        with self._container.ledger.read() as connection:
            found = story(connection, id_) if id_.isprintable() else None
        return found.message if found else None

    def _show(self, request: Request) -> Response:
        row = self._row(request)
        if row is None:
            return self._page.show(request, "error.html", 404, why="There is no message with this id.")
        mail = read_mail(row, self._container.settings)
        if request.query_params.get("part") == "text":
            return PlainTextResponse(mail.text)
        to = f"{row['to_name'] or ''} <{row['to_email']}>" if row["to_email"] else "(from the CRM)"
        head = self._page.fragment(
            request, "mail_head.html", mail=mail, to=to.strip(), id=row["id"], files=files_of(row)
        )
        html = _BODY.sub(lambda body: body[0] + head, mail.html, count=1)
        return HTMLResponse(html, headers={"Content-Security-Policy": _POLICY})

    def _file(self, request: Request) -> Response:
        row, number = self._row(request), request.path_params["number"]
        kept = (row["attachments"] or ()) if row else ()
        if number >= len(kept):
            return self._page.show(request, "error.html", 404, why="There is no such file.")
        try:
            file = attachment_of(kept[number], self._container.store)
        except (FileMissing, PermanentError) as fault:
            return self._page.show(request, "error.html", 404, why=str(fault))
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.filename)}"}
        return Response(base64.b64decode(file.base64), media_type=file.content_type, headers=headers)


def read_mail(row: Row, settings: Settings) -> ReadMail:
    """The mail by the templates of this configuration; what is secret or wiped is masked.

    Raises BadInput where there is no such template any more.
    """
    kind, block = settings.kinds.get(row["kind"]), settings.mailjet.blocks.get(row["kind"])
    if kind is None or block is None:
        raise BadInput(f"{row['kind']} is not in the configuration any more.")
    known = row["variables"] or {}
    values = dict.fromkeys({*(kind.required - known.keys()), *kind.secrets}, MASKED)
    language, _, subject, variables = wording_of({**row, "variables": known | values}, settings)
    template = template_library(settings).template(row["kind"], language or settings.worker.language)
    reader = TemplateContact(row["to_email"] or "", row["to_name"] or "", 1)
    parts = (subject, template.html, template.text)
    try:
        subject, html, text = (render(part, variables, contact=reader) for part in parts)
    except TemplateError as fault:
        raise BadInput(f"{row['kind']}: its template cannot be rendered: {fault}") from None
    return ReadMail(f"{block.sender_name(language)} <{block.from_email}>".strip(), subject, html, text)
