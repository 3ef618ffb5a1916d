"""The gateway to Mailjet: every call of this product goes through here, once."""

import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mailworker.core.message import Mail
from mailworker.core.settlement import Receipt
from mailworker.errors import (
    ConfigError,
    MailworkerError,
    Misconfigured,
    TransientError,
    UnknownOutcome,
)
from mailworker.mailjet.credentials import MailjetAccess
from mailworker.mailjet.http_response import HttpAnswer, read_rest_answer
from mailworker.mailjet.rest_api import Method, RestCall
from mailworker.mailjet.send_payload import batch_body, encoded_size
from mailworker.mailjet.send_response import read_send_answer

if TYPE_CHECKING:
    import requests

    from mailworker.mailjet.session import MailjetSession

#: The code of what is wrong on this side, before Mailjet was asked.
OURS = "crm_config"


class Gateway:
    """Calls Mailjet through mailjet-rest, without its retries, redirects, proxies and guessed keys.

    What calls need is loaded with the first one, unless `open` comes before: many a command has a gateway,
    and calls nobody.

    No method waits for the rate limit: take a token before each call. Safe to create before a fork.
    Every call raises Misconfigured for an `api_url` that is neither Mailjet's nor on this machine's
    loopback, for empty keys, and for a `ca_bundle` that is none; a mended file is taken up by itself.
    """

    def __init__(self, access: MailjetAccess) -> None:
        self._access = access
        self._session: MailjetSession | None = None

    def open(self) -> None:
        """Load and open now what calls need, so that none waits for it once it was announced.

        What is wrong with it is raised by each call itself.
        """
        with suppress(Misconfigured):
            self._clients()

    def send(
        self, mails: Sequence[Mail], *, call_id: str, sandbox: bool = False
    ) -> list[Receipt | MailworkerError]:
        """Send up to 50 mails in ONE call; one fate for each, in order.

        A fate is a Receipt, or the error that befell this message. What befell the whole call is
        raised: Unreachable (surely not sent), Throttled, TooLarge, Refused, Misconfigured, or
        UnknownOutcome (it may have been sent). `call_id` travels as the Idempotency-Key. In the
        `sandbox` Mailjet checks everything, sends nothing, and gives receipts with the id 0.
        """
        body = batch_body(mails, sandbox=sandbox)
        client = self._clients().send
        answer = self._exchange(lambda: client.send.create(data=body, **_once(call_id)))
        return read_send_answer(answer, mails)

    @staticmethod
    def weigh(mail: Mail) -> int:
        """How many bytes this mail takes in a call's body. Raises BadInput where JSON cannot write it."""
        return encoded_size(mail)

    def rest(self, call: RestCall) -> Any:
        """Make ONE call of the v3 REST API; the answer's JSON, None where it has none.

        Raises as `send` does, and Refused(code="404") for what is not there. A question (GET) whose
        answer never came is a TransientError, because asking again harms nobody.
        """
        client = self._clients().rest
        endpoint = getattr(client, call.endpoint)
        return self._read(
            call.method,
            lambda: endpoint(
                method=call.method,
                id=call.id,
                action_id=call.action_id,
                filters=dict(call.filters) if call.filters else None,
                data=call.data,
                **_once(str(uuid.uuid4())),
            ),
        )

    def raw(self, method: Method, path: str) -> Any:
        """Make ONE call of a path that mailjet-rest has no route for, through the same session."""
        client = self._clients().rest
        url = f"{self._access.api_url.rstrip('/')}/{path}"
        return self._read(method, lambda: client.api_call(method, url, **_once(str(uuid.uuid4()))))

    @property
    def api_key(self) -> str:
        """The public half of the credentials."""
        return self._access.api_key.reveal()

    def close(self) -> None:
        """Close this process's connections."""
        if self._session is not None:
            self._session.send.close()

    def _clients(self) -> "MailjetSession":
        """This process's session. While the authorities are being written anew, what worked goes on."""
        from mailworker.mailjet.session import open_session, surroundings  # noqa: PLC0415 - see the class

        known, now = self._session, surroundings(self._access)
        if known is not None and known.opened_for == now:
            return known
        try:
            self._session = open_session(self._access)
        except ConfigError as fault:
            if known is None or known.opened_for[0] != now[0]:
                raise Misconfigured(str(fault), code=OURS) from None
            return known
        return self._session

    def _read(self, method: Method, request: "Callable[[], requests.Response]") -> Any:
        if method != "GET":
            return read_rest_answer(self._exchange(request))
        try:
            return read_rest_answer(self._exchange(request))
        except UnknownOutcome as error:
            words = str(error)
        raise TransientError(words)

    def _exchange(self, request: "Callable[[], requests.Response]") -> HttpAnswer:
        from mailworker.mailjet.retry_unconnected import exchange  # noqa: PLC0415 - see the class

        return exchange(request)


def _once(call_id: str) -> dict[str, Any]:
    """What each call carries: our own key, since mailjet-rest's makes two equal mails one."""
    return {"headers": {"Idempotency-Key": call_id}, "allow_redirects": False}
