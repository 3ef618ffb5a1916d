"""Who may see the operators' pages, and who may act there: one shared login, logins of their own, or both.

A browser sends its password with each request, and scrypt is slow on purpose: who was let in is remembered
by a keyed digest of what was sent, for as long as this process lives.
"""

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

from starlette.requests import Request

from mailworker.config.web import WebSettings
from mailworker.core.masked_secret import Secret
from mailworker.core.password_hash import hash_of_nobody
from mailworker.web.basic_auth import BasicAuth, sent_login

#: Logins that are remembered, and how many may wait for their password to be tried.
_REMEMBERED, _WAITING = 100, 8


@dataclass(frozen=True, slots=True)
class OperatorLogin:
    """Somebody who was let in."""

    name: str
    may_act: bool


class OperatorLogins:
    """The operators of one configuration; where there is none, nobody is let in."""

    def __init__(self, web: WebSettings) -> None:
        self._shared = BasicAuth(web.operator_user, web.operator_password)
        self._shared_login = OperatorLogin(web.operator_user or "", web.actions)
        self._own = {
            name: (OperatorLogin(name, web.actions and one.may_act), one.hash())
            for name, one in web.logins.items()
        }
        self._nobody = hash_of_nobody()
        self._known: OrderedDict[bytes, OperatorLogin] = OrderedDict()
        self._key = secrets.token_bytes(32)
        self._one_at_a_time, self._places = threading.Lock(), threading.BoundedSemaphore(_WAITING)
        hashes = "".join(str(known) for _, known in self._own.values())
        #: What the pages' forms are signed with, the same in each web process.
        self.signing = (web.operator_user, web.operator_password)
        if hashes:
            shared = web.operator_password.reveal() if web.operator_password else ""
            self.signing = ("logins", Secret(hashes + shared))

    @property
    def configured(self) -> bool:
        """Whether anybody can be let in."""
        return self._shared.configured or bool(self._own)

    def admits(self, request: Request) -> bool:
        """Whether the request carries an operator's login."""
        return self.who(request) is not None

    def who(self, request: Request) -> OperatorLogin | None:
        """Whose login the request carries. May take some tens of milliseconds the first time."""
        if self._shared.admits(request):
            return self._shared_login
        sent = sent_login(request) if self._own else None
        if sent is None:
            return None
        digest = hmac.digest(self._key, sent, hashlib.sha256)
        return self._known.get(digest) or self._checked(sent, digest)

    def _checked(self, sent: bytes, digest: bytes) -> OperatorLogin | None:
        """Try the password, and take as long for a name that nobody has; one at a time, for it needs memory.

        Where many wait already nobody is let in: the threads that they wait in serve other requests, too.
        """
        name, _, password = sent.decode("utf-8", "replace").partition(":")
        login, known = self._own.get(name, (None, self._nobody))
        if not self._places.acquire(blocking=False):
            return None
        try:
            with self._one_at_a_time:
                if not known.matches(password) or login is None:
                    return None
                self._known[digest] = login
                if len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
        finally:
            self._places.release()
        return login
