"""Random jobs, invoices, contacts and events at every door: each is taken, or refused with a sentence.

Quick by default; `MAILWORKER_FUZZ=100000` makes it a long run. `MAILWORKER_FUZZ_SEED` repeats one.
"""

import copy
import json
import math
import os
import random
from collections import Counter

import pytest
from sqlalchemy import func, select

from mailworker.config.catalogue import INVOICE, KINDS
from mailworker.core.clock import utc_now
from mailworker.core.message import Lane
from mailworker.deliveries import Deliveries, EventStream
from mailworker.errors import BadInput, IdempotencyConflict
from mailworker.intake import Intake, JobStream
from mailworker.ledger.tables import messages, rejected_jobs
from mailworker.queue.channels import MAIL
from tests.doubles import FakeFiles

pytestmark = [pytest.mark.integration, pytest.mark.timeout(3000)]

ROUNDS = int(os.environ.get("MAILWORKER_FUZZ", "1500"))
SEED = int(os.environ.get("MAILWORKER_FUZZ_SEED", "11"))

NASTY = [
    None, True, "", "\0", "\ud83d", "x" * 20_000, "é\u202e\u2028", "{{var:x}}", "'; DROP TABLE messages; --", "a@b.fr", "https://h.example/1",
    0, -1, 2**31, 2**63, 2**70, 10**30, 1e308, -0.0, 0.1 + 0.2, math.nan, math.inf, [], {}, [[[[]]]], {"": ""}, {"a": {"b": []}}, "2026-11-30",
    "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "2026-01-01T00:00:00Z", b"bytes".decode(), "FR", "EUR", "-5.00", "1e999999",
]  # fmt: skip
INVOICE_BODY = {
    "invoice_number": "INV-1", "date": "2026-01-10", "due_date": "2026-02-10", "total_amount": 12.0, "total_tax": 2.0,
    "client": {"name": "Ana", "email": "ana@client.example"}, "transactions": [{"description": "x", "amount": 10.0, "tax_rate": 20}],
}  # fmt: skip


def value(dice, depth=0):
    if depth > 3 or dice.random() < 0.7:
        return copy.deepcopy(dice.choice(NASTY))
    if dice.random() < 0.05:
        return json.loads("[" * 500 + "]" * 500)
    inner = [value(dice, depth + 1) for _ in range(dice.randrange(4))]
    return (
        inner
        if dice.random() < 0.5
        else {dice.choice(["a", "id", "\0", "\ud800", "x" * 300, "é"]): one for one in inner}
    )


def mutated(dice, good):
    """A good thing with some of its parts replaced, taken away or added."""
    made = json.loads(json.dumps(good))
    for _ in range(dice.choice([0, 0, 1, 1, 2, 4])):
        place = made
        while isinstance(place, dict) and place and dice.random() < 0.5:
            inner = place[dice.choice(list(place))]
            if not isinstance(inner, dict):
                break
            place = inner
        if not isinstance(place, dict):
            continue
        name = dice.choice([*place, "unknown", "id", "version"]) if place else "unknown"
        if dice.random() < 0.2:
            place.pop(name, None)
        else:
            place[name] = value(dice)
    return made


def job(dice, number):
    kind = KINDS[dice.choice(list(KINDS))]
    if dice.random() < 0.4:
        good = {
            "kind": INVOICE,
            "variables": {},
            "invoice": {**INVOICE_BODY, "invoice_number": f"INV-{number}"},
        }
    else:
        sample = {"url": "https://h.example/1", "integer": 3, "email": "a@b.fr"}
        variables = {one.name: sample.get(one.type.value, "text") for one in kind.variables}
        good = {
            "kind": kind.name,
            "to": f"z{number}@client.example",
            "variables": variables,
            "language": "fr",
            "customer_id": "7",
        }
        if dice.random() < 0.2:
            good |= {
                "cc": "c@b.fr",
                "send_at": "2026-12-01T09:00:00Z",
                "attachments": [{"filename": "a.pdf", "content_type": "a/b", "content": "eA=="}],
            }
    return mutated(dice, good | ({"idempotency_key": f"k{number}"} if dice.random() < 0.5 else {}))


def event(dice, number):
    good = {
        "event": dice.choice(["sent", "open", "bounce", "spam", "blocked", "unsub", "new"]),
        "time": 1_790_000_000 + number,
        "MessageID": number,
        "CustomID": f"m{number}",
        "email": "ana@client.example",
        "error": "text",
        "hard_bounce": True,
    }
    return mutated(dice, good)


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
        body = json.dumps([event(dice, number + one) for one in range(5)])
        if dice.random() < 0.05:
            body = body[: dice.randrange(len(body))]
        redis.xadd("mailworker:events", {"v": "1", "at": utc_now().isoformat(), "body": body})
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
