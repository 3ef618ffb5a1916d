"""A local Mailjet for clients that others wrote, and the place where those that need an environment have one."""

import os
from pathlib import Path

import pytest

from mailworker.simulator import running

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
