"""Reads requests and writes answers at ASGI's level, where an answer can also be cut, dripped, withheld."""

import asyncio
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

from mailworker.simulator.api_answers import ApiAnswer

#: Bytes that are read of a body that is too large, so that the client sees its 413 and not a reset.
MOST_DRAINED = 200_000_000


@dataclass(slots=True)
class Wire:
    """One request's way in and out."""

    scope: Scope
    receive: Receive
    send: Send
    disconnected: bool = False
    _half: bytes = b""
    _more: bool = True

    async def read_body(self, most: int) -> bytes | None:
        """The body, or None where it is over `most` bytes (0 allows all)."""
        chunks = [self._half]
        size = len(self._half)
        while self._more and size <= MOST_DRAINED:
            chunk = await self._chunk()
            size += len(chunk)
            if not most or size <= most:
                chunks.append(chunk)
        return None if most and size > most else b"".join(chunks)

    async def read_half(self, declared: int) -> bytes:
        """About the first half of a body of `declared` bytes; `read_body` still gives the whole."""
        while self._more and len(self._half) * 2 < declared:
            self._half += await self._chunk()
        return self._half

    async def _chunk(self) -> bytes:
        message = await self.receive()
        if message["type"] == "http.disconnect":
            self.disconnected = True
            self._more = False
            return b""
        self._more = message.get("more_body", False)
        return bytes(message.get("body", b""))

    async def start(self, answer: ApiAnswer) -> None:
        """Send status and headers: the length of the whole body, whether or not it will come."""
        size = str(len(answer.body))
        headers = {"Content-Type": answer.content_type, "Content-Length": size, **answer.headers}
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": answer.status, "headers": raw})

    async def write(self, body: bytes, *, more: bool = False) -> None:
        """Send a piece of the body."""
        await self.send({"type": "http.response.body", "body": body, "more_body": more})

    async def answer(self, answer: ApiAnswer) -> None:
        """Send the whole answer."""
        await self.start(answer)
        await self.write(answer.body)

    async def drop(self) -> None:
        """Cut the connection, where the server can (the one of `serve` and `running` can)."""
        drop = self.scope.get("state", {}).get("drop")
        if drop is not None:
            drop()
            await self._until_disconnect()

    async def wait(self, seconds: float | None, closing: asyncio.Event) -> None:
        """Say nothing for a time, or for ever; ends early when the client goes or the server stops."""
        waiting = {asyncio.create_task(closing.wait()), asyncio.create_task(self._until_disconnect())}
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

    async def _until_disconnect(self) -> None:
        while not self.disconnected:
            await self._chunk()
