"""What became of a job, as the worker finds it and as the client is told."""

import json

import pytest
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from sqlalchemy import insert

from mailworker.config.builtin_kinds import KINDS
from mailworker.core.lane import Lane
from mailworker.intake.message_status import status_of
from mailworker.ledger.tables import messages, rejected_jobs
from mailworker.queue import envelope, status_reply
from mailworker.queue.celery_queues import MAIL
from mailworker.queue.redis_errors import StreamUnavailable
from mailworker.queue.status_reply import (
    MessageStatus,
    NoAnswer,
    ask_status,
    is_reply_list,
    read_status,
    reply_list,
    write_status,
)
from mailworker.rules.job.idempotency_key import message_id
from tests.redis_clock import simulated_redis
from tests.rows import NOW, row

RESET = "api_crmCommunicationUserPasswordReset"
VARIABLES = {"user_name": "Zoé", "reset_url": "https://crm.example/r/1", "expiry_time": "10:00"}


def refuse(ledger, *faults, at=NOW, id_="m"):
    with ledger.write() as connection:
        row_ = {"at": at, "source": "stream", "message_id": id_, "faults": list(faults)}
        connection.execute(insert(rejected_jobs), [row_])


@pytest.mark.parametrize(
    ("stored", "refusals", "status"),
    [
        ({"state": "sent", "reason": "Mailjet has it", "delivery": "opened"}, [],
         MessageStatus("m", "sent", "Mailjet has it", "opened", NOW.isoformat())),
        ({"state": "ready", "reason": None, "delivery": None}, [], MessageStatus("m", "ready", "", "", NOW.isoformat())),
        ({"state": "sent", "reason": None}, [["a"], ["b", "c"]], MessageStatus("m", "sent", "", "", NOW.isoformat(), "b c")),
        (None, [["a"], ["b", "c"]], MessageStatus("m", "refused", "b c", "", NOW.isoformat(), "b c")),
        (None, [], MessageStatus("m", "not_found", "Nobody knows this id: it was never enqueued, or it is forgotten.")),
    ],
)  # fmt: skip
def test_what_the_ledger_knows_of_a_job(ledger, stored, refusals, status):
    if stored is not None:
        with ledger.write() as connection:
            connection.execute(insert(messages), [row("m") | stored])
    for faults in refusals:
        refuse(ledger, *faults)
    refuse(ledger, "of another", id_="other")
    assert status_of(ledger, simulated_redis(), KINDS, "m") == status


@pytest.mark.parametrize("lane", Lane)
def test_a_job_that_waits_on_a_stream_is_enqueued(ledger, lane):
    redis, id_ = simulated_redis(), message_id("k")
    job = {"kind": RESET, "to": "a@x.example", "variables": VARIABLES, "idempotency_key": "k"}
    redis.xadd(MAIL[lane].stream, {"v": "1", "odd": "entry"})
    redis.xadd(MAIL[lane].stream, envelope.seal(job, NOW))
    redis.xadd(MAIL[lane].stream, envelope.seal(job | {"idempotency_key": "other"}, NOW))
    assert status_of(ledger, redis, KINDS, id_) == MessageStatus(
        id_, "enqueued", "No worker has taken it yet."
    )
    assert status_of(ledger, redis, KINDS, "never").state == "not_found"


def test_a_redis_that_is_away_hides_nothing_that_the_ledger_knows(ledger, monkeypatch):
    redis = simulated_redis()

    def away(*_, **__):
        raise RedisError

    monkeypatch.setattr(redis, "xrevrange", away)
    with ledger.write() as connection:
        connection.execute(insert(messages), [row("m")])
    assert status_of(ledger, redis, KINDS, "m").state == "ready"
    with pytest.raises(StreamUnavailable):  # it may wait there: nobody can say that it was never enqueued
        status_of(ledger, redis, KINDS, "other")


# ---- the client's side


class Celery:
    """Keeps what was sent; `answer` is then put where the question wants it."""

    def __init__(self, redis, answer=None, fault=None):
        self.redis, self.answer, self.fault, self.sent = redis, answer, fault, []

    def send_task(self, name, *, kwargs, queue, retry, expires):
        if self.fault:
            raise self.fault
        self.sent.append((name, kwargs["id_"], queue, retry, expires))
        if self.answer is not None:
            self.redis.rpush(kwargs["reply_to"], self.answer)


STATUS = MessageStatus("m", "sent", "why", "opened", "2026", "refused")


def test_a_worker_answers():
    redis = simulated_redis()
    celery = Celery(redis, write_status(STATUS))
    assert ask_status(redis, celery, "m", patience=5.0) == STATUS
    assert celery.sent == [("mailworker.tell_status", "m", "mail.urgent", False, 5.0)]


@pytest.mark.parametrize("patience", [0.0, 0.05])
def test_nobody_answers_in_time(monkeypatch, patience):
    redis = simulated_redis()
    waits = []

    class Clock:
        now = 0.0

        @classmethod
        def monotonic(cls):
            return cls.now

    def blpop(_keys, timeout):
        waits.append(timeout)
        Clock.now += timeout

    monkeypatch.setattr(status_reply, "time", Clock)
    monkeypatch.setattr(redis, "blpop", blpop)
    for seconds in (patience, 2.5):
        Clock.now = 0.0
        waits.clear()
        with pytest.raises(NoAnswer, match="No worker answered; is one running"):
            ask_status(redis, Celery(redis), "m", patience=seconds)
        assert sum(waits) == pytest.approx(seconds)
        assert max(waits, default=0) <= 1.0


@pytest.mark.parametrize("fault", [OperationalError("away"), RedisError("away")])
def test_a_redis_that_is_away_is_said(fault):
    with pytest.raises(NoAnswer, match="Redis cannot be reached: away"):
        ask_status(simulated_redis(), Celery(None, fault=fault), "m", patience=1)


@pytest.mark.parametrize(
    ("name", "may"),
    [
        (reply_list("t"), True), ("mailworker:reply:", True), ("mailworker:reply:" + "x" * 102, True),
        ("mailworker:reply:" + "x" * 103, False), ("mailworker:jobs:mail", False), ("", False),
    ],
)  # fmt: skip
def test_a_worker_answers_in_lists_for_answers_only(name, may):
    assert is_reply_list(name) is may


def test_an_answer_travels_and_a_newer_workers_too():
    assert read_status(write_status(STATUS)) == STATUS
    newer = json.loads(write_status(STATUS)) | {"more": 1, "delivery": None}
    assert read_status(json.dumps(newer)) == MessageStatus("m", "sent", "why", "", "2026", "refused")


def test_a_long_stream_is_looked_through_from_its_end(ledger, monkeypatch):
    monkeypatch.setattr("mailworker.intake.message_status._LOOKED_AT", 2)
    redis = simulated_redis()
    for key in ("a", "b", "c"):
        job = {"kind": RESET, "to": "a@client.example", "variables": VARIABLES, "idempotency_key": key}
        redis.xadd(MAIL[Lane.URGENT].stream, envelope.seal(job, NOW))
    states = [status_of(ledger, redis, KINDS, message_id(key)).state for key in ("a", "b", "c")]
    assert states == ["not_found", "enqueued", "enqueued"]


@pytest.mark.parametrize("number", [0, 19, 20, 21, 40, 44])
def test_few_entries_are_in_memory_at_once_for_each_may_have_files(ledger, monkeypatch, number):
    """The job that is `number` from the stream's end is found, twenty entries at a time."""
    redis, sizes = simulated_redis(), []
    for key in reversed(range(45)):
        job = {"kind": RESET, "to": "a@client.example", "variables": VARIABLES, "idempotency_key": f"k{key}"}
        redis.xadd(MAIL[Lane.URGENT].stream, envelope.seal(job, NOW))
    whole = redis.xrevrange

    def counted(*args, **options):
        found = whole(*args, **options)
        sizes.append(len(found))
        return found

    monkeypatch.setattr(redis, "xrevrange", counted)
    assert status_of(ledger, redis, KINDS, message_id(f"k{number}")).state == "enqueued"
    assert sizes == [20, 20, 5][: number // 20 + 1]
