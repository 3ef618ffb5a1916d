"""Is a form that comes in one of ours, sent by the person who was shown it?

A browser adds the operators' password to requests that any site makes. So a form counts only with a token
that belongs to a cookie of this browser, which other sites can neither read nor send, and only from an origin
that is this page's own.
"""

import hashlib
import hmac
import secrets
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from mailworker.core.masked_secret import Secret

COOKIE = "mailworker_session"
#: How long a shown form may be sent, in seconds: the cookie's lifetime.
SESSION_SECONDS = 8 * 3600
_BYTES = 32


class ForgeryGuard:
    """Makes and checks the tokens. Every web process with the same password knows them."""

    def __init__(self, user: str | None, password: Secret | None, public_url: str = "") -> None:
        self._public_host = urlsplit(public_url).netloc
        known = f"{user}:{password.reveal()}" if user and password else secrets.token_hex(_BYTES)
        self._key = hashlib.sha256(f"mailworker page actions:{known}".encode()).digest()

    def session(self, request: Request) -> str:
        """This browser's session: its cookie's, or a new one."""
        found = request.cookies.get(COOKIE, "")
        return found if len(found) == 2 * _BYTES and found.isalnum() else secrets.token_hex(_BYTES)

    def token(self, session: str) -> str:
        """The token that a form of this session carries."""
        return hmac.new(self._key, session.encode(), hashlib.sha256).hexdigest()

    def keep(self, answer: Response, session: str, *, secure: bool) -> None:
        """Have the browser keep the session where no other site and no script can read or send it."""
        answer.set_cookie(
            COOKIE, session, max_age=SESSION_SECONDS, httponly=True, samesite="strict", secure=secure
        )

    def fault(self, request: Request, token: str) -> str | None:
        """Why this form is not taken, or None."""
        session = request.cookies.get(COOKIE, "")
        if not session or not hmac.compare_digest(token, self.token(session)):
            return "This form is too old, or is none of this page: open the page again and repeat."
        if _origin(request) not in {request.headers.get("host"), self._public_host} - {None, ""}:
            return "This form did not come from this page's own address; nothing was done."
        return None


def _origin(request: Request) -> str:
    """The host and port that the form was sent from, as the browser says; empty where it does not."""
    try:
        return urlsplit(request.headers.get("origin", "")).netloc
    except ValueError:
        return ""
