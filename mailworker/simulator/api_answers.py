"""The shapes in which Mailjet answers, and in which its front servers do."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

JSON_UTF8 = "application/json; charset=UTF-8"
JSON_PLAIN = "application/json"
HTML = "text/html"


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """One HTTP answer, before it is on the wire. `accepted` counts the mails that were stored by the call."""

    status: int
    body: bytes = b""
    content_type: str = JSON_PLAIN
    headers: Mapping[str, str] = field(default_factory=dict)
    accepted: int = 0


class ApiRefusal(Exception):
    """Ends the handling of a call: this is its answer."""

    def __init__(self, answer: ApiAnswer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def modern(status: int, document: Any, *, accepted: int = 0) -> ApiAnswer:
    """An answer of Mailjet's newer servers (send, detailcontent, v4) with the id its support asks for."""
    text = "" if document is None else json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return ApiAnswer(status, text.encode(), JSON_UTF8, {"X-Mj-Request-Guid": str(uuid4())}, accepted)


def modern_error(status: int, message: str, code: str = "", related: Sequence[str] = ()) -> ApiAnswer:
    """An error of the newer servers; without a code where Mailjet gives none (recorded: 401 on send)."""
    document: dict[str, Any] = {"ErrorIdentifier": str(uuid4())}
    if code:
        document["ErrorCode"] = code
    document |= {"StatusCode": status, "ErrorMessage": message}
    if related:
        document["ErrorRelatedTo"] = list(related)
    return modern(status, document)


def legacy(status: int, document: Any) -> ApiAnswer:
    """An answer of Mailjet's older REST servers."""
    return ApiAnswer(status, json.dumps(document, ensure_ascii=False).encode())


def legacy_error(status: int, message: str, info: Any = "") -> ApiAnswer:
    """An error of the older REST servers."""
    return legacy(status, {"ErrorInfo": info, "ErrorMessage": message, "StatusCode": status})


def rows(data: Sequence[Any], *, status: int = 200, count: int | None = None) -> ApiAnswer:
    """A list of resources. `Total` counts this page only, as Mailjet's does; `count` is for `countOnly`."""
    number = len(data) if count is None else count
    return legacy(status, {"Count": number, "Data": list(data), "Total": number})


def front(status: int, reason: str) -> ApiAnswer:
    """The answers of the servers in front of the API: HTML, never JSON."""
    body = f"<html><body><h1>{status} {reason}</h1></body></html>"
    return ApiAnswer(status, body.encode(), HTML)


def not_found() -> ApiAnswer:
    """Recorded answer of REST for an id that does not exist."""
    return legacy_error(404, "Object not found")


SEND_UNAUTHORIZED = (
    "API key authentication/authorization failure. You may be unauthorized to access the API or your API key "
    "may be expired. Visit API keys management section to check your keys."
)


def unauthorized(path: str) -> ApiAnswer:
    """Bad credentials: JSON on send, an empty page elsewhere (both recorded)."""
    if path.startswith("/v3.1/"):
        return modern_error(401, SEND_UNAUTHORIZED)
    realm = 'Basic realm="Provide an apiKey and secretKey"'
    return ApiAnswer(401, b"", HTML, {"WWW-Authenticate": realm})
