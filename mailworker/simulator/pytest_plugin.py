"""A local Mailjet for anybody's tests.

In your conftest.py: `pytest_plugins = ["mailworker.simulator.pytest_plugin"]`.
"""

from collections.abc import Iterator

import pytest

from mailworker.simulator.running_simulator import RunningSimulator
from mailworker.simulator.server import running


@pytest.fixture(scope="session")
def mailjet_server() -> Iterator[RunningSimulator]:
    """One local Mailjet for the whole run, without a limit on calls. Override it for other settings."""
    with running(calls_per_minute=0) as simulator:
        yield simulator


@pytest.fixture
def mailjet_simulator(mailjet_server: RunningSimulator) -> RunningSimulator:
    """The local Mailjet, empty and well-behaved."""
    mailjet_server.reset()
    return mailjet_server
