"""HTTP Basic authentication, compared in constant time."""

import base64
import hmac

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from mailworker.core.masked_secret import Secret


class BasicAuth:
    """One user and password; where they are not configured nobody is let in."""

    def __init__(self, user: str | None, password: Secret | None) -> None:
        self._expected = f"{user}:{password.reveal()}".encode() if user and password else None

    @property
    def configured(self) -> bool:
        """Whether anybody can be let in."""
        return self._expected is not None

    def admits(self, request: Request) -> bool:
        """Whether the request carries this user and password."""
        given = sent_login(request)
        return self._expected is not None and given is not None and hmac.compare_digest(given, self._expected)


def sent_login(request: Request) -> bytes | None:
    """What the request carries as `user:password`; None where it carries nothing that can be read."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(encoded.strip(), validate=True)
    except ValueError:
        return None


def please_log_in(realm: str) -> Response:
    """401, so that a browser asks for the password."""
    challenge = {"WWW-Authenticate": f'Basic realm="{realm}", charset="UTF-8"'}
    return PlainTextResponse("Who are you?\n", 401, challenge)
