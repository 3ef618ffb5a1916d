"""Where Mailjet posts events, and CGRateS accounts. It answers once Redis has them, and does nothing else.

Mailjet takes any answer but 200 for a failure and posts the same again every 30 seconds (Event API guide).
CGRateS waits two seconds, tries three times and then lays the post aside for good (general.poster_attempts).
So everything that could take long, or be wrong with a post, is left to the worker that reads the stream.
"""

import asyncio
import zlib
from collections.abc import Callable
from typing import Any

from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from mailworker.core.clock import utc_now
from mailworker.observability.logs import get_log
from mailworker.queue.celery_queues import EVENTS, Channel
from mailworker.queue.celery_sender import celery_sender
from mailworker.queue.envelope import seal_post
from mailworker.queue.redis_connection import connect_async
from mailworker.queue.wake import raise_flag, send_wake_up
from mailworker.web.basic_auth import BasicAuth, please_log_in

#: One call brings the events of a second, each below a kilobyte: of a full pipe, some hundreds.
MAX_BODY = 4 * 1024 * 1024
#: Redis's time to take them, in seconds; with a slower answer Mailjet may as well come again.
PATIENCE = 0.8
_TAKEN = 200
_log = get_log("mailworker.web")


class Webhook:
    """The endpoint of one stream of posts, with its own connections; `refused` gets refusals' statuses."""

    def __init__(
        self,
        redis_url: str,
        login: BasicAuth,
        channel: Channel = EVENTS,
        refused: Callable[[int], None] = lambda _status: None,
    ) -> None:
        self._login = login
        self._channel = channel
        self._refused = refused
        self._redis = connect_async(
            redis_url,
            protocol=2,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 0),
            max_connections=32,
            timeout=PATIENCE,
        )
        self._celery = celery_sender("mailworker-webhook", redis_url)

    async def post(self, request: Request) -> Response:
        """Take one call."""
        answer = await self._post(request)
        if answer.status_code != _TAKEN and request.headers.get("content-length") != "0":  # the doctor's
            self._refused(answer.status_code)
        return answer

    async def _post(self, request: Request) -> Response:
        if not self._login.admits(request):
            return please_log_in(self._channel.stream.replace(":", " "))
        body = await _body(request)
        if body is None:
            return PlainTextResponse("Too much at once.\n", 413)
        coding = request.headers.get("content-encoding", "identity").lower()
        if coding != "identity":
            body = _unpacked(body) if coding in ("gzip", "x-gzip") else None
            if body is None:
                return PlainTextResponse("Post it as it is, or gzip it.\n", 415)
        try:
            async with asyncio.timeout(PATIENCE):
                first = await self._keep(body)
        except (RedisError, TimeoutError, OSError) as fault:
            _log.error(
                "post refused, it will come again", stream=self._channel.stream, why=type(fault).__name__
            )
            return PlainTextResponse("Not now: post this again later.\n", 503)
        return PlainTextResponse("kept\n", background=BackgroundTask(self._wake) if first else None)

    async def close(self) -> None:
        """Give the connections back."""
        await self._redis.aclose()
        self._celery.close()

    async def _keep(self, body: bytes) -> bool:
        """Put the call onto the stream, and say whether no wake-up is on its way yet."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.xadd(self._channel.stream, seal_post(body, utc_now()))
            raise_flag(pipe, self._channel)
            answers: list[Any] = await pipe.execute()
        return bool(answers[1])

    def _wake(self) -> None:
        """Wake a worker. Where that fails the sweep finds the posts some seconds later."""
        if why := send_wake_up(self._celery, self._channel):
            _log.warning("no wake-up, the sweep finds the posts", stream=self._channel.stream, why=why)


def _unpacked(body: bytes) -> bytes | None:
    """A gzipped body; None where it is none, or too large."""
    reader = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        plain = reader.decompress(body, MAX_BODY)
    except zlib.error:
        return None
    return plain if reader.eof else None


async def _body(request: Request) -> bytes | None:
    """The body, or None where it is too large; read no further than that."""
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > MAX_BODY:
                return None
            parts.append(part)
    except ClientDisconnect:
        return None
    return b"".join(parts)
