"""The breaker in Redis: one state for all workers, by Redis's clock, told once."""

import pytest
from redis.exceptions import ConnectionError as RedisGone

from mailworker.cli.doctor_checks.finding import Note
from mailworker.cli.doctor_checks.redis import breaker_faults
from mailworker.limits import CallLane
from mailworker.limits.breaker_state import KEY, Breaker, BreakerUnavailable
from mailworker.limits.token_and_breaker import admit
from mailworker.rules.circuit_breaker import Circuit
from tests.doubles import FakeBucket


@pytest.fixture
def breaker(redis, clock):
    return Breaker(redis, 200, 400)


def fail(breaker, call_id, reason="HTTP 503"):
    assert breaker.enter(call_id)[0].wait == 0
    return breaker.unanswered(call_id, reason)


def answer(breaker, call_id):
    """A question and then a message, both answered; gives what the operator is told."""
    for one in (f"question before {call_id}", call_id):
        cleared, _ = breaker.enter(one)
        assert cleared.wait == 0
        told = breaker.answered(one)
    return told


def test_what_one_worker_learns_all_workers_know(breaker, redis, clock):
    other = Breaker(redis, 200, 400)
    assert fail(breaker, "a") == ""
    assert "OUT OF ORDER" in fail(breaker, "b")
    assert other.wait() == pytest.approx(2, abs=0.1)
    clock.advance(2)
    assert fail(other, "c") == "", "the outage is told once"
    clock.advance(4)
    assert "answers again after 6 s" in answer(breaker, "d")
    assert breaker.state().is_open is False


def test_doctor_metrics_and_page_can_ask_for_how_long(breaker, clock):
    assert (breaker.open_seconds(), list(breaker_faults(breaker))) == (0.0, [])
    fail(breaker, "a")
    fail(breaker, "b", "Mailjet answered HTTP 503.")
    clock.advance(3700)
    assert breaker.open_seconds() == pytest.approx(3700)
    (sentence,) = breaker_faults(breaker)
    assert "out of order for 61 min" in sentence
    assert "HTTP 503" in sentence


@pytest.mark.parametrize(("seconds", "mails"), [(0.1, 0), (0.6, 0), (1.0, 3000), (4.0, 750)])
def test_the_doctor_says_where_slow_answers_bound_the_speed(redis, clock, seconds, mails):
    breaker = Breaker(redis, 200, 50)
    assert breaker.enter("a")[0].messages
    clock.advance(seconds)
    breaker.answered("a")
    assert breaker.slowed_to() == mails
    notes = list(breaker_faults(breaker))
    assert [isinstance(note, Note) for note in notes] == [True] * bool(mails)
    assert all(
        f"takes {seconds} s to answer, so that at most {mails} mails a minute" in note for note in notes
    )


def test_the_alarm_says_why(breaker):
    fail(breaker, "a", "first")
    assert "its certificate is not trusted" in fail(breaker, "b", "its certificate is not trusted.")


@pytest.mark.parametrize(
    "kept", ["", "nonsense", "[]", '{"failures": 1, "of the future": 2}', '{"under_way": [1]}']
)
def test_what_it_cannot_read_is_a_fresh_start(breaker, redis, kept):
    redis.set(KEY, kept)
    assert breaker.state() == Circuit()
    assert breaker.wait() == 0


def test_without_redis_nobody_calls(breaker, monkeypatch):
    def gone(*_args, **_kwargs):
        raise RedisGone

    monkeypatch.setattr(breaker._redis, "transaction", gone)
    for ask in (breaker.wait, lambda: breaker.enter("a"), lambda: breaker.answered("a"), breaker.state):
        with pytest.raises(
            BreakerUnavailable,
            match=r"^Redis does not answer; without it Mailjet is not called \((Connection|Timeout)Error\)\.$",
        ):
            ask()


def test_an_outage_spends_no_token(breaker):
    fail(breaker, "a")
    fail(breaker, "b")
    bucket = FakeBucket()
    assert admit(bucket, breaker, CallLane.BULK, patience=60, worth_waiting=lambda: True) is None
    assert bucket.numbers == 0


def test_who_is_refused_with_the_token_in_hand_gives_it_back(breaker, redis):
    bucket = FakeBucket()
    take = bucket.take

    def take_and_let_another_go_first(*args, **kwargs):
        fail(breaker, "x")
        fail(breaker, "y")
        return take(*args, **kwargs)

    bucket.take = take_and_let_another_go_first
    assert admit(bucket, breaker, CallLane.BULK, patience=60, worth_waiting=lambda: True) is None
    assert bucket.given_back == 1


def test_what_a_call_carries_is_what_it_may_leave_in_doubt(redis, clock):
    breaker = Breaker(redis, 200, 25)
    breaker.enter("a")
    breaker.answered("a")
    assert breaker.enter("b")[0].messages == 25
    breaker.carry("b", 5)
    assert [one.messages for one in breaker.state().under_way] == [5]


def test_a_question_lets_one_message_try_and_an_answer_to_it_ends_the_outage(breaker, clock):
    fail(breaker, "a")
    fail(breaker, "b")
    clock.advance(2)
    assert breaker.enter("c")[0].is_question
    assert breaker.answered("c") == "", "it is not over before a message was taken"
    assert breaker.state().is_open
    assert breaker.enter("d")[0].messages == 1
    assert "answers again" in breaker.answered("d")


def test_who_may_go_knows_how_many_may_come_along(breaker):
    admission = admit(FakeBucket(), breaker, CallLane.BULK, patience=1, worth_waiting=lambda: True)
    assert (admission.permit.call_id, admission.clearance.messages) == ("call-1", 20)


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_clock_that_jumps_while_mailjet_is_away_shuts_nobody_out(breaker, clock, hours):
    for call_id in "abcdef":
        while breaker.wait():
            clock.advance(1)
        fail(breaker, call_id)
    clock.advance(3600 * hours)
    assert breaker.wait() <= 90
    assert breaker.open_seconds() >= 0
    clock.advance(90)
    answer(breaker, "g")
    assert breaker.wait() == 0


def test_a_clock_that_is_set_back_under_a_dead_call_stops_nobody_for_long(breaker, clock):
    breaker.enter("a")
    breaker.answered("a")
    breaker.enter("dead")
    clock.advance(-7200)
    clock.advance(5)
    assert breaker.wait() == 0
