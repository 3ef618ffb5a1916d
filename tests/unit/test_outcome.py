"""What each answer means for one message."""

from datetime import UTC, datetime, timedelta

import pytest

from mailworker.core.settlement import Receipt
from mailworker.core.states import State
from mailworker.errors import (
    BadInput,
    Misconfigured,
    PermanentError,
    Refused,
    RefusedWithoutReason,
    Throttled,
    TooLarge,
    TransientError,
    UnknownOutcome,
    Unreachable,
)
from mailworker.rules.send_outcome import Patience, settlement, split

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
PATIENCE = Patience(12, timedelta(seconds=15), timedelta(hours=1), timedelta(seconds=30))


def settled(answer, attempts=1, chance=1.0):
    return settlement("m", answer, attempts=attempts, now=NOW, patience=PATIENCE, chance=chance)


@pytest.mark.parametrize(
    ("answer", "attempts", "state", "pause"),
    [
        (Receipt(2**60, "u"), 1, State.SENT, None),
        (UnknownOutcome("x"), 1, State.UNKNOWN, 30),
        (UnknownOutcome("x"), 99, State.UNKNOWN, 30),  # asked about, whatever the count
        (
            Throttled("x", retry_after=60),
            1,
            State.READY,
            None,
        ),  # everybody pauses; it keeps its place and its age
        (Throttled("x", retry_after=60), 99, State.READY, None),
        (Misconfigured("x", code="mj-0015"), 99, State.READY, None),  # the hold keeps it
        (Refused("x", code="mj-0013"), 1, State.FAILED, None),
        (TooLarge("x"), 1, State.FAILED, None),
        (BadInput("x"), 1, State.FAILED, None),
        (PermanentError("x"), 1, State.FAILED, None),
        (Unreachable("x"), 1, State.READY, None),  # the circuit breaker keeps it
        (Unreachable("x"), 99, State.READY, None),
        (RefusedWithoutReason("x", code="400"), 1, State.READY, 15),
        (RefusedWithoutReason("x", code="400"), 11, State.READY, 3600),
        (RefusedWithoutReason("x", code="400"), 12, State.FAILED, None),  # the message's own fault, then
        (TransientError("x"), 1, State.READY, 15),
        (TransientError("x"), 2, State.READY, 30),
        (TransientError("x"), 11, State.READY, 3600),
        (TransientError("x"), 99, State.READY, 3600),
    ],
)
def test_an_answer_decides(answer, attempts, state, pause):
    fate = settled(answer, attempts)
    assert fate.state is state
    assert fate.not_before == (None if pause is None else NOW + timedelta(seconds=pause))
    assert fate.receipt is (answer if state is State.SENT else None)
    assert fate.code == getattr(answer, "code", "")
    assert fate.why


@pytest.mark.parametrize(
    ("answer", "attempts", "counted"),
    [
        (Unreachable("x"), 9, 8),
        (Throttled("x", retry_after=1), 9, 8),
        (RefusedWithoutReason("x"), 9, 9),
        (TransientError("x"), 3, 3),
        (TransientError("x"), 99, 6),  # a message that kills its workers has twelve
    ],
)
def test_what_never_left_brings_nobody_near_the_end(answer, attempts, counted):
    assert settled(answer, attempts).attempts == counted


@pytest.mark.parametrize(("together", "limit"), [(50, 25), (25, 12), (3, 1), (2, 1)])
def test_a_refused_call_is_halved(together, limit):
    fate = split("m", TooLarge("x"), attempts=3, together=together, now=NOW)
    assert (fate.state, fate.batch_limit, fate.not_before) == (State.READY, limit, NOW)
    assert fate.attempts == 2, "nobody's fault yet"


def test_who_is_refused_without_a_reason_to_the_end_says_how_often():
    fate = settled(RefusedWithoutReason("Mailjet refuses it.", code="400"), 12)
    assert fate.why == "gave up after 12 attempts: Mailjet refuses it."


def test_who_travelled_alone_is_guilty():
    fate = split("m", Refused("why", code="mj-0004"), attempts=1, together=1, now=NOW)
    assert (fate.state, fate.why, fate.code) == (State.FAILED, "why", "mj-0004")


@pytest.mark.parametrize("answer", [Throttled("x", retry_after=60), Misconfigured("x", code="mj-0015")])
def test_a_pause_or_a_hold_costs_no_attempt(answer):
    assert settled(answer, 7).attempts == 6


@pytest.mark.parametrize("answer", [UnknownOutcome("x"), Refused("x", code="mj-0013"), Receipt(1, "u")])
def test_any_other_answer_leaves_the_count_as_it_is(answer):
    assert settled(answer, 7).attempts is None


@pytest.mark.parametrize(("together", "half"), [(50, 25), (3, 1), (2, 1)])
def test_a_refused_call_is_halved_and_costs_no_attempt_until_the_guilty_one_is_alone(together, half):
    fate = split("m", Refused("x", code="mj-0007"), attempts=7, together=together, now=NOW)
    assert (fate.state, fate.batch_limit, fate.attempts, fate.not_before) == (State.READY, half, 6, NOW)
    alone = split("m", Refused("x", code="mj-0007"), attempts=7, together=1, now=NOW)
    assert (alone.state, alone.batch_limit, alone.attempts, alone.code) == (
        State.FAILED,
        None,
        None,
        "mj-0007",
    )
