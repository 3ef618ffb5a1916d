"""The edges of what stands before the pages: the brake's counts, a body's time and size, an act's reason."""

import asyncio
import gzip
import zlib
from collections import Counter
from types import SimpleNamespace

import pytest
from starlette.requests import Request

from mailworker.core.lane import Lane
from mailworker.errors import BadInput
from mailworker.ledger.message_search import MessageFilter
from mailworker.web import login_throttle
from mailworker.web.login_throttle import DELAY, FREE_TRIES, WAITING, LoginThrottle, _network, _route
from mailworker.web.operators_page.action_forms import _group, _is_id
from mailworker.web.operators_page.hold_resend_cancel import Operator, OperatorActs, _checked
from mailworker.web.operators_page.language import PageLanguage, language_of
from mailworker.web.request_timeouts import BODY_SECONDS, HEAD_SECONDS, BodyTimeout
from mailworker.web.security_headers import SafeHeaders
from mailworker.web.webhook import MAX_BODY, PATIENCE, _body, _unpacked


class Visitors:
    """A brake before an application that answers 401 to all, by a clock that the test sets."""

    def __init__(self):
        self.now = 0.0
        self.reports = []
        self.brake = LoginThrottle(self.refuse, report=self.reports.append, clock=lambda: self.now)

    async def refuse(self, scope, receive, send):
        await send({"type": "http.response.start", "status": 401, "headers": []})

    async def ask(self, path="/", client="203.0.113.7"):
        async def send(message):
            pass

        scope = {"type": "http", "path": path, "headers": [(b"authorization", b"x")], "client": (client, 1)}
        await self.brake(scope, None, send)

    def wrong(self, client="203.0.113.7"):
        return self.brake._guesser(client).wrong


def test_wrong_ones_are_reported_once_a_second_and_none_is_lost():
    async def story():
        visitors = Visitors()
        for now, path in (
            (0, "/mailjet/events"),
            (0.5, "/"),
            (0.999, "/ocs/cgrates"),
            (1, "/search"),
            (1.5, "/x"),
            (2.5, "/"),
        ):
            visitors.now = now
            await visitors.ask(path)
        return visitors.reports

    assert asyncio.run(story()) == [
        Counter(webhook=1),
        Counter(operators=2, ocs=1),
        Counter(operators=2),
    ]


def test_wrong_ones_are_forgotten_after_more_than_a_minute():
    async def story():
        visitors = Visitors()
        await visitors.ask()
        visitors.now = 60.0
        await visitors.ask()
        assert visitors.wrong() == 2
        visitors.now = 60.1
        assert visitors.wrong() == 0
        await visitors.ask()
        visitors.now = 120.1
        assert visitors.wrong() == 1, "the minute begins anew where it was over"

    asyncio.run(story())


def test_who_came_longest_ago_is_forgotten_first(monkeypatch):
    monkeypatch.setattr("mailworker.web.login_throttle._REMEMBERED", 2)

    async def story():
        visitors = Visitors()
        for client in ("10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.3"):
            await visitors.ask(client=client)
        return list(visitors.brake._guessers)

    assert asyncio.run(story()) == ["10.0.0.1", "10.0.0.3"]


def test_the_brakes_figures():
    assert Visitors().wrong() == 0
    assert (FREE_TRIES, DELAY, WAITING) == (10, 1.0, 4)
    assert BodyTimeout(None)._seconds == BODY_SECONDS == 30.0
    assert (HEAD_SECONDS, PATIENCE) == (10.0, 0.8)


def test_wrong_passwords_are_logged_once_a_minute(monkeypatch):
    logged = []
    monkeypatch.setattr(
        login_throttle, "_log", SimpleNamespace(warning=lambda _, path: logged.append((visitors.now, path)))
    )
    visitors = Visitors()

    async def story():
        for visitors.now, path in (
            (0.0, "/mailjet/events"),
            (59.9, "/"),
            (60.0, "/"),
            (61.0, "/"),
            (120.0, "/"),
        ):
            await visitors.ask(path)

    asyncio.run(story())
    assert logged == [(0.0, "webhook"), (60.0, "operators"), (120.0, "operators")]
    assert login_throttle._REMEMBERED == 10_000


@pytest.mark.parametrize(
    ("scope", "network"),
    [
        ({"client": ("203.0.113.7", 1)}, "203.0.113.7"),
        ({"client": ("2001:db8:1:2::1", 1)}, str(0x20010DB800010002)),
        ({"client": ("testclient", 1)}, "testclient"),
        ({"client": None}, ""),
        ({}, ""),
    ],
)
def test_the_network_of_a_client(scope, network):
    assert _network(scope) == network


@pytest.mark.parametrize(
    ("path", "door"),
    [("/mailjet/events", "webhook"), ("/ocs/cgrates", "ocs"), ("/", "operators"), ("/x" * 99, "operators")],
)
def test_where_somebody_knocked(path, door):
    assert _route(path) == door


def through_timeout(receive, app, type_="http", seconds=0.02):
    sent = []

    async def send(message):
        sent.append(message)

    async def story():
        async with asyncio.timeout(5):
            await BodyTimeout(app, seconds)({"type": type_}, receive, send)

    asyncio.run(story())
    return sent


def test_a_body_has_one_deadline_for_all_its_parts_and_is_refused_then():
    async def receive():
        await asyncio.sleep(0.005)
        return {"type": "http.request", "more_body": True}

    async def app(scope, receive, send):
        while True:
            await receive()

    start, body = through_timeout(receive, app)
    assert start["status"] == 408
    assert dict(start["headers"])[b"connection"] == b"close"
    assert body["body"] == b"The body did not come in time.\n"


@pytest.mark.parametrize("last", [{"more_body": False}, {}])
def test_after_the_whole_body_there_is_no_hurry(last):
    answers = [{"type": "http.request", "more_body": True}, {"type": "http.request", **last}]

    async def receive():
        if answers:
            return answers.pop(0)
        await asyncio.sleep(0.06)
        return {"type": "http.disconnect"}

    got = []

    async def app(scope, receive, send):
        got.extend([await receive(), await receive(), await receive()])

    assert through_timeout(receive, app) == []
    assert got[-1] == {"type": "http.disconnect"}


def test_what_is_no_request_has_no_deadline():
    async def receive():
        await asyncio.sleep(0.05)
        return {"type": "lifespan.startup"}

    got = []

    async def app(scope, receive, send):
        got.append(await receive())

    assert through_timeout(receive, app, type_="lifespan") == []
    assert got == [{"type": "lifespan.startup"}]


def test_an_answers_own_headers_win():
    sent = []

    async def send(message):
        sent.append(message)

    async def app(scope, receive, send):
        headers = [(b"cache-control", b"max-age=3600")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"x"})

    asyncio.run(SafeHeaders(app)({"type": "http"}, None, send))
    assert dict(sent[0]["headers"]) == {
        b"cache-control": b"max-age=3600",
        b"x-content-type-options": b"nosniff",
        b"referrer-policy": b"same-origin",
        b"content-security-policy": b"default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
        b"base-uri 'none'; frame-ancestors 'none'",
    }
    assert sent[1] == {"type": "http.response.body", "body": b"x"}


def posted(*parts):
    coming = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    coming.append({"type": "http.request", "body": b"", "more_body": False})
    read = []

    async def receive():
        read.append(1)
        return coming.pop(0)

    found = asyncio.run(_body(Request({"type": "http", "headers": []}, receive)))
    return found, len(read)


def test_a_body_of_the_largest_size_is_taken_and_a_larger_one_read_no_further():
    assert posted(b"ab", b"c") == (b"abc", 3)
    assert MAX_BODY == 4_194_304
    half = b"x" * (MAX_BODY // 2)
    assert posted(half, half) == (half + half, 3)
    assert posted(half, half, b"y", b"z") == (None, 3)


def test_who_leaves_in_the_middle_has_posted_nothing():
    async def receive():
        return {"type": "http.disconnect"}

    assert asyncio.run(_body(Request({"type": "http", "headers": []}, receive))) is None


def test_a_gzipped_body_is_unpacked_as_far_as_a_plain_one_may_go():
    largest = b"x" * MAX_BODY
    assert _unpacked(gzip.compress(b"[]")) == b"[]"
    assert _unpacked(gzip.compress(largest)) == largest
    assert _unpacked(gzip.compress(largest + b"x")) is None
    assert _unpacked(gzip.compress(b"[]")[:-1]) is None
    assert _unpacked(zlib.compress(b"[]")) is None
    assert _unpacked(b"[]") is None


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("  a  colleague\nasked ", "a colleague asked"),
        ("x", "x"),
        ("y" * 500, "y" * 500),
        ("  " + "y" * 500, "y" * 500),
    ],
)
def test_a_reason_is_one_line(given, why):
    assert _checked(Operator("ops", "10.0.0.1", given)) == Operator("ops", "10.0.0.1", why)


@pytest.mark.parametrize("given", ["", "  \n", "y" * 501, "a\x00b", "a\u200eb"])
def test_what_is_no_reason_is_told(given):
    with pytest.raises(BadInput, match="why: say in 1 to 500 characters why; colleagues read it"):
        _checked(Operator("ops", "", given))


def test_all_mail_each_lane_and_each_kind_can_be_held():
    acts = OperatorActs(SimpleNamespace(settings=SimpleNamespace(kinds={"a": 1, "b": 2})), None)
    assert acts.scopes() == ["*", *(f"lane:{lane.word}" for lane in Lane), "a", "b"]


@pytest.mark.parametrize(
    ("text", "is_id"),
    [("a", True), ("0b1c-D", True), ("a" * 36, True), ("a" * 37, False), ("", False), ("a/b", False), ("a b", False),
     ("../x", False)],
)  # fmt: skip
def test_only_an_id_leads_to_a_message(text, is_id):
    assert _is_id(text) is is_id


def test_a_group_is_a_kind_and_perhaps_a_reason():
    assert _group({"kind": "k", "reason": "r"}) == MessageFilter(kind="k", reason="r")
    assert _group({"kind": "k", "reason": ""}) == _group({"kind": "k"}) == MessageFilter(kind="k")
    for form in ({}, {"kind": "", "reason": "r"}):
        with pytest.raises(BadInput, match="kind: say which kind of e-mail"):
            _group(form)


def asking(query="", cookie="", accept=None):
    headers = [(b"cookie", cookie.encode())] if cookie else []
    headers += [(b"accept-language", accept.encode())] if accept is not None else []
    return language_of(Request({"type": "http", "query_string": query.encode(), "headers": headers})).code


@pytest.mark.parametrize(
    ("query", "cookie", "accept", "code"),
    [
        ("", "", None, "en"),
        ("", "", "", "en"),
        ("", "", "fr", "fr"),
        ("", "", "FR-be;q=1, en", "fr"),
        ("", "", "de, en;q=0.8, fr;q=0.5", "en"),
        ("", "", "de-DE , fr ;q=0.8", "fr"),
        ("", "", "de, it", "en"),
        ("", "mailworker_language=fr", "en", "fr"),
        ("lang=en", "mailworker_language=fr", "fr", "en"),
        ("lang=de", "mailworker_language=fr", "en", "en"),
        ("lang=de", "", "fr", "fr"),
        ("", "mailworker_language=xx", "fr", "fr"),
    ],
)
def test_the_language_that_was_chosen_or_that_the_browser_accepts_first(query, cookie, accept, code):
    assert asking(query, cookie, accept) == code


def test_what_is_empty_or_nobody_translated_stays():
    french = PageLanguage("fr")
    assert (french.sentence(""), french.word("x"), french("no such text")) == ("", "x", "no such text")
    assert french.sentence("The invoice is paid") == french.sentence("The invoice is paid.").rstrip(".")
    assert french.sentence("The invoice is paid...").endswith("...")
