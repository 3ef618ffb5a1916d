"""Which function answers which API path."""

import re
from collections.abc import Callable

from mailworker.simulator.answers import Answer, front, legacy_error
from mailworker.simulator.call import ApiCall
from mailworker.simulator.send import send
from mailworker.simulator.world import World

Handler = Callable[[ApiCall, World], Answer]

#: Method, pattern of the path, and who answers. Names in the pattern become `call.ids`.
ROUTES: tuple[tuple[str, re.Pattern[str], Handler], ...] = tuple(
    (method, re.compile(pattern), handler) for method, pattern, handler in (("POST", r"/v3\.1/send", send),)
)


def handle(call: ApiCall, world: World) -> Answer:
    """The API's answer to a call that passed the front servers."""
    allowed = False
    for method, pattern, handler in ROUTES:
        found = pattern.fullmatch(call.path)
        if found and method == call.method:
            call.ids = found.groupdict()
            return handler(call, world)
        allowed = allowed or bool(found)
    return _no_such_method(call) if allowed else _no_such_path(call)


def _no_such_method(call: ApiCall) -> Answer:
    resource = call.path.split("/")[3] if call.path.count("/") > 2 else call.path
    return legacy_error(405, f'Method not allowed: {call.method} on "{resource}"')


def _no_such_path(call: ApiCall) -> Answer:
    """Recorded: REST names its module, everything else is the web server's 404."""
    if not call.path.startswith("/v3/"):
        return front(404, "Not Found")
    message = f'Could not determine HTTP module for request "{call.method} {call.path}"'
    return legacy_error(500, message, "EFPWebError")
