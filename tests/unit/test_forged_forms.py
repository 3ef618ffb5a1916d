"""Which forms count: only those that this page showed to this browser, from this page's own address."""

import pytest
from starlette.requests import Request
from starlette.responses import Response

from mailworker.core.masked_secret import Secret
from mailworker.web.operators_page.csrf import COOKIE, SESSION_SECONDS, ForgeryGuard

SESSION = "0123456789abcdef" * 4
GUARD = ForgeryGuard("ops", Secret("geheim"), "https://mail.example.net/page")
TOO_OLD = "This form is too old, or is none of this page: open the page again and repeat."
STRANGE = "This form did not come from this page's own address; nothing was done."


def posted(session=SESSION, origin="http://10.0.0.5:8070", host="10.0.0.5:8070"):
    given = {"cookie": f"{COOKIE}={session}" if session is not None else None, "origin": origin, "host": host}
    headers = [(name.encode(), value.encode()) for name, value in given.items() if value is not None]
    return Request({"type": "http", "method": "POST", "path": "/actions", "headers": headers})


def test_a_form_of_ours_counts_from_the_host_that_was_asked_and_from_the_public_one():
    token = GUARD.token(SESSION)
    assert GUARD.fault(posted(), token) is None
    assert GUARD.fault(posted(origin="https://mail.example.net"), token) is None


@pytest.mark.parametrize("token", ["", "x", GUARD.token("f" * 64), GUARD.token(SESSION)[:-1]])
def test_another_token_is_told(token):
    assert GUARD.fault(posted(), token) == TOO_OLD


@pytest.mark.parametrize("session", [None, ""])
def test_no_cookie_is_told_even_with_its_own_token(session):
    assert GUARD.fault(posted(session), GUARD.token("")) == TOO_OLD


@pytest.mark.parametrize(
    "origin",
    [None, "", "null", "https://evil.example", "http://10.0.0.5", "http://10.0.0.5:8071", "http://[::1", "10.0.0.5:8070"],
)  # fmt: skip
@pytest.mark.parametrize("host", ["10.0.0.5:8070", "", None])
def test_another_origin_or_none_is_told(origin, host):
    assert GUARD.fault(posted(origin=origin, host=host), GUARD.token(SESSION)) == STRANGE
    without_public = ForgeryGuard("ops", Secret("geheim"))
    assert without_public.fault(posted(origin=origin, host=host), without_public.token(SESSION)) == STRANGE


def test_all_processes_with_one_password_know_the_tokens_and_nobody_else_does():
    assert ForgeryGuard("ops", Secret("geheim")).token(SESSION) == GUARD.token(SESSION)
    others = [
        ForgeryGuard("ops", Secret("other")),
        ForgeryGuard("boss", Secret("geheim")),
        ForgeryGuard("ops", None),
        ForgeryGuard(None, Secret("geheim")),
        ForgeryGuard(None, None),
    ]
    tokens = [one.token(SESSION) for one in others]
    assert len({*tokens, GUARD.token(SESSION)}) == len(others) + 1


@pytest.mark.parametrize(
    ("cookie", "kept"),
    [
        (SESSION, True),
        (SESSION[:-1], False),
        (SESSION + "0", False),
        (SESSION[:-1] + "-", False),
        (None, False),
    ],
)
def test_a_browser_keeps_its_session_and_one_that_is_none_is_made_anew(cookie, kept):
    found = GUARD.session(posted(cookie))
    assert (found == cookie) is kept
    assert len(found) == 64
    assert kept or found != GUARD.session(posted(cookie))


@pytest.mark.parametrize("secure", [True, False])
def test_the_cookie_is_kept_from_scripts_and_other_sites(secure):
    answer = Response()
    GUARD.keep(answer, SESSION, secure=secure)
    first, *flags = answer.headers["set-cookie"].split("; ")
    assert first == f"{COOKIE}={SESSION}"
    expected = {"HttpOnly", "Max-Age=28800", "Path=/", "SameSite=strict"} | ({"Secure"} if secure else set())
    assert set(flags) == expected
    assert SESSION_SECONDS == 28_800
