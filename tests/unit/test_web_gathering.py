"""What is counted for Prometheus, figure by figure, and what the web process takes and closes."""

import asyncio
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace

import pytest
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import NoPermissionError
from sqlalchemy import insert
from starlette.requests import Request

from mailworker.config.settings import parse_settings
from mailworker.core.masked_secret import Secret
from mailworker.core.states import State
from mailworker.core.version import VERSION
from mailworker.errors import TransientError
from mailworker.ledger.holds import hold_by_hand
from mailworker.ledger.rejected_jobs import reject
from mailworker.ledger.tables import messages
from mailworker.observability.metric_definitions import REFUSED_LOGINS
from mailworker.observability.redis_counters import CounterTally, counted
from mailworker.queue.envelope import BEAT_KEY, BEATS_KEY
from mailworker.rules.sign_unsubscribe_link import unsubscribe_link
from mailworker.web import app as app_module
from mailworker.web import metrics_collector, webhook
from mailworker.web.basic_auth import BasicAuth
from mailworker.web.metrics_collector import FRESH, MetricsCollector
from mailworker.web.unsubscribe_page import UnsubscribePage
from mailworker.web.webhook import Webhook
from tests.redis_clock import SimulatedClock, simulated_redis
from tests.rows import NOW, row

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def home(ledger, monkeypatch):
    SimulatedClock(NOW.timestamp()).install(monkeypatch)
    monkeypatch.setattr(metrics_collector.GroupStream, "oldest", lambda self: OLDEST.get(self.name))
    redis = simulated_redis()
    # What the library answers to INFO is one fixed text, without these.
    monkeypatch.setattr(redis, "info", lambda section: INFO[section])
    return SimpleNamespace(
        ledger=ledger,
        redis=redis,
        bucket=SimpleNamespace(keys=["calls"], paused=lambda: 3.0),
        breaker=SimpleNamespace(open_seconds=lambda: 7.0),
        settings=parse_settings("mailjet: {api_key: a, api_secret: b, calls_per_minute: 120}\n", environ={}),
    )


INFO = {"memory": {"used_memory": 30, "maxmemory": 40}, "replication": {"role": "master"}}
OLDEST = {"mailworker:jobs:bulk": NOW - 90 * SECOND, "mailworker:events": NOW + MINUTE}


def test_every_figure_of_the_ledger(home):
    with home.ledger.write() as connection:
        connection.execute(
            insert(messages),
            [
                dict.fromkeys(("called_at", "delivery", "reason")) | one
                for one in (
                    row(lane=0, not_before=NOW - MINUTE),
                    row(lane=2, not_before=NOW - 3 * MINUTE),
                    row(lane=2, not_before=NOW + MINUTE),
                    row(state="failed"),
                    row(state="sent"),
                    row(state="unknown", called_at=NOW - 2 * MINUTE, not_before=NOW - MINUTE),
                )
            ],
        )
        hold_by_hand(connection, "lane:bulk", reason="x", now=NOW)
        lost = {"at": NOW, "source": "s", "kind": "k", "message_id": None, "faults": ["x"], "payload": None}
        reject(connection, [lost | {"entry_id": "1"}])
    found = MetricsCollector(home, lambda: NOW).figures()
    assert found.messages == dict.fromkeys(map(str, State), 0) | {
        "ready": 3,
        "failed": 1,
        "sent": 1,
        "unknown": 1,
    }
    assert (found.final, found.waiting, found.rejected, found.holds) == (2, 4, 1, ("lane:bulk",))
    assert found.ready == {"urgent": 1, "normal": 0, "bulk": 1}
    assert found.scheduled == {"urgent": 0, "normal": 0, "bulk": 1}
    assert found.oldest_ready == {"urgent": 60.0, "normal": 0.0, "bulk": 180.0}
    assert found.oldest_in_state == {"unknown": 120.0}
    assert (found.contacts_pending, found.contacts_refused, found.oldest_contact) == (0, 0, 0.0)


def test_every_figure_of_redis(home):
    redis = home.redis
    redis.xadd("mailworker:jobs:bulk", {"a": 1})
    redis.xadd("mailworker:quarantine", {"a": 1})
    redis.xadd("mailworker:quarantine", {"a": 1})
    millis = int(NOW.timestamp() * 1000)
    redis.zadd("calls", {"old": millis - 60_001, "a": millis - 60_000, "b": millis})
    redis.zadd(BEATS_KEY, {"old": NOW.timestamp() - 21, "a": NOW.timestamp() - 20, "b": NOW.timestamp()})
    redis.set(BEAT_KEY, (NOW - 5 * SECOND).isoformat())
    tally = CounterTally()
    tally.count(REFUSED_LOGINS, 3, door="webhook")
    tally.write(redis)
    found = MetricsCollector(home, lambda: NOW).figures()
    streams = {"urgent": 0, "normal": 0, "bulk": 1, "events": 0, "ocs": 0, "contacts": 0, "quarantine": 2}
    assert found.streams == streams
    assert found.oldest_entry == dict.fromkeys(streams.keys() - {"quarantine"}, 0.0) | {"bulk": 90.0}
    assert (found.calls_last_minute, found.calls_limit, found.beats, found.beat_age) == (2, 120, 2, 5.0)
    assert (found.breaker_open, found.calls_paused, found.version) == (7.0, 3.0, VERSION)
    assert (found.redis_full, found.redis_takes_writes) == (0.75, True)
    assert found.counted == counted(redis)
    assert list(found.counted.values()) == [3]


def test_no_read_is_open_while_a_write_is_tried(home, monkeypatch):
    """A migration that waits for that read would keep the write waiting, and both would last for seconds."""
    read, reading, tried = home.ledger.read, [], []

    @contextmanager
    def noted():
        with read() as connection:
            reading.append(connection)
            yield connection
            reading.remove(connection)

    monkeypatch.setattr(home.ledger, "read", noted)
    monkeypatch.setattr(home.ledger, "demand_writable", lambda: tried.append([*reading]))
    assert MetricsCollector(home, lambda: NOW).figures().ledger_takes_writes
    assert tried == [[]]


@pytest.mark.parametrize(
    ("memory", "role", "full", "takes_writes"),
    [
        ({"used_memory": 39, "maxmemory": 40}, "master", 0.975, True),
        ({"used_memory": 40, "maxmemory": 40}, "master", 1.0, False),
        ({"used_memory": 60, "maxmemory": 40}, "master", 1.5, False),
        ({"used_memory": 60, "maxmemory": 0}, "master", 0.0, True),
        ({"used_memory": 60}, "master", 0.0, True),
        ({"used_memory": 1, "maxmemory": 40}, "slave", 0.025, False),
    ],
)
def test_whether_redis_takes_writes(home, monkeypatch, memory, role, full, takes_writes):
    monkeypatch.setitem(INFO, "memory", memory)
    monkeypatch.setitem(INFO, "replication", {"role": role})
    found = MetricsCollector(home, lambda: NOW).figures()
    assert (found.redis_full, found.redis_takes_writes) == (full, takes_writes)


def test_a_redis_that_tells_nothing_of_itself_is_not_down(home, monkeypatch):
    def forbidden(_section):
        raise NoPermissionError("this user has no permissions to run the 'info' command")

    monkeypatch.setattr(home.redis, "info", forbidden)
    found = MetricsCollector(home, lambda: NOW).figures()
    assert found.streams is not None
    assert (found.redis_full, found.redis_takes_writes) == (0.0, True)


def test_a_redis_that_keeps_celery_out_is_not_down_and_takes_no_job(home, monkeypatch):
    def forbidden(*_keys):
        raise NoPermissionError("this user has no permissions to access one of the keys used as arguments")

    monkeypatch.setattr(home.redis, "exists", forbidden)
    monkeypatch.setattr(home.redis, "llen", forbidden)
    found = MetricsCollector(home, lambda: NOW).figures()
    assert found.streams is not None
    assert (found.rounds_waiting, found.redis_takes_writes) == (0, False)


@pytest.mark.parametrize("fast", [-60, 60])
def test_a_web_host_whose_clock_is_wrong_calls_no_beat_silent(home, fast):
    home.redis.set(BEAT_KEY, (NOW - 5 * SECOND).isoformat())
    assert MetricsCollector(home, lambda: NOW + fast * SECOND).figures().beat_age == 5.0


def test_what_does_not_answer_is_left_out(home, monkeypatch):
    assert MetricsCollector(home, lambda: NOW).figures().beat_age is None

    def gone():
        raise TransientError("away")

    whole = home.ledger
    home.ledger = SimpleNamespace(read=gone)
    found = MetricsCollector(home, lambda: NOW).figures()
    assert found.messages is None
    assert found.streams is not None
    home.ledger = whole

    def no_redis():
        raise RedisGone

    monkeypatch.setattr(home.redis, "time", no_redis)
    found = MetricsCollector(home, lambda: NOW).figures()
    assert found.messages is not None
    assert found.streams is None


@pytest.mark.parametrize(("later", "anew"), [(FRESH, False), (FRESH + 0.1, True)])
def test_figures_are_given_again_for_five_seconds(home, monkeypatch, later, anew):
    moment = 100.0
    monkeypatch.setattr(metrics_collector, "time", SimpleNamespace(monotonic=lambda: moment))
    collector = MetricsCollector(home, lambda: NOW)
    first = collector.figures()
    moment += later
    assert (collector.figures() is not first) is anew
    assert FRESH == 5


class FakePipe:
    def __init__(self, stream):
        self._stream = stream

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return False

    def xadd(self, stream, entry):
        self._stream.append((stream, entry))

    async def execute(self):
        return self._stream.answer


class FakeStream(list):
    answer = (b"1-1", True)
    closed = False

    def pipeline(self, *, transaction):
        assert transaction
        return FakePipe(self)

    async def aclose(self):
        self.closed = True


@pytest.fixture
def endpoint(monkeypatch):
    woken, stream = [], FakeStream()
    monkeypatch.setattr(webhook, "raise_flag", lambda pipe, channel: None)
    monkeypatch.setattr(webhook, "send_wake_up", lambda celery, channel: woken.append(channel))
    monkeypatch.setattr(webhook, "seal_post", lambda body, now: {"body": body})
    made = Webhook("redis://127.0.0.1:1/0", BasicAuth("mj", Secret("x")))
    made._redis, made.woken, made.stream = stream, woken, stream
    made._celery = SimpleNamespace(closed=[], close=lambda: made._celery.closed.append(True))
    return made


def post(endpoint, body=b"[]", *, login=b"Basic bWo6eA==", **headers):
    async def story():
        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        given = [(b"authorization", login)]
        given += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        answer = await endpoint.post(Request({"type": "http", "headers": given}, receive))
        if answer.background:
            await answer.background()
        return answer

    return asyncio.run(story())


def test_a_post_is_kept_and_the_first_one_wakes_a_worker(endpoint):
    answer = post(endpoint)
    assert (answer.status_code, answer.body) == (200, b"kept\n")
    assert endpoint.stream == [("mailworker:events", {"body": b"[]"})]
    assert len(endpoint.woken) == 1
    FakeStream.answer, before = (b"1-2", None), FakeStream.answer
    try:
        assert post(endpoint).status_code == 200
    finally:
        FakeStream.answer = before
    assert len(endpoint.woken) == 1


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"[]", {"content_encoding": "identity"}, 200),
        (b"[]", {"content_encoding": "IDENTITY"}, 200),
        (b"[]", {"content_encoding": "gzip"}, 415),
        (b"[]", {"content_encoding": "br"}, 415),
        (b"x" * (webhook.MAX_BODY + 1), {}, 413),
        (webhook.zlib.compress(b"[]", wbits=31), {"content_encoding": "gzip"}, 200),
        (webhook.zlib.compress(b"[]", wbits=31), {"content_encoding": "X-GZIP"}, 200),
    ],
)
def test_what_a_post_may_be(endpoint, body, headers, status):
    assert post(endpoint, body, **headers).status_code == status
    assert [entry["body"] for _, entry in endpoint.stream] == ([b"[]"] if status == 200 else [])


def test_a_stranger_is_asked_for_the_password_of_this_stream(endpoint):
    answer = post(endpoint, login=b"Basic eA==")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (
        401,
        'Basic realm="mailworker events", charset="UTF-8"',
    )
    assert endpoint.stream == []


@pytest.mark.parametrize("fault", [RedisGone("x"), TimeoutError(), OSError()])
def test_where_redis_does_not_answer_the_post_comes_again(endpoint, fault):
    async def broken(_body):
        raise fault

    endpoint._keep = broken
    assert post(endpoint).status_code == 503


def test_a_wake_up_that_fails_is_logged_and_nothing_more(endpoint, monkeypatch):
    monkeypatch.setattr(webhook, "send_wake_up", lambda celery, channel: "away")
    assert post(endpoint).status_code == 200


def test_both_connections_are_given_back(endpoint):
    asyncio.run(endpoint.close())
    assert endpoint.stream.closed
    assert endpoint._celery.closed == [True]


def test_redis_has_less_than_a_second(monkeypatch):
    asked = []
    monkeypatch.setattr(webhook, "connect_async", lambda url, **options: asked.append((url, options)))
    monkeypatch.setattr(webhook, "celery_sender", lambda name, url: asked.append((name, url)))
    Webhook("redis://r:1/2", BasicAuth("mj", Secret("x")))
    (url, options), celery = asked
    retry = options.pop("retry")
    assert (url, celery) == ("redis://r:1/2", ("mailworker-webhook", "redis://r:1/2"))
    assert (retry._retries, type(retry._backoff).__name__) == (0, "NoBackoff")
    patience = dict.fromkeys(("socket_timeout", "socket_connect_timeout", "timeout"), 0.8)
    assert options == {"protocol": 2, "max_connections": 32} | patience


WEB = """
mailjet: {api_key: a, api_secret: b}
worker: {redis_url: "redis://r:1/2"}
web: {webhook_user: mj, webhook_password: x, ocs_user: ocs, ocs_password: y, operator_user: ops, operator_password: z}
"""


def test_the_routes_of_the_web_process_and_what_it_closes_at_its_end(monkeypatch):
    made, closed = [], []

    class Post:
        def __init__(self, url, login, channel=None, *, refused=None):
            made.append((url, login._expected, channel and channel.stream, refused and refused.__name__))

        async def post(self, request):
            """Take a call."""

        async def close(self):
            closed.append(True)

    monkeypatch.setattr(app_module, "Webhook", Post)
    app = app_module.create_app(SimpleNamespace(settings=parse_settings(WEB, environ={}), redis=None))
    assert made == [
        ("redis://r:1/2", b"mj:x", None, "count"),
        ("redis://r:1/2", b"ocs:y", "mailworker:ocs", None),
    ]
    get, post = {"GET", "HEAD"}, {"POST"}
    assert [(one.path, one.methods) for one in app.routes] == [
        ("/mailjet/events", post), ("/ocs/cgrates", post),
        ("/health", get), ("/ready", get), ("/metrics", get), ("/", get), ("/search", post), ("/messages", get),
        ("/messages.csv", get), ("/messages/{id}", get), ("/messages/{id}/mail", get), ("/messages/{id}/files/{number:int}", get), ("/upcoming", get), ("/events", get), ("/deliverability", get), ("/suppressions", get), ("/schedule", get),
        ("/actions", get), ("/actions", post), ("/actions/review", post), ("/style.css", get), ("/unsubscribe/style.css", get),
        ("/unsubscribe/{token}", get), ("/unsubscribe/{token}", post),
    ]  # fmt: skip
    assert [one.cls.__name__ for one in app.user_middleware] == [
        "SafeHeaders",
        "LoginThrottle",
        "BodyTimeout",
    ]

    async def story():
        async with app.router.lifespan_context(app):
            assert closed == []

    asyncio.run(story())
    assert closed == [True, True]


def test_refused_logins_are_counted_by_door():
    redis = simulated_redis()
    home = SimpleNamespace(settings=parse_settings(WEB, environ={}), redis=redis)
    (brake,) = (
        one for one in app_module.create_app(home).user_middleware if one.cls.__name__ == "LoginThrottle"
    )
    brake.kwargs["report"](Counter(webhook=2, ocs=1))
    assert sorted((dict(labels)["door"], number) for (_, labels), number in counted(redis).items()) == [
        ("ocs", 1),
        ("webhook", 2),
    ]


@pytest.fixture
def leaving(ledger):
    settings = parse_settings("mailjet: {api_key: a, api_secret: b}\nbrand: {name: Alizé}\n", environ={})
    return UnsubscribePage(SimpleNamespace(ledger=ledger, settings=settings), lambda: NOW)


def link(leaving, id_):
    return unsubscribe_link("", id_, leaving._key).rpartition("/")[2]


def opened(token, accept="en"):
    headers = [(b"accept-language", accept.encode())]
    return Request({"type": "http", "headers": headers, "query_string": b"", "path_params": {"token": token}})


def test_a_link_is_shown_with_a_button_and_a_forged_one_is_none(leaving):
    page = leaving.show(opened(link(leaving, "m1")))
    assert page.status_code == 200
    assert "Alizé" in page.body.decode()
    assert '<html lang="fr"' in leaving.show(opened(link(leaving, "m1"), "fr")).body.decode()
    assert leaving.show(opened("m1.x")).status_code == 404


def test_a_post_unsubscribes_or_says_that_the_message_is_forgotten(leaving, monkeypatch):
    assert asyncio.run(leaving.post(opened(link(leaving, "m1")))).status_code == 410
    asked = []
    monkeypatch.setattr(
        "mailworker.web.unsubscribe_page.unsubscribe", lambda _, id_, *, now: asked.append((id_, now)) or True
    )
    assert asyncio.run(leaving.post(opened(link(leaving, "m1")))).status_code == 200
    assert asked == [("m1", NOW)]


def test_a_ledger_that_is_away_is_told(leaving, monkeypatch):
    def away(*_, **__):
        raise TransientError("away")

    monkeypatch.setattr("mailworker.web.unsubscribe_page.unsubscribe", away)
    assert asyncio.run(leaving.post(opened(link(leaving, "m1")))).status_code == 503
