"""Random jobs, invoices, contacts and events at every door: each is taken, or refused with a sentence.

Quick by default; `MAILWORKER_FUZZ=100000` makes it a long run. `MAILWORKER_FUZZ_SEED` repeats one.
"""

import json
import os
import random
from collections import Counter

import pytest
from sqlalchemy import func, select

from mailworker.config.builtin_kinds import KINDS
from mailworker.core.clock import utc_now
from mailworker.core.lane import Lane
from mailworker.deliveries import Deliveries, EventStream
from mailworker.errors import BadInput, IdempotencyConflict
from mailworker.intake import Intake, JobStream
from mailworker.ledger.tables import messages, rejected_jobs
from mailworker.queue.celery_queues import MAIL
from mailworker.queue.envelope import seal_post
from tests.doubles import FakeFiles
from tests.random_input import job, webhook_body

pytestmark = [pytest.mark.integration, pytest.mark.timeout(3000)]

ROUNDS = int(os.environ.get("MAILWORKER_FUZZ", "500"))
SEED = int(os.environ.get("MAILWORKER_FUZZ_SEED", "11"))


@pytest.fixture
def intake(ledger):
    return Intake(ledger, KINDS, FakeFiles(), language="fr")


def accepted(intake, asked):
    """What the door for single jobs said, empty where it took the job; and how many messages that made."""
    try:
        return "", len(intake.accept(asked, now=utc_now()).ids)
    except (BadInput, IdempotencyConflict) as refused:
        return str(refused), 0


def is_sentence(text):
    return text.endswith((".", "?"))


def count(ledger, table):
    with ledger.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def sentences(ledger):
    with ledger.read() as connection:
        return [
            fault
            for faults in connection.execute(select(rejected_jobs.c.faults)).scalars()
            for fault in faults
        ]


def test_every_job_is_taken_or_refused(ledger, intake, valkey_redis):
    dice, redis = random.Random(SEED), surrogates(valkey_redis)
    stream, met = JobStream(redis, Lane.NORMAL, intake), Counter()
    for number in range(ROUNDS):
        asked = job(dice, number)
        if number % 3:
            at = utc_now()
            redis.xadd(
                MAIL[Lane.NORMAL].stream,
                {
                    "v": "1",
                    "at": at.isoformat(),
                    "job": json.dumps(asked),
                    **({"id": f"id-{number}"} if number % 2 else {}),
                },
            )
            met["streamed"] += 1
            continue
        told, ids = accepted(intake, asked)
        met += Counter(new=ids, refused=bool(told))
        assert not told or is_sentence(told), told
    entries = 0
    while (done := stream.drain_some(utc_now())) is not None:
        entries += done.entries
        met += Counter(new=done.new, rejected=done.rejected, repeated=done.repeated)
        assert not done.alarms
    assert entries == met["streamed"]
    assert stream.waiting() == 0
    assert valkey_redis.xlen("mailworker:quarantine") == 0
    assert met["new"] + met["repeated"] >= ROUNDS // 10, "many of them are good"
    assert count(ledger, messages) <= met["new"] + met["repeated"]
    told = sentences(ledger)
    assert count(ledger, rejected_jobs) == met["rejected"]
    assert all(map(is_sentence, told))
    unforeseen = [fault for fault in told if "could not be taken" in fault]
    assert unforeseen == [], "a sentence says what is wrong, not where we stumbled"


def test_every_event_is_recorded_or_refused(ledger, valkey_redis):
    dice, redis = random.Random(SEED), surrogates(valkey_redis)
    stream = EventStream(redis, ledger, Deliveries(ledger, KINDS))
    for number in range(0, ROUNDS, 5):
        redis.xadd("mailworker:events", seal_post(webhook_body(dice, number), utc_now()))
    recorded = 0
    while (done := stream.drain_some(utc_now())) is not None:
        recorded += done.new + done.repeated
        assert not [alarm for alarm in done.alarms if "QUARANTINE" in alarm]
    assert stream.waiting() == 0
    assert recorded > ROUNDS // 3
    assert all(map(is_sentence, sentences(ledger)))
    assert not [fault for fault in sentences(ledger) if "could not be" in fault]


def surrogates(redis):
    """As workers read: what is no UTF-8 comes as half characters."""
    redis.connection_pool.connection_kwargs["encoding_errors"] = "surrogateescape"
    redis.connection_pool.disconnect()
    return redis
