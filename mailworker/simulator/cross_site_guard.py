"""Keeps other sites' pages away from the local Mailjet: it holds mail, and its controls need no password.

A browser names the host that it was sent to and the site that asks. A name that is not this machine's
is DNS rebinding; a foreign site is somebody else's page.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from mailworker.simulator.settings import is_loopback

_REFUSED = "The local Mailjet answers this machine alone, by localhost or a loopback address.\n"


class ThisMachineOnly:
    """Refuses what names another host, or comes from another site's page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and not _is_ours(Headers(scope=scope)):
            await PlainTextResponse(_REFUSED, 403)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _is_ours(headers: Headers) -> bool:
    host, origin = headers.get("host", ""), headers.get("origin")
    if not _is_this_machine(f"//{host}"):
        return False
    return origin is None or urlsplit(origin).netloc == host


def _is_this_machine(url: str) -> bool:
    try:
        name = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return name.endswith(".localhost") or is_loopback(name)
