"""What each answer means for one message."""

from datetime import UTC, datetime, timedelta

import pytest

from mailworker.core.message import Receipt
from mailworker.core.states import State
from mailworker.errors import (
    BadInput,
    Misconfigured,
    PermanentError,
    Refused,
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
        (Throttled("x", retry_after=60), 1, State.READY, 0),  # everybody pauses, not this one message
        (Throttled("x", retry_after=60), 99, State.READY, 0),
        (Misconfigured("x", code="mj-0015"), 99, State.READY, 0),  # the hold keeps it
        (Refused("x", code="mj-0013"), 1, State.FAILED, None),
        (TooLarge("x"), 1, State.FAILED, None),
        (BadInput("x"), 1, State.FAILED, None),
        (PermanentError("x"), 1, State.FAILED, None),
        (Unreachable("x"), 1, State.READY, 15),
        (Unreachable("x"), 2, State.READY, 30),
        (Unreachable("x"), 11, State.READY, 3600),
        (Unreachable("x"), 12, State.FAILED, None),
        (TransientError("x"), 13, State.FAILED, None),
    ],
)
def test_an_answer_decides(answer, attempts, state, pause):
    fate = settled(answer, attempts)
    assert fate.state is state
    assert fate.not_before == (None if pause is None else NOW + timedelta(seconds=pause))
    assert fate.receipt is (answer if state is State.SENT else None)
    assert fate.code == getattr(answer, "code", "")
    assert fate.why


def test_giving_up_says_how_often_it_was_tried():
    assert settled(Unreachable("no way."), 12).why == "gave up after 12 attempts: no way."


@pytest.mark.parametrize(("together", "limit"), [(50, 25), (25, 12), (3, 1), (2, 1)])
def test_a_refused_call_is_halved(together, limit):
    fate = split("m", TooLarge("x"), attempts=3, together=together, now=NOW)
    assert (fate.state, fate.batch_limit, fate.not_before) == (State.READY, limit, NOW)
    assert fate.attempts == 2, "nobody's fault yet"


def test_who_travelled_alone_is_guilty():
    fate = split("m", Refused("why", code="mj-0004"), attempts=1, together=1, now=NOW)
    assert (fate.state, fate.why, fate.code) == (State.FAILED, "why", "mj-0004")
