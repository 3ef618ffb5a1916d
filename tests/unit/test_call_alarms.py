"""What an operator hears of a call: from the breaker, the bucket, the holds and the failures, each once and none lost."""

import pytest

from mailworker.core.lane import Lane
from mailworker.core.settlement import Receipt
from mailworker.errors import Misconfigured, Refused, Throttled, UnknownOutcome
from mailworker.limits.breaker_state import BreakerUnavailable
from mailworker.limits.rate_limit_by_lane import BucketUnavailable
from mailworker.rules.circuit_breaker import Clearance
from tests.rows import after, row
from tests.unit.test_dispatch import World, raising

BACK, GONE = "Mailjet answers again.", "MAILJET IS OUT OF ORDER."
QUESTION = Clearance(0, is_probe=True)


@pytest.fixture
def world(ledger_file):
    made = World(ledger_file)
    made.put(row("m1"), row("m2"))
    made.breaker.answered = lambda _call: BACK
    made.breaker.unanswered = lambda *_: GONE
    yield made
    made.ledger.close()


@pytest.mark.parametrize(
    ("answer", "alarms"),
    [
        (lambda _: Receipt(1, "u"), (BACK,)),
        (raising(UnknownOutcome("503")), (GONE,)),
        (
            raising(Throttled("429", retry_after=7)),
            (BACK, "Mailjet says we are too fast; nobody calls for 7 s."),
        ),
        (raising(Misconfigured("401", code="401")), (BACK, "ALL MAIL IS HELD until a person acts: 401")),
        (lambda _: Refused("no", code="x"), (BACK, "2 messages failed for good, the first m1: no")),
    ],
)
def test_all_that_a_call_says_is_heard(world, answer, alarms):
    world.post.answer = answer
    done = world.go()
    assert done.called
    assert done.alarms == alarms


@pytest.mark.parametrize(
    ("answer", "alarms"),
    [
        (lambda _: Receipt(0, ""), (BACK,)),
        (raising(UnknownOutcome("503")), (GONE,)),
        (
            raising(Throttled("429", retry_after=7)),
            (BACK, "Mailjet says we are too fast; nobody calls for 7 s."),
        ),
        (raising(Misconfigured("401", code="401")), (BACK,)),
    ],
)
def test_all_that_a_question_says_is_heard(world, answer, alarms):
    world.post.answer = answer
    world.breaker.clearance = QUESTION
    done = world.go()
    assert (done.alarms, done.called, done.outcomes) == (alarms, False, {})


@pytest.mark.parametrize("clearance", [Clearance(), QUESTION])
def test_what_the_breaker_says_at_the_beginning_comes_first(world, clearance):
    world.breaker.enter = lambda _call, **_: (clearance, "a try leaves")
    world.breaker.clearance = clearance
    assert world.go().alarms == ("a try leaves", BACK)


@pytest.mark.parametrize("clearance", [Clearance(), QUESTION])
def test_a_breaker_out_of_reach_says_so_itself(world, clearance):
    world.breaker.answered = raising(BreakerUnavailable("Redis is gone."))
    world.breaker.clearance = clearance
    assert world.go().alarms == ("Redis is gone.",)


def test_a_bucket_out_of_reach_after_a_429_says_so(world):
    world.post.answer = raising(Throttled("429", retry_after=7))
    world.bucket.pause = raising(BucketUnavailable("Redis is gone."))
    assert world.go().alarms == (
        BACK,
        "Mailjet says we are too fast; nobody calls until Redis is back: Redis is gone.",
    )


def test_a_worker_that_stood_still_says_so_and_calls_nobody(world):
    departure = world.dispatcher.prepare(Lane.NORMAL, patience=1)
    world.clock.now = departure.batch.lease.until
    world.breaker.leave = lambda _call: None
    done = world.dispatcher.depart(departure)
    assert done.alarms == ("This worker stood still past its lease; its messages are somebody else's now.",)
    assert world.post.calls == []
    world.breaker.leave = raising(BreakerUnavailable("Redis is gone."))
    assert world.dispatcher.depart(departure).alarms[1:] == ("Redis is gone.",)


def test_a_moment_before_its_lease_ends_a_call_still_leaves(world):
    departure = world.dispatcher.prepare(Lane.NORMAL, patience=1)
    world.clock.now = departure.batch.lease.until - (after(1) - after(0))
    assert world.dispatcher.depart(departure).outcomes == {"sent": 2}
