"""Connections that do not wait for ever: for a request's head and its body there is a time."""

import asyncio
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

#: Seconds from the connection, or from the last answer, to the end of a request's head.
HEAD_SECONDS = 10.0
#: Seconds for a whole body: 4 MB at the speed of a slow line.
BODY_SECONDS = 30.0


class PatientConnection(H11Protocol):
    """Closes where no whole head of a request comes in time; half-open ones would pile up."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Go on; a request that began with this needs no timer."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """Begin to wait for the next head."""
        super().on_response_complete()
        if not self.transport.is_closing() and (self.cycle is None or self.cycle.response_complete):
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing to wait for any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        self._stop_waiting()
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


class _BodyTooLate(Exception):
    """The client takes too long over its request's body."""


class BodyTimeout:
    """Answers 408 where a request's body does not come in time."""

    def __init__(self, app: ASGIApp, seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        deadline = asyncio.get_running_loop().time() + self._seconds
        done = False

        async def receive_in_time() -> Message:
            nonlocal done
            if done:  # what comes now is only the client's leaving
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise _BodyTooLate from None
            done = not message.get("more_body", False)
            return message

        try:
            await self._app(scope, receive_in_time, send)
        except _BodyTooLate:
            refusal = PlainTextResponse("The body did not come in time.\n", 408, {"Connection": "close"})
            await refusal(scope, receive, send)
