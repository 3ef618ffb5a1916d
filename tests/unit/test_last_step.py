"""Whether a mail may leave, asked at the last moment."""

from datetime import UTC, datetime, timedelta

import pytest

from mailworker.core.kind import Kind
from mailworker.core.states import State
from mailworker.rules.pre_send_check import Facts, is_safe, last_step

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
SERVICE, NEWS = Kind("reset", ()), Kind("news", (), service=False)
A_SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("kind", "facts", "state", "why"),
    [
        (SERVICE, {}, None, ""),
        (SERVICE, {"expires_at": NOW + A_SECOND}, None, ""),
        (SERVICE, {"expires_at": NOW}, State.EXPIRED, "too late to be useful"),
        (SERVICE, {"no_longer_true": "the invoice was paid"}, State.CANCELLED, "the invoice was paid"),
        (SERVICE, {"safe": False}, State.SUPPRESSED, "not on the safelist of this environment"),
        (SERVICE, {"suppressed": "unsubscribed"}, None, ""),
        (NEWS, {"suppressed": "unsubscribed"}, State.SUPPRESSED, "suppression list: unsubscribed"),
        (SERVICE, {"suppressed": "hard_bounce"}, State.SUPPRESSED, "suppression list: hard_bounce"),
        (SERVICE, {"suppressed": "spam"}, State.SUPPRESSED, "suppression list: spam"),
        (SERVICE, {"suppressed": "blocked"}, State.SUPPRESSED, "suppression list: blocked"),
        (NEWS, {"suppressed": "spam"}, State.SUPPRESSED, "spam"),
        # the first reason is told
        (NEWS, {"expires_at": NOW, "no_longer_true": "x", "safe": False, "suppressed": "spam"}, State.EXPIRED, "late"),
        (NEWS, {"no_longer_true": "x", "safe": False, "suppressed": "spam"}, State.CANCELLED, "x"),
        (NEWS, {"safe": False, "suppressed": "spam"}, State.SUPPRESSED, "safelist"),
    ],
)  # fmt: skip
def test_the_last_step(kind, facts, state, why):
    objection = last_step(Facts("m", kind, NOW, **facts))
    assert (objection and objection.state) == state
    assert objection is None or why in objection.why


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
        ("a@b.fr", "staging", ("",), False),
        ("a@b.fr", "staging", ("@",), False),
    ],
)
def test_the_safelist(email, environment, safelist, safe):
    assert is_safe(email, environment=environment, safelist=safelist) is safe
