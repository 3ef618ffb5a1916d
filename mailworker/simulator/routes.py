"""Which function answers which API path."""

import re
from collections.abc import Callable

from mailworker.simulator import query, rest
from mailworker.simulator.answers import Answer, front, legacy_error
from mailworker.simulator.call import ApiCall
from mailworker.simulator.send import send
from mailworker.simulator.world import World

Handler = Callable[[ApiCall, World], Answer]

_ID = r"(?P<id>\d+)"
_NAME = r"(?P<id>[^/]+)"

#: Method, pattern of the path after `/v3/REST/`, and who answers. Names in the pattern become `call.ids`.
_REST: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "message", query.messages),
    ("GET", f"message/{_ID}", query.message),
    ("GET", f"messagehistory/{_ID}", query.history),
    ("GET", f"messageinformation/{_ID}", query.information),
    ("GET", "template", rest.templates),
    ("POST", "template", rest.create_template),
    ("GET", f"template/{_ID}", rest.template),
    ("PUT", f"template/{_ID}", rest.change_template),
    ("DELETE", f"template/{_ID}", rest.delete_template),
    ("GET", f"template/{_ID}/detailcontent", rest.template_content),
    ("POST", f"template/{_ID}/detailcontent", rest.change_content),
    ("PUT", f"template/{_ID}/detailcontent", rest.change_content),
    ("GET", "sender", rest.senders),
    ("POST", f"sender/{_ID}/validate", rest.validate_sender),
    ("GET", "apikey", rest.keys),
    ("GET", f"dns/{_NAME}", rest.dns),
    ("POST", f"dns/{_ID}/check", rest.check_dns),
    ("GET", "eventcallbackurl", rest.callbacks),
    ("POST", "eventcallbackurl", rest.create_callback),
    ("GET", f"eventcallbackurl/{_ID}", rest.callback),
    ("PUT", f"eventcallbackurl/{_ID}", rest.change_callback),
    ("DELETE", f"eventcallbackurl/{_ID}", rest.delete_callback),
)
ROUTES: tuple[tuple[str, re.Pattern[str], Handler], ...] = (
    ("POST", re.compile(r"/v3\.1/send"), send),
    *((method, re.compile(f"/v3/REST/{pattern}"), handler) for method, pattern, handler in _REST),
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
