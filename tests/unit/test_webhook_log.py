"""What Mailjet posted, by minute: counted where it is recorded or refused, kept for a while, shown to operators."""

import asyncio
import json
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, select

from mailworker.cli.doctor_checks.mailjet_events import event_faults
from mailworker.config.builtin_kinds import KINDS
from mailworker.core.masked_secret import Secret
from mailworker.deliveries import Deliveries, EventStream
from mailworker.ledger.sqlite_write_queue import LedgerUnavailable
from mailworker.ledger.tables import messages
from mailworker.ledger.webhook_log import (
    KEPT,
    WebhookMinute,
    WebhookTally,
    forget_minutes,
    latest_minutes,
    silence,
    webhook_minutes,
)
from mailworker.queue import envelope
from mailworker.queue.celery_queues import EVENTS
from mailworker.web.basic_auth import BasicAuth
from mailworker.web.operators_page.webhook_log import WebhookLogPage
from mailworker.web.refused_posts import RefusedPosts
from mailworker.web.webhook import Webhook
from tests.redis_clock import simulated_redis
from tests.rows import NOW, after, row
from tests.unit.test_operators_page import Desk, request

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def written(ledger):
    with ledger.read() as connection:
        return latest_minutes(connection, limit=100)


def write(ledger, *counted):
    tally = WebhookTally()
    for at, what, number in counted:
        tally.count(at, what, number)
    with ledger.write() as connection:
        tally.write(connection)


def minute(at=NOW, **named):
    plain = {"posts": 0, "events": {}, "repeated": 0, "unmatched": 0, "unreadable": 0, "refused": {}}
    return WebhookMinute(at, **(plain | named))


def test_counts_of_a_minute_add_up_and_the_youngest_stands_first(ledger):
    write(
        ledger,
        (after(59), "posts", 2),
        (NOW, "event:open", 3),
        (after(60), "refused:401", 7),
        (NOW, "posts", 0),
    )
    write(ledger, (after(1), "posts", 1), (NOW, "repeated", 4), (NOW, "unmatched", 5), (NOW, "unreadable", 6))
    assert written(ledger) == [
        minute(NOW + MINUTE, refused={"401": 7}),
        minute(posts=3, events={"open": 3}, repeated=4, unmatched=5, unreadable=6),
    ]


def test_nothing_is_written_where_nothing_was_counted(ledger):
    write(ledger, (NOW, "posts", 0))
    with ledger.read() as connection:
        assert connection.execute(select(func.count()).select_from(webhook_minutes)).scalar() == 0
    assert written(ledger) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.sets(st.integers(0, 40)), st.integers(1, 7))
def test_pages_of_minutes_have_each_once(ledger, minutes, size):
    with ledger.write() as connection:
        connection.execute(delete(webhook_minutes))
    write(ledger, *((NOW + n * MINUTE, what, n + 1) for n in minutes for what in ("posts", "event:sent")))
    found, before = [], None
    with ledger.read() as connection:
        while page := latest_minutes(connection, limit=size, before=before):
            found += page
            before = page[-1].minute
    assert found == [
        minute(NOW + n * MINUTE, posts=n + 1, events={"sent": n + 1}) for n in sorted(minutes, reverse=True)
    ]


def test_minutes_are_forgotten_after_a_fortnight(ledger):
    write(ledger, (NOW - KEPT - MINUTE, "posts", 1), (NOW - KEPT, "posts", 2))
    with ledger.write() as connection:
        forget_minutes(connection, NOW)
    assert [one.posts for one in written(ledger)] == [2]
    write(ledger, (NOW - KEPT - MINUTE, "posts", 1))
    Deliveries(ledger, KINDS).tidy(now=NOW)
    assert [one.posts for one in written(ledger)] == [2]


@pytest.mark.parametrize(
    ("posted", "sent", "delivery", "missing"),
    [
        (None, None, None, False), (0, None, None, False), (None, 0, None, True), (None, 0, "opened", False), (0, 60, None, True), (60, 0, None, False),
        (60, 60, None, False), (None, 3601, None, False), (None, 3600, None, True),
    ],
)  # fmt: skip
def test_mails_without_events_are_told_an_hour_after(ledger, posted, sent, delivery, missing):
    if posted is not None:
        write(ledger, (after(posted), "posts", 1))
    if sent is not None:
        other = row("b", state="failed", changed_at=after(sent), delivery=None)
        with ledger.write() as connection:
            mail = row("a", state="sent", changed_at=after(sent), delivery=delivery)
            connection.execute(insert(messages), [mail, other])
    write(ledger, (after(7000), "refused:401", 1))
    with ledger.read() as connection:
        found = silence(connection, NOW + 2 * HOUR)
        faults = list(event_faults(connection, NOW + 2 * HOUR))
    assert found.posted == (None if posted is None else after(posted))
    assert found.missing_since == (after(sent) if missing else None)
    assert len(faults) == missing
    if missing:
        assert ("none in 14 days" in faults[0]) is (posted is None)
        assert "mailworker webhook status" in faults[0]


# --- where posts are recorded


def event(**changes):
    return {
        "event": "open",
        "time": 1_796_000_000,
        "MessageID": 1,
        "email": "zoe@client.example",
        "CustomID": "m1",
    } | changes


@pytest.fixture
def stream(ledger):
    """Puts posts onto the stream, and has a worker record them."""
    redis = simulated_redis()
    reader = EventStream(redis, ledger, Deliveries(ledger, KINDS))

    def post(*bodies):
        ids = [redis.xadd(EVENTS.stream, envelope.seal_post(body, NOW)) for body in bodies]
        while reader.drain_some(NOW) is not None:
            pass
        return envelope.added_at(ids[-1]).replace(second=0, microsecond=0)

    post.reader, post.redis = reader, redis
    return post


def test_each_post_counts_with_what_its_events_did(ledger, stream):
    with ledger.write() as connection:
        connection.execute(insert(messages), [row("m1", state="sent", mailjet_id=1)])
    bodies = [
        [event(), event(time=1_796_000_001)],
        [event()],
        [event(event="bounce", CustomID="other", MessageID=9)],
        [7],
        [event(event="weird")],
    ]
    at = stream(*(json.dumps(one).encode() for one in bodies))
    assert written(ledger) == [
        minute(
            at, posts=5, events={"bounce": 1, "open": 2, "other": 1}, repeated=1, unmatched=1, unreadable=1
        )
    ]
    assert "client.example" not in repr(written(ledger))


def test_what_is_no_json_counts_as_unreadable(ledger, stream):
    at = stream(b"{")
    assert written(ledger) == [minute(at, posts=1, unreadable=1)]


def test_events_are_recorded_though_the_ledger_takes_no_counts(ledger, stream, monkeypatch):
    def away(_tally, _connection):
        raise LedgerUnavailable("busy")

    monkeypatch.setattr(WebhookTally, "write", away)
    stream(json.dumps([event()]).encode())
    assert stream.redis.xlen(EVENTS.stream) == 0, "the post is acknowledged: its event is in the ledger"
    assert written(ledger) == []


# --- where posts are refused


class Away:
    """A ledger that answers from the second time on."""

    def __init__(self, ledger, *, faults):
        self.ledger, self.faults = ledger, faults

    @contextmanager
    def write(self):
        if self.faults:
            self.faults -= 1
            raise LedgerUnavailable("away")
        with self.ledger.write() as connection:
            yield connection


@pytest.mark.parametrize("faults", [0, 2])
def test_refused_posts_are_written_some_seconds_later_however_many(ledger, faults):
    slept = []

    async def refuse():

        async def sleep(seconds):
            slept.append(seconds)

        away = Away(ledger, faults=faults)
        refused = RefusedPosts(lambda: away, lambda: after(7), sleep)
        for _ in range(1000):
            refused.count(401)
        refused.count(413)
        assert written(ledger) == []
        await asyncio.gather(refused._writing)

    asyncio.run(refuse())
    assert written(ledger) == [minute(refused={"401": 1000, "413": 1})]
    assert slept == [5.0] * (faults + 1)


def test_what_waits_is_written_when_the_process_ends(ledger):
    async def refuse():
        refused = RefusedPosts(lambda: ledger, lambda: NOW)
        await refused.close()
        refused.count(503)
        await refused.close()

    asyncio.run(refuse())
    assert written(ledger) == [minute(refused={"503": 1})]


def test_a_ledger_that_stays_away_fills_no_memory(ledger):
    moments = iter(NOW + n * MINUTE for n in range(3_000))

    async def refuse():
        refused = RefusedPosts(lambda: Away(ledger, faults=10_000), lambda: next(moments))
        for _ in range(3_000):
            refused.count(401)
        assert len(refused._tally.counts) == 1_000
        await refused.close()
        assert len(refused._tally.counts) == 1_000

    asyncio.run(refuse())


@pytest.mark.parametrize(
    ("login", "headers", "body", "status"),
    [("eA==", [], b"", 401), (None, [], b"x" * (4 * 1024 * 1024 + 1), 413), (None, [("content-encoding", "br")], b"", 415), (None, [], b"[]", 503)],
)  # fmt: skip
def test_every_refusal_of_the_webhook_is_told(login, headers, body, status):
    counted = Counter()
    webhook = Webhook(
        "redis://127.0.0.1:1/0", BasicAuth("ops", Secret("geheim")), refused=lambda one: counted.update([one])
    )
    given_request = request(body=body, headers=headers) if login is None else request(login=login)

    async def post():
        answer = await webhook.post(given_request)
        await webhook.close()
        return answer.status_code

    assert asyncio.run(post()) == status
    assert counted == {status: 1}


def test_a_post_that_is_kept_is_no_refusal(monkeypatch):
    counted, kept = Counter(), []
    webhook = Webhook(
        "redis://127.0.0.1:1/0", BasicAuth("ops", Secret("geheim")), refused=lambda one: counted.update([one])
    )

    async def keep(body):
        kept.append(body)
        return False

    monkeypatch.setattr(webhook, "_keep", keep)

    async def post():
        answer = await webhook.post(request(body=b"[]", headers=[]))
        await webhook.close()
        return answer.status_code

    assert (asyncio.run(post()), kept, counted) == (200, [b"[]"], {})


def test_a_post_of_nothing_asks_whether_somebody_is_there_and_is_no_event():
    counted = Counter()
    refused = lambda one: counted.update([one])  # noqa: E731
    webhook = Webhook("redis://127.0.0.1:1/0", BasicAuth("ops", Secret("geheim")), refused=refused)

    async def post():
        answer = await webhook.post(request(login="eA==", headers=[("content-length", "0")]))
        await webhook.close()
        return answer.status_code

    assert (asyncio.run(post()), counted) == (401, {})


# --- the page


def page(ledger, config="", streams=None):
    desk = Desk(
        ledger,
        f"mailjet: {{api_key: a, api_secret: b}}\nweb: {{operator_user: ops, operator_password: geheim{config}}}\n",
    )
    gathering = SimpleNamespace(figures=lambda: SimpleNamespace(streams=streams))
    return desk, WebhookLogPage(desk.container, desk.page, gathering, lambda: NOW + 2 * HOUR)


OPEN = ", webhook_user: mailjet, webhook_password: x"


def test_the_page_shows_sixty_minutes_and_leads_to_the_older_ones(ledger):
    write(
        ledger,
        *((NOW + n * MINUTE, "posts", n + 1) for n in range(61)),
        (NOW + 60 * MINUTE, "refused:413", 2),
        (NOW + 60 * MINUTE, "event:unsub", 3),
    )
    desk, log = page(ledger, OPEN, {"events": 4})
    found = desk.shown(log.show, "/events")
    assert (found["page"], len(found["rows"]), found["older"]) == (
        "events.html",
        60,
        "/events?before=2026-11-30T09%3A01%3A00%2B00%3A00",
    )
    assert (found["last"], found["silent"], found["waiting"], found["closed"]) == (
        "2026-11-30 11:00",
        False,
        4,
        False,
    )
    assert found["rows"][0] == {
        "at": "2026-11-30 11:00", "posts": 61, "events": [("unsubscribed", 3)], "repeated": 0, "unmatched": 0,
        "unreadable": 0, "refused": [("larger than 4 MiB", 2)],
    }  # fmt: skip
    older = desk.shown(log.show, "/events", {"before": "2026-11-30T09:01Z"})
    assert ([one["posts"] for one in older["rows"]], older["older"]) == ([1], None)
    assert desk.shown(log.show, "/events", {"before": "x"})["why"] == "before: is no moment."


def test_a_page_that_holds_all_minutes_leads_to_no_other(ledger):
    write(ledger, *((NOW + n * MINUTE, "posts", 1) for n in range(60)))
    desk, log = page(ledger, OPEN)
    found = desk.shown(log.show, "/events")
    assert (len(found["rows"]), found["older"]) == (60, None)


def test_mail_without_events_is_told_on_the_page(ledger):
    desk, log = page(ledger, OPEN)
    assert desk.shown(log.show, "/events")["silent"] is False
    with ledger.write() as connection:
        connection.execute(insert(messages), [row(state="sent")])
    assert desk.shown(log.show, "/events")["silent"] is True


def test_a_webhook_without_a_password_says_so_in_french_too(ledger):
    _, log = page(ledger)
    body = log.show(request("/events", {"lang": "fr"})).body.decode()
    assert "Toute notification est refusée" in body
    assert "<code>mailworker webhook register</code>" in body
    assert "Rien n’est venu." in body
    assert log.show(request("/events", login="eA==")).status_code == 401
