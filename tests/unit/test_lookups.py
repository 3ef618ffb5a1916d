"""When Mailjet is asked again about what it did not know."""

from datetime import UTC, datetime, timedelta

import pytest

from mailworker.config.builtin_kinds import KINDS
from mailworker.core.kind import Kind
from mailworker.core.states import State
from mailworker.rules.lookup_schedule import AFTERWARDS, FOR_A_PERSON, NOT_FOUND, NOT_TAKEN, after_not_found
from mailworker.rules.secret_variables import wiped

CALLED = datetime(2026, 11, 30, 9, tzinfo=UTC)
PLAN = tuple(timedelta(seconds=s) for s in (30, 120, 600, 3600))
STRICT, EAGER = Kind("invoice", ()), Kind("reset", (), resend_unknown_after=timedelta(minutes=5))


@pytest.mark.parametrize(
    ("kind", "seconds", "state", "next_at"),
    [
        (STRICT, 31, State.UNKNOWN, 120),
        (STRICT, 121, State.UNKNOWN, 600),
        (STRICT, 700, State.UNKNOWN, 3600),  # look-ups that were missed are not made up for
        (STRICT, 601, State.UNKNOWN, 3600),
        (STRICT, 3601, State.UNKNOWN, None),  # now and then, for ever; never sent blindly
        (STRICT, 10**6, State.UNKNOWN, None),
        (EAGER, 31, State.UNKNOWN, 120),
        (EAGER, 121, State.UNKNOWN, 300),
        (EAGER, 299, State.UNKNOWN, 300),
        (EAGER, 300, State.READY, 300),
        (EAGER, 9999, State.READY, 9999),
    ],
)
def test_silence_of_mailjet(kind, seconds, state, next_at):
    now = CALLED + timedelta(seconds=seconds)
    fate = after_not_found("m", kind, called_at=CALLED, now=now, plan=PLAN, proved=False)
    assert fate.state is state
    assert fate.not_before == (now + AFTERWARDS if next_at is None else CALLED + timedelta(seconds=next_at))
    assert fate.why.startswith(FOR_A_PERSON if next_at is None else NOT_FOUND)


CAREFUL = Kind("invoice", (), resend_unknown_after=timedelta(hours=2), resend_needs_proof=True)


@pytest.mark.parametrize(
    ("seconds", "proved", "state", "why"),
    [
        (3601, True, State.UNKNOWN, NOT_FOUND),  # too soon, whatever Mailjet shows
        (7199, True, State.UNKNOWN, NOT_FOUND),
        (7200, False, State.UNKNOWN, NOT_FOUND),
        (7200, True, State.READY, NOT_TAKEN),
        (86_399, False, State.UNKNOWN, NOT_FOUND),
        (86_400, False, State.READY, NOT_TAKEN),  # where hardly any mail leaves, nothing can show it
    ],
)
def test_a_proof_is_wanted_that_mailjet_would_show_it(seconds, proved, state, why):
    now = CALLED + timedelta(seconds=seconds)
    fate = after_not_found("m", CAREFUL, called_at=CALLED, now=now, plan=PLAN, proved=proved)
    assert (fate.state, fate.why) == (state, why)
    assert fate.not_before > now or state is State.READY


def test_only_the_urgent_kinds_are_ever_sent_again_without_a_proof():
    assert {kind.name for kind in KINDS.values() if not kind.resend_needs_proof} == {
        kind.name for kind in KINDS.values() if kind.lane == 0
    }


@pytest.mark.parametrize(
    ("kind", "variables", "kept"),
    [
        ("UserPasswordReset", {"user_name": "Z", "reset_url": "https://x"}, {"user_name": "Z"}),
        ("UserWelcome", {"temp_password": "p", "role": "r"}, {"role": "r"}),
        ("EmailVerification", {"verification_url": "u", "verification_code": "c"}, {}),
        ("UserWelcome", {"role": "r"}, None),
        ("UserWelcome", None, None),
        ("CustomerWelcome", {"customer_name": "Z"}, None),
    ],
)
def test_secrets_are_wiped(kind, variables, kept):
    assert wiped(KINDS[f"api_crmCommunication{kind}"], variables) == kept
