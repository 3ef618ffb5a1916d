"""A local Mailjet for clients that others wrote, and the place where those that need an environment have one."""

import os
from pathlib import Path

import pytest

from mailworker.simulator import running
from tests.contract.recording import differences
from tests.contract.rest_description import read_record
from tests.integration.conftest import valkey, valkey_redis

__all__ = ["valkey", "valkey_redis"]  # fixtures: a real server beside fakeredis

#: Made by `make clients`; each folder is a client's own environment.
CLIENTS = Path(__file__).parents[2] / ".clients"


@pytest.fixture
def mailjet(tmp_path):
    """A local Mailjet without a limit on calls, which keeps a record of them."""
    with running(calls_per_minute=0, record=tmp_path / "calls.jsonl") as simulator:
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
def described(mailjet):
    """Holds every call that the local Mailjet gets, and its answer, against Mailjet's own description."""
    yield
    record = read_record(mailjet.settings.record)
    assert record
    assert differences(record) == []
