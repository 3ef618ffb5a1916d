"""How a call to OmniCRM's REST API authenticates: an API key, or a token from a login.

OmniCRM's API manual: POST /crm/auth/login takes {"email", "password"} and answers with `token`, a JWT sent as
`Authorization: Bearer`, and `refresh_token`; API keys are for machines.
"""

import base64
import json
import re
from collections.abc import Callable
from typing import Any, Protocol

import requests
from requests import PreparedRequest
from requests.auth import AuthBase

from mailworker.config.crm import HttpSettings
from mailworker.core import clock
from mailworker.core.http_session import DirectSession
from mailworker.core.masked_secret import Secret
from mailworker.crm.http_responses import checked, json_of, timeouts, unreachable
from mailworker.errors import Misconfigured

#: A token that dies within so many seconds is renewed first, so that it lives through the call.
_MARGIN = 30
#: Words for a second factor, as field names or texts have them.
_SECOND_FACTOR = re.compile(r"2fa|two[-_ ]?factor|otp|mfa|backup code", re.IGNORECASE)


class CrmLogin(Protocol):
    """Who we are, for each call."""

    def auth(self) -> AuthBase:
        """What to put on a request now."""

    def renew(self) -> bool:
        """After a 401: get something newer; False where there is nothing else to try."""


class Headers(AuthBase):
    """One header with a secret in it. Being an AuthBase keeps `requests` from looking into ~/.netrc."""

    def __init__(self, name: str, value: Secret, scheme: str = "") -> None:
        self.name = name
        self.value = value
        self.scheme = scheme

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Put it on."""
        request.headers[self.name] = self.scheme + self.value.reveal()
        return request


class ApiKey:
    """A key for machines: nothing to renew."""

    def __init__(self, header: str, key: Secret) -> None:
        self._headers = Headers(header, key)

    def auth(self) -> AuthBase:
        """The key's header."""
        return self._headers

    def renew(self) -> bool:
        """A refused key stays refused."""
        return False


class TokenLogin:
    """A JWT, fetched at the first call, refreshed before it dies, and fetched anew when refused."""

    def __init__(self, settings: HttpSettings, seconds: Callable[[], float]) -> None:
        self.settings = settings
        self._seconds = seconds
        self._token = Secret("")
        self._refresh: Secret | None = None
        self._dies_at: float | None = None

    def auth(self) -> AuthBase:
        """A bearer token that lives long enough for one call."""
        dying = self._dies_at is not None and self._dies_at - self._seconds() < _MARGIN
        if not self._token or dying:
            self.renew()
        return Headers("Authorization", self._token, "Bearer ")

    def renew(self) -> bool:
        """Refresh, or log in. Raises Misconfigured where the login is refused."""
        if not (self._refresh and self.settings.refresh_path and self._refreshed(self._refresh)):
            self._log_in()
        return True

    def _refreshed(self, token: Secret) -> bool:
        self._refresh = None  # a refresh token is tried once; the login gives another
        answer = self._post(self.settings.refresh_path, {self.settings.refresh_field: token.reveal()})
        if not answer.ok:
            return False
        self._keep(json_of(answer, "the refresh"))
        return True

    def _log_in(self) -> None:
        password = self.settings.password.reveal() if self.settings.password else ""
        answer = self._post(self.settings.login_path, {"email": self.settings.email, "password": password})
        if answer.status_code in {400, 401, 403, 422}:
            raise Misconfigured(
                "OmniCRM refuses the login; check crm.http.email and crm.http.password.",
                code=str(answer.status_code),
            )
        self._keep(json_of(checked(answer, "the login"), "the login"))

    def _keep(self, answer: Any) -> None:
        token = answer.get(self.settings.token_field) if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token:
            if _asks_for_second_factor(answer):
                raise Misconfigured(
                    "OmniCRM asks for a second factor (2FA) for the user of crm.http.email: give us an "
                    "API key, or a user of its own without 2FA and with view rights only."
                )
            raise Misconfigured(
                f"OmniCRM's login answered without {self.settings.token_field}; set crm.http.token_field."
            )
        self._token = Secret(token)
        refresh = answer.get(self.settings.refresh_field)
        self._refresh = Secret(refresh) if isinstance(refresh, str) and refresh else self._refresh
        self._dies_at = expiry_of(token)

    def _post(self, path: str, body: dict[str, str]) -> requests.Response:
        url = self.settings.base_url.rstrip("/") + path
        try:
            with DirectSession() as session:
                return session.post(url, json=body, timeout=timeouts(self.settings))
        except requests.RequestException as fault:
            raise unreachable(fault) from None


def _asks_for_second_factor(answer: Any) -> bool:
    """Whether a login answered with its second step: the manual shows the step, not its JSON."""
    return _SECOND_FACTOR.search(json.dumps(answer)) is not None


def login_of(settings: HttpSettings) -> CrmLogin:
    """The way in that the configuration has."""
    if settings.api_key:
        return ApiKey(settings.api_key_header, settings.api_key)
    return TokenLogin(settings, lambda: clock.utc_now().timestamp())


def expiry_of(token: str) -> float | None:
    """When a JWT dies, in seconds since 1970 (`exp`, RFC 7519 section 4.1.4); None where it has none."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return float(claims["exp"])
    except (ValueError, OverflowError, KeyError, TypeError):
        return None
