"""Logging in to the CRM: a key, or a token that is fetched, refreshed in time and fetched anew when it is refused."""

import base64
import json
from types import SimpleNamespace

import pytest
import requests
from requests import Request

from mailworker.config.crm import HttpSettings
from mailworker.crm import http_auth
from mailworker.crm.http_auth import ApiKey, TokenLogin, expiry_of, login_of
from mailworker.errors import Misconfigured, Unreachable


def jwt(**claims):
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"h.{body}.s"


def settings(**more):
    own = {"email": "a@x.example", "password": "secret"} if "api_key" not in more else {}
    return HttpSettings(base_url="https://crm.example/", **own | more)


class Crm:
    """Answers each post with the next of these."""

    def __init__(self, *answers):
        self.answers, self.posts = list(answers), []

    def post(self, url, *, json, timeout):
        assert timeout
        self.posts.append((url.removeprefix("https://crm.example"), json))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        found = requests.Response()
        found.status_code, found._content = status, body if isinstance(body, bytes) else json_bytes(body)
        return found


def json_bytes(body):
    return json.dumps(body).encode()


@pytest.fixture
def login(monkeypatch):
    def made(*answers, **more):
        crm, clock = Crm(*answers), SimpleNamespace(now=1000.0)
        monkeypatch.setattr(http_auth.DirectSession, "post", lambda _, url, **given: crm.post(url, **given))
        return TokenLogin(settings(**more), lambda: clock.now), crm, clock

    return made


def header(found, name="Authorization"):
    return found.auth()(Request("GET", "https://crm.example").prepare()).headers[name]


def test_a_key_is_a_header_and_stays_refused():
    found = login_of(settings(api_key="k", api_key_header="X-Key"))
    assert isinstance(found, ApiKey)
    assert header(found, "X-Key") == "k"
    assert found.renew() is False


def test_a_refresh_token_is_used_once(login):
    first = {"token": jwt(exp=1000), "refresh_token": "r1"}
    found, crm, _ = login(first, {"token": jwt(exp=1000)}, {"token": jwt(exp=9000)}, refresh_path="/refresh")
    for _ in range(3):
        found.auth()
    assert [path for path, _ in crm.posts] == ["/crm/auth/login", "/refresh", "/crm/auth/login"]
    assert header(found) == f"Bearer {jwt(exp=9000)}"


def test_a_token_is_fetched_once_while_it_lives(login):
    found, crm, clock = login({"token": jwt(exp=1031)}, {"token": jwt(exp=2000)}, token_field="token")
    first = header(found)
    assert first == f"Bearer {jwt(exp=1031)}"
    clock.now = 1001.0  # dies in 30 s
    assert header(found) == first
    clock.now = 1001.5
    assert header(found) == f"Bearer {jwt(exp=2000)}"
    assert [body for _, body in crm.posts] == [{"email": "a@x.example", "password": "secret"}] * 2


def test_a_token_that_does_not_say_when_it_dies_is_kept_until_it_is_refused(login):
    found, crm, clock = login({"token": "opaque"}, {"token": "newer"}, token_field="token")
    assert header(found) == "Bearer opaque"
    clock.now = 10**9
    assert header(found) == "Bearer opaque"
    assert found.renew() is True
    assert header(found) == "Bearer newer"
    assert len(crm.posts) == 2


@pytest.mark.parametrize(
    ("refreshed", "paths", "token"),
    [
        ({"token": "second"}, ["/login", "/refresh"], "second"),
        ((401, {}), ["/login", "/refresh", "/login"], "third"),
        ((500, {}), ["/login", "/refresh", "/login"], "third"),
    ],
)
def test_a_refresh_token_is_tried_once(login, refreshed, paths, token):
    found, crm, _ = login(
        {"token": "first", "refresh": "r1"}, refreshed, {"token": "third"},
        token_field="token", refresh_field="refresh", login_path="/login", refresh_path="/refresh",
    )  # fmt: skip
    assert header(found) == "Bearer first"
    found.renew()
    assert header(found) == f"Bearer {token}"
    assert [path for path, _ in crm.posts] == paths
    assert crm.posts[1][1] == {"refresh": "r1"}


def test_without_a_place_to_refresh_it_logs_in_again(login):
    found, crm, _ = login({"token": "a", "refresh": "r"}, {"token": "b"}, token_field="token", refresh_field="refresh", refresh_path="")  # fmt: skip
    header(found)
    found.renew()
    assert [body for _, body in crm.posts] == [{"email": "a@x.example", "password": "secret"}] * 2


@pytest.mark.parametrize(
    ("answer", "raised", "why"),
    [
        ((400, {}), Misconfigured, "refuses the login"), ((401, {}), Misconfigured, "refuses the login"),
        ((403, {}), Misconfigured, "refuses the login"), ((422, {}), Misconfigured, "refuses the login"),
        ({"other": "x"}, Misconfigured, "answered without token"), ({"token": ""}, Misconfigured, "answered without token"),
        ({"token": 7}, Misconfigured, "answered without token"), (["x"], Misconfigured, "answered without token"),
        ({"requires_2FA": True}, Misconfigured, "second factor"), ({"message": "Your TOTP code"}, Misconfigured, "second factor"),
        ({"token": "", "otp": True}, Misconfigured, "second factor"), ("mfa", Misconfigured, "second factor"),
        ({"two_factor": 1}, Misconfigured, "second factor"), ([{"say": "Two-Factor"}], Misconfigured, "second factor"),
        ({"twofactor": 1}, Misconfigured, "second factor"), ({"say": "two factor"}, Misconfigured, "second factor"),
        ({"say": "a Backup code"}, Misconfigured, "second factor"), (None, Misconfigured, "answered without token"), (requests.ConnectTimeout(), Unreachable, "did not answer in time"),
    ],
)  # fmt: skip
def test_a_login_that_does_not_work_says_why(login, answer, raised, why):
    found, _, _ = login(answer, token_field="token")
    with pytest.raises(raised, match=why) as caught:
        found.auth()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("token", "dies_at"),
    [
        (jwt(exp=5), 5.0), (jwt(exp="7"), 7.0), (jwt(exp=0), 0.0), (jwt(), None), (jwt(exp=None), None), (jwt(exp="x"), None),
        (jwt(exp=10**400), None), (jwt(exp=[]), None), ("h.W10.s", None), ("h.w.s", None), ("h.é.s", None),
        ("a.b", None), ("a.b.c.d", None), ("a.!.c", None), ("", None), ("h." + "e30" + ".s", None),
    ],
)  # fmt: skip
def test_when_a_token_dies(token, dies_at):
    assert expiry_of(token) == dies_at
