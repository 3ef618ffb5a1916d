"""The way of one API call: counted, let in or turned away, handled, answered, noted."""

import asyncio
import re
from base64 import b64decode
from binascii import Error as BinasciiError
from hmac import compare_digest
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from mailworker.core.clock import utc_now
from mailworker.simulator.api_answers import ApiAnswer, front, unauthorized
from mailworker.simulator.api_request import ApiRequest
from mailworker.simulator.asgi_wire import Wire
from mailworker.simulator.call_log_file import RecordedCalls
from mailworker.simulator.fault_effects import strike_after, strike_before
from mailworker.simulator.fault_rules import AFTER_STORING, BEFORE_STORING, Fault
from mailworker.simulator.received_mail import ReceivedCall
from mailworker.simulator.routes import handle
from mailworker.simulator.settings import SimulatorSettings
from mailworker.simulator.state import SimulatorState

_ID = re.compile(r"/(?:\d+|[^/]*[@=][^/]*)(?=/|$)")


class ApiEdge:
    """The ASGI application of everything that is Mailjet's."""

    def __init__(self, world: SimulatorState) -> None:
        self._world = world
        self._record = RecordedCalls(world.settings.record)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call, and note it whatever happens."""
        arrived = utc_now()
        endpoint = f"{scope['method']} {_ID.sub('/{id}', scope['path'])}"
        allowed = self._world.meter.arrive(endpoint, arrived.timestamp())
        call = ApiRequest(
            scope["method"], scope["path"], dict(parse_qsl(scope["query_string"].decode())), b"", arrived
        )
        call.raw_path = scope.get("raw_path", b"").decode("latin-1")
        status = accepted = 0
        try:
            status, accepted = await self._serve(call, Wire(scope, receive, send), allowed=allowed)
        finally:
            self._world.store.note_call(ReceivedCall(arrived, endpoint, status, accepted))

    async def _serve(self, call: ApiRequest, wire: Wire, *, allowed: bool) -> tuple[int, int]:
        if await self._cut_mid_body(call, wire):
            return 0, 0
        body = await wire.read_body(self._world.settings.max_body_bytes)
        if wire.disconnected:
            return 0, 0
        answer = self._turned_away(call.path, wire, too_large=body is None, allowed=allowed)
        if answer is not None:
            self._record.note(call, answer)
            await wire.answer(answer)
            return answer.status, 0
        call.body = body or b""
        return await self._handle(call, wire)

    async def _handle(self, call: ApiRequest, wire: Wire) -> tuple[int, int]:
        world = self._world
        before = world.faults.for_call(BEFORE_STORING, call)
        if before is not None:
            return await strike_before(before, wire, call.path, world.closing), 0
        after = world.faults.for_call(AFTER_STORING, call)
        answer = handle(call, world)
        self._record.note(call, answer)
        if world.settings.latency:
            await asyncio.sleep(world.settings.latency)
        if after is not None:
            return await strike_after(after, answer, wire, world.closing), answer.accepted
        await wire.answer(answer)
        return answer.status, answer.accepted

    async def _cut_mid_body(self, call: ApiRequest, wire: Wire) -> bool:
        """Whether the fault struck. Its rule's names are looked for in the half body that it lets in."""
        rule = self._world.faults.for_path(Fault.RESET_MID_BODY, call.path)
        if rule is None:
            return False
        half = await wire.read_half(int(_header(wire.scope, b"content-length") or 0))
        match = rule.given.match
        names = (match.custom_id_prefix.encode(), match.recipient_contains.encode())
        if not all(name in half for name in names) or not rule.strikes():
            return False
        await wire.drop()
        return True

    def _turned_away(self, path: str, wire: Wire, *, too_large: bool, allowed: bool) -> ApiAnswer | None:
        if too_large:
            return front(413, "Request Entity Too Large")
        if not allowed:
            return front(429, "Too Many Requests")
        if not is_authorized(_header(wire.scope, b"authorization"), self._world.settings):
            return unauthorized(path)
        return None


def is_authorized(header: str, settings: SimulatorSettings) -> bool:
    """Whether the Basic credentials are the account's key and secret."""
    scheme, _, encoded = header.partition(" ")
    try:
        given = b64decode(encoded, validate=True)
    except (BinasciiError, ValueError):
        return False
    wanted = f"{settings.api_key}:{settings.api_secret.reveal()}".encode()
    return scheme.lower() == "basic" and compare_digest(given, wanted)


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")
