"""What a fault does to a call, on the wire."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from mailworker.simulator.api_answers import ApiAnswer, front, modern_error, unauthorized
from mailworker.simulator.asgi_wire import Wire
from mailworker.simulator.fault_rules import Fault, Rule

#: Seconds between two pieces of a dripped answer, where a rule names no time for the whole.
_DRIP_SECONDS = 5.0
_DRIP_PIECES = 20


def internal_error() -> ApiAnswer:
    """Mailjet's own 500: JSON with nothing but an identifier and a sentence."""
    return modern_error(500, "Internal server error.")


#: By a call's path, the answer of a fault that keeps the call from being handled.
_REFUSALS: Mapping[Fault, Callable[[str], ApiAnswer]] = {
    Fault.ERROR_500_BEFORE: lambda _: internal_error(),
    Fault.ERROR_502_HTML: lambda _: front(502, "Bad Gateway"),
    Fault.THROTTLE_429: lambda _: front(429, "Too Many Requests"),
    Fault.TOO_LARGE_413: lambda _: front(413, "Request Entity Too Large"),
    Fault.UNAUTHORIZED_401: unauthorized,
    Fault.SUSPENDED_401: lambda _: modern_error(401, "Your account is suspended.", "mj-0001"),
}


async def strike_before(rule: Rule, wire: Wire, path: str, closing: asyncio.Event) -> int:
    """Act out a fault that keeps the call from being handled; gives the status sent, 0 for none."""
    give = _REFUSALS.get(rule.given.fault)
    if rule.given.fault is Fault.HANG_BEFORE:
        await wire.wait(rule.given.seconds, closing)
    if give is None:
        await wire.drop()
        return 0
    answer = give(path)
    await wire.answer(answer)
    return answer.status


async def strike_after(rule: Rule, answer: ApiAnswer, wire: Wire, closing: asyncio.Event) -> int:
    """Act out a fault upon the answer of a call that was handled; gives the status sent, 0 for none."""
    match rule.given.fault:
        case Fault.RESET_AFTER:
            return await _cut(answer, wire)
        case Fault.SLOW_DRIP:
            return await _drip(answer, wire, rule.given.seconds or _DRIP_SECONDS, closing)
        case Fault.ACCEPT_THEN_HANG | Fault.SLOW:
            await wire.wait(_silence(rule), closing)
    if wire.disconnected or closing.is_set():
        await wire.drop()
        return 0
    spoilt = spoil(rule.given.fault, answer)
    await wire.answer(spoilt)
    return spoilt.status


def spoil(fault: Fault, answer: ApiAnswer) -> ApiAnswer:
    """The answer as a fault after storing leaves it."""
    match fault:
        case Fault.ERROR_500_AFTER:
            return internal_error()
        case Fault.BAD_CONTENT_TYPE:
            return replace(answer, content_type="text/plain")
        case Fault.TRUNCATED_JSON:
            return replace(answer, body=answer.body[: len(answer.body) // 2])
        case _:
            return answer


def _silence(rule: Rule) -> float | None:
    """Seconds without a word: for ever where a hang names none, one where slowness names none."""
    if rule.given.seconds is None:
        return None if rule.given.fault is Fault.ACCEPT_THEN_HANG else 1.0
    return rule.given.seconds


async def _cut(answer: ApiAnswer, wire: Wire) -> int:
    await wire.start(answer)
    await wire.write(answer.body[: len(answer.body) // 2], more=True)
    await wire.drop()
    return 0


async def _drip(answer: ApiAnswer, wire: Wire, seconds: float, closing: asyncio.Event) -> int:
    await wire.start(answer)
    size = max(1, -(-len(answer.body) // _DRIP_PIECES))
    for start in range(0, len(answer.body), size):
        await wire.wait(seconds / _DRIP_PIECES, closing)
        await wire.write(answer.body[start : start + size], more=True)
    await wire.write(b"")
    return answer.status
