"""A whole house, as OmniCRM meets it: real workers, a real Redis-protocol server, a local Mailjet."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.result import AsyncResult

from mailworker.cli.local_stack import Servers, wait_until
from mailworker.cli.local_stack.production_workers import PRODUCTION_WORKERS
from mailworker.core.states import FINAL
from mailworker.ledger import Ledger
from mailworker.ledger.message_search import Story, story
from tests.contract.recording import everything_fits

VERIFICATION = "api_crmCommunicationEmailVerification"
#: For one worker in the place of production's five, each of which takes seconds to start.
EVERY_QUEUE = [queue for process in PRODUCTION_WORKERS for queue in process.queues]
RESET = "api_crmCommunicationUserPasswordReset"
#: Before a command that a test ends with Ctrl-C: a shell that runs the tests in the background lets all ignore it.
HEARS_CTRL_C = ("env", "--default-signal=INT")


@dataclass
class RunningStack:
    """The servers, and the questions that tests ask them."""

    servers: Servers

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger.open(self.servers.database_url)

    def story(self, id_: str) -> Story | None:
        with self.ledger.read() as connection:
            return story(connection, id_)

    def final(self, *ids: str, seconds: float = 40) -> list[str]:
        """Wait until these messages are final; their states."""

        def all_final() -> bool:
            stories = [self.story(id_) for id_ in ids]
            return all(one is not None and one.message["state"] in FINAL for one in stories)

        assert wait_until(all_final, seconds=seconds), [self.story(id_) for id_ in ids]
        return [str(self.story(id_).message["state"]) for id_ in ids]

    def arrived(self, id_: str) -> int:
        """How often the local Mailjet got it."""
        return len(self.servers.mailbox.messages(custom_id=id_))

    def mailworker(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command as an operator would."""
        return subprocess.run(
            [sys.executable, "-m", "mailworker", *arguments],
            env={**os.environ, **self.servers.environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


def answer(result: AsyncResult, *, propagate: bool = True) -> Any:
    """What a task answered. Its result is let go of: celery would ask Redis about it even after the tests."""
    try:
        return result.get(timeout=40, propagate=propagate)
    finally:
        result.forget()
        result.backend = None


@pytest.fixture
def stranger(container: RunningStack) -> Iterator[Celery]:
    """A program that has nothing but Celery, and waits for answers."""
    app = Celery(
        broker=container.servers.redis_url, backend=container.servers.redis_url, set_as_current=False
    )
    yield app
    app.backend.result_consumer.stop()
    app.backend.client.connection_pool.disconnect()
    app.close()


def verification(name: str = "Ana") -> dict[str, Any]:
    return {"user_name": name, "verification_url": "https://crm.example/verify/5b1d9c0e"}


@pytest.fixture(scope="session", autouse=True)
def record(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Every call that a local Mailjet got in these tests, in a file. All fit Mailjet's description, at the end."""
    with everything_fits(tmp_path_factory.mktemp("record")) as path:
        yield path


@pytest.fixture(scope="session")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """One house for all tests that leave it standing: every worker of production, and beat."""
    with Servers(tmp_path_factory.mktemp("house")) as servers:
        servers.production_workers()
        servers.beat()
        made = RunningStack(servers)
        yield made
        made.ledger.close()
