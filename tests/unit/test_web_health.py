"""What machines are answered: who may read the figures, and in which form."""

import asyncio
import base64
import json
from types import SimpleNamespace

import pytest
from starlette.requests import Request

from mailworker.core.masked_secret import Secret
from mailworker.web import health_and_metrics as module
from mailworker.web.basic_auth import BasicAuth
from mailworker.web.health_and_metrics import Health

NOBODY = BasicAuth(None, None)
OPERATOR = BasicAuth("op", Secret("secret"))


class Figures:
    def __init__(self, streams=(), messages=()):
        self._found = SimpleNamespace(streams=streams, messages=messages)

    def figures(self):
        return self._found


def asked(ends=("127.0.0.1", "127.0.0.1"), auth=None):
    login = base64.b64encode(":".join(auth).encode()) if auth else b""
    client, server = ((end, 1) if end is not None else None for end in ends)
    headers = [(b"authorization", b"Basic " + login)] if auth else []
    return Request({"type": "http", "headers": headers, "client": client, "server": server})


@pytest.mark.parametrize(
    ("streams", "messages", "status", "answers"),
    [
        ((), (), 200, {"redis": True, "ledger": True}),
        (None, (), 503, {"redis": False, "ledger": True}),
        ((), None, 503, {"redis": True, "ledger": False}),
        (None, None, 503, {"redis": False, "ledger": False}),
    ],
)
def test_ready_names_what_does_not_answer_and_alive_is_about_itself(streams, messages, status, answers):
    health = Health(Figures(streams, messages), NOBODY)
    found = health.ready(asked())
    assert (found.status_code, json.loads(found.body)) == (status, answers)
    assert json.loads(asyncio.run(health.alive(asked())).body) == {"alive": True}


@pytest.mark.parametrize(
    ("operator", "ends", "auth", "status"),
    [
        (NOBODY, ("127.0.0.1", "127.0.0.1"), None, 200),
        (NOBODY, ("::1", "::1"), None, 200),
        (NOBODY, ("10.0.0.9", "127.0.0.1"), None, 403),
        (NOBODY, ("127.0.0.1", "10.0.0.1"), None, 403),
        (NOBODY, ("testclient", "127.0.0.1"), None, 403),
        (NOBODY, (None, "127.0.0.1"), None, 403),
        (NOBODY, ("127.0.0.1", None), None, 403),
        (OPERATOR, ("10.0.0.9", "10.0.0.1"), ("op", "secret"), 200),
        (OPERATOR, ("127.0.0.1", "127.0.0.1"), None, 401),
        (OPERATOR, ("127.0.0.1", "127.0.0.1"), ("op", "wrong"), 401),
    ],
)
def test_figures_leave_this_host_behind_a_password_only(monkeypatch, operator, ends, auth, status):
    monkeypatch.setattr(module, "exposition", lambda _figures: "mailworker_up 1.0\n")
    found = Health(Figures(), operator).metrics(asked(ends, auth))
    assert found.status_code == status
    assert (found.body == b"mailworker_up 1.0\n") == (status == 200)
    if status == 200:
        assert found.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    if status == 401:
        assert found.headers["www-authenticate"] == 'Basic realm="mailworker operators", charset="UTF-8"'


@pytest.mark.parametrize(
    ("header", "admitted"),
    [
        ("Basic b3A6c2VjcmV0", True), ("basic  b3A6c2VjcmV0 ", True), ("BASIC b3A6c2VjcmV0", True),
        ("Bearer b3A6c2VjcmV0", False), ("Basic b3A6c2VjcmV", False), ("Basic b3A6", False), ("Basic ?", False),
        ("", False), ("Basic", False),
    ],
)  # fmt: skip
def test_who_carries_the_password(header, admitted):
    request = Request({"type": "http", "headers": [(b"authorization", header.encode())]})
    assert OPERATOR.admits(request) is admitted
    assert NOBODY.admits(request) is False


def test_half_an_operator_is_none():
    assert not BasicAuth("op", None).configured
    assert not BasicAuth(None, Secret("x")).configured
    assert OPERATOR.configured
