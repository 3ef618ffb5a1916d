"""Whether a mail may leave, asked at the last moment."""

from datetime import UTC, datetime, timedelta

import pytest

from mailworker.core.states import State
from mailworker.rules.pre_send.may_leave import Facts, last_step
from mailworker.rules.pre_send.verdicts import Cancel, Replace, Reword, Wait
from mailworker.rules.safelist import is_safe

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
A_SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("facts", "state", "why"),
    [
        ({}, None, ""),
        ({"expires_at": NOW + A_SECOND}, None, ""),
        ({"expires_at": NOW}, State.EXPIRED, "too late to be useful"),
        ({"verdict": Cancel("the invoice was paid")}, State.CANCELLED, "the invoice was paid"),
        ({"safe": False}, State.SUPPRESSED, "not on the safelist of this environment"),
        ({"refused": "suppression list: spam"}, State.SUPPRESSED, "suppression list: spam"),
        ({"verdict": Replace({}, (), "another says it")}, State.CANCELLED, "another says it"),
        ({"verdict": Wait(NOW + A_SECOND, "night")}, State.READY, "night"),
        ({"verdict": Reword({}, NOW, "anew")}, State.READY, "anew"),
        ({"verdict": Wait(NOW, "night"), "refused": "spam"}, State.SUPPRESSED, "spam"),
        # the first reason is told
        (
            {"expires_at": NOW, "verdict": Cancel("x"), "safe": False, "refused": "spam"},
            State.EXPIRED,
            "late",
        ),
        ({"verdict": Cancel("x"), "safe": False, "refused": "spam"}, State.CANCELLED, "x"),
        ({"safe": False, "refused": "spam"}, State.SUPPRESSED, "safelist"),
    ],
)
def test_the_last_step(facts, state, why):
    known = {
        "expires_at": None,
        "refused": None,
        "verdict": None,
        "safe": True,
        "attempts": 3,
        "most_attempts": 6,
    } | facts
    objection = last_step(Facts("m", NOW, **known))
    assert (objection and objection.state) == state
    assert objection is None or why in objection.why
    waits = objection is not None and why == "night"
    assert objection is None or objection.attempts == (3 if waits else 2), (
        "no call was made, nor did a worker die"
    )


@pytest.mark.parametrize(("attempts", "kept"), [(1, 1), (5, 5), (6, 6), (7, 6), (40, 6)])
def test_who_waits_often_counts_no_more_tries_than_half(attempts, kept):
    facts = Facts("m", NOW, None, None, Wait(NOW + A_SECOND, "night"), True, attempts, 6)
    assert last_step(facts).attempts == kept


@pytest.mark.parametrize(
    ("email", "environment", "safelist", "safe"),
    [
        ("a@b.fr", "production", (), True),
        ("a@b.fr", "production", ("x@y.fr",), True),
        ("a@b.fr", "staging", (), False),  # an empty list means nobody
        ("A@b.fr", "staging", ("a@B.fr",), True),
        ("a@b.fr", "staging", ("@B.fr",), True),
        ("a@sub.b.fr", "staging", ("@b.fr",), False),
        ("a@evilb.fr", "staging", ("@b.fr",), False),
        ("a@b.fr", "staging", ("b.fr",), False),  # a domain is written with its @
        ("A@xn--exmple-cua.fr", "staging", ("@EXÄMPLE.fr",), True),
        ("a@exämple.fr", "staging", ("A@xn--exmple-cua.fr",), True),
        ("a@b.fr", "staging", ("",), False),
        ("a@b.fr", "staging", ("@",), False),
    ],
)
def test_the_safelist(email, environment, safelist, safe):
    assert is_safe(email, environment=environment, safelist=safelist) is safe
