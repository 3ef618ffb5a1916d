"""Slows down guessing of passwords: after some wrong ones each try waits, and few may wait at once."""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mailworker.observability.logs import get_log

#: Wrong passwords from one address within a minute before the brake is on.
FREE_TRIES = 10
#: How long each further request with a password waits, in seconds, and how many may wait at once.
DELAY = 1.0
WAITING = 4
_MINUTE = 60.0
#: Addresses that are remembered, so that no crowd of them fills the memory.
_REMEMBERED = 10_000
_LOG_EVERY = 60.0
_log = get_log("mailworker.web")


@dataclass(slots=True)
class _Guesser:
    """One address: its wrong passwords since when, and how many of its requests wait."""

    since: float
    wrong: int = 0
    waiting: int = 0


class LoginThrottle:
    """Middleware for every route. A right password always passes, if later; without one nothing is slowed.

    `report` gets the number of wrong passwords by route, at most once a second.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        report: Callable[[Counter[str]], None],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._app = app
        self._report = report
        self._clock = clock
        self._sleep = sleep
        self._guessers: OrderedDict[str, _Guesser] = OrderedDict()
        self._unreported: Counter[str] = Counter()
        self._reported_at = self._logged_at = -_MINUTE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, now, later, or not at all."""
        if scope["type"] != "http" or not any(name == b"authorization" for name, _ in scope["headers"]):
            await self._app(scope, receive, send)
            return
        guesser = self._guesser(_network(scope))
        if guesser.wrong >= FREE_TRIES and not await self._waited(guesser):
            refusal = PlainTextResponse(
                "Too many wrong passwords: try again later.\n", 429, {"Retry-After": "60"}
            )
            await refusal(scope, receive, send)
            return

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 401:
                guesser.wrong += 1
                await self._count(scope["path"])
            await send(message)

        await self._app(scope, receive, watched)

    async def _waited(self, guesser: _Guesser) -> bool:
        if guesser.waiting >= WAITING:
            return False
        guesser.waiting += 1
        try:
            await self._sleep(DELAY)
        finally:
            guesser.waiting -= 1
        return True

    def _guesser(self, network: str) -> _Guesser:
        now = self._clock()
        guesser = self._guessers.setdefault(network, _Guesser(now))
        if now - guesser.since > _MINUTE:
            guesser.since, guesser.wrong = now, 0
        self._guessers.move_to_end(network)
        if len(self._guessers) > _REMEMBERED:
            self._guessers.popitem(last=False)
        return guesser

    async def _count(self, path: str) -> None:
        now = self._clock()
        self._unreported[_route(path)] += 1
        if now - self._logged_at >= _LOG_EVERY:
            self._logged_at = now
            _log.warning("wrong password; more within the next minute are counted only", path=_route(path))
        if now - self._reported_at >= 1:
            self._reported_at, counted = now, self._unreported
            self._unreported = Counter()
            await asyncio.to_thread(self._report, counted)


def _route(path: str) -> str:
    """A label of our own for the route that was tried: paths come from outside."""
    return {"/mailjet/events": "webhook", "/ocs/cgrates": "ocs"}.get(path, "operators")


def _network(scope: Scope) -> str:
    """The client's address; of IPv6 the half that one customer of a provider gets."""
    host = (scope.get("client") or ("", 0))[0]
    try:
        address = ip_address(host)
    except ValueError:
        return str(host)
    return str(int(address) >> 64) if isinstance(address, IPv6Address) else str(address)
