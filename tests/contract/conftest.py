"""A local Mailjet for clients that others wrote, and the place where those that need an environment have one."""

import json
import os
from pathlib import Path

import pytest

from mailworker.simulator import api_edge, running
from mailworker.simulator.routes import handle
from tests.contract.rest_description import misfits

#: Made by `make clients`; each folder is a client's own environment.
CLIENTS = Path(__file__).parents[2] / ".clients"


@pytest.fixture
def mailjet():
    """A local Mailjet without a limit on calls."""
    with running(calls_per_minute=0) as simulator:
        yield simulator


def environment(name):
    """The folder of a client's environment; the test is skipped, or fails in CI, where there is none."""
    folder = CLIENTS / name
    if not (folder / ".ready").exists():
        why = f"{name} is not there; make it with `make clients`"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    return folder


@pytest.fixture
def described(monkeypatch):
    """Holds every call that the local Mailjet accepts, and its answer, against Mailjet's own description."""
    found = []

    def handled(call, world):
        answer = handle(call, world)
        if answer.status < 300:
            body = json.loads(answer.body) if answer.body else None
            asked = None if call.method in ("GET", "DELETE") or not call.body else call.document
            found.extend(misfits(call.method, call.path, call.query, asked, body))
        return answer

    monkeypatch.setattr(api_edge, "handle", handled)
    yield
    assert sorted(set(found)) == []
