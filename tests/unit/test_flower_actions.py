"""Flower's password is a viewer's."""

import pytest
from flower import urls

from mailworker.tasks.flower_actions import leave_to_view, viewing

ACTING = (
    "send-task",
    "apply",
    "async-apply",
    "revoke",
    "shutdown",
    "pool",
    "abort",
    "rate-limit",
    "timeout",
    "consumer",
    "result",
)


@pytest.fixture
def routes():
    before = urls.handlers[:]
    yield urls.handlers
    urls.handlers[:] = before


def patterns(routes):
    return [str(route[0] if isinstance(route, tuple) else route.regex.pattern) for route in routes]


def test_what_acts_is_gone_and_what_looks_is_left(routes):
    left = patterns(viewing(routes))
    assert not [
        pattern for pattern in left if pattern.startswith("/api/") and any(word in pattern for word in ACTING)
    ]
    assert {"/api/workers", "/api/tasks", "/api/task/info/(.*)"} <= set(left)
    assert [one for one in left if not one.startswith("/api/")] == [
        one for one in patterns(routes) if not one.startswith("/api/")
    ]


@pytest.mark.parametrize(
    ("arguments", "environ", "acts"),
    [
        (["celery", "-A", "tasks", "flower"], {}, False),
        (["celery", "-A", "tasks", "flower"], {"FLOWER_ACTIONS": "true"}, True),
        (["celery", "-A", "tasks", "worker"], {}, True),
    ],
)
def test_when_it_is_only_a_view(routes, arguments, environ, acts):
    leave_to_view(arguments, environ)
    assert any("send-task" in pattern for pattern in patterns(routes)) is acts
