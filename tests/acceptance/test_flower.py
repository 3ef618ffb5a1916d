"""A real Flower before a running installation: an operator follows one mail by its message id."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import requests

from mailworker.cli.local_stack import wait_until
from mailworker.cli.local_stack.redis_server import free_port
from mailworker.client import MailClient
from tests.acceptance.conftest import RESET, RunningStack

pytest.importorskip("flower")
pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(180)]

LOGIN = ("ops", "a-password-of-this-test")
ADDRESS, NAME, LINK = "claire.fontaine@example.com", "Claire Fontaine", "https://crm.example/reset/9f3c1ab2"
PRIVATE = (ADDRESS, "Fontaine", "reset/9f3c", "crm.example", LOGIN[1])


class Flower:
    """What an operator's browser and a program get from it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, **params: Any) -> requests.Response:
        return requests.get(f"{self.url}{path}", auth=LOGIN, params=params, timeout=20)

    def tasks(self, **params: Any) -> dict[str, dict[str, Any]]:
        answer: dict[str, dict[str, Any]] = self.get("/api/tasks", **params).json()
        return answer


@pytest.fixture(scope="module")
def flower(container: RunningStack) -> Iterator[Flower]:
    """Started by the command line of the units and of compose."""
    port = free_port()
    command = ["-m", "celery", "-A", "mailworker.tasks", "flower", "--address=127.0.0.1", f"--port={port}"]
    environ = {**os.environ, **container.servers.environ, "FLOWER_BASIC_AUTH": ":".join(LOGIN)}
    with subprocess.Popen(
        [sys.executable, *command, "--max-tasks=10000"], env=environ, stderr=subprocess.DEVNULL
    ) as process:
        made = Flower(f"http://127.0.0.1:{port}")

        def sees_workers() -> bool:
            assert process.poll() is None, "Flower ended"
            try:
                return bool(made.get("/api/workers").json())
            except (requests.RequestException, ValueError):
                return False

        try:
            # Redis forgets events while nobody listens, so a mail is asked for only when it heard a worker.
            assert wait_until(sees_workers, seconds=60)
            yield made
        finally:
            process.terminate()
            process.wait(30)


def test_a_mail_is_followed_from_its_enqueueing_to_mailjets_yes(container: RunningStack, flower: Flower):
    with closing(MailClient(container.servers.redis_url)) as client:
        id_ = client.send(
            RESET,
            {"email": ADDRESS, "name": NAME},
            {"user_name": NAME, "reset_url": LINK, "expiry_time": "1 heure"},
        )
    assert container.final(id_) == ["sent"]

    def of_the_mail() -> dict[str, dict[str, Any]]:
        """All that mentions the message, as an operator who types its id into the search field."""
        return {task["name"]: task for task in flower.tasks(search=id_).values()}

    wanted = {RESET, "mailworker.drain", "mailworker.dispatch"}
    assert wait_until(lambda: wanted <= of_the_mail().keys(), seconds=40), of_the_mail()
    seen = of_the_mail()
    assert "'new': 1" in seen["mailworker.drain"]["result"]
    assert "'outcomes': {'sent': 1}" in seen["mailworker.dispatch"]["result"]
    assert RESET in seen["mailworker.dispatch"]["result"]

    own = flower.get(f"/api/task/info/{id_}").json()
    assert (own["name"], own["state"], own["result"]) == (RESET, "SUCCESS", "'sent'")
    assert own["kwargs"] == "{'lane': 'urgent'}"
    page = flower.get(f"/task/{id_}")
    assert page.status_code == 200
    assert RESET in page.text

    shown = json.dumps(flower.tasks()) + page.text + flower.get("/tasks").text + flower.get("/workers").text
    assert [word for word in PRIVATE if word in shown] == []


def test_a_mail_that_the_last_check_stopped_is_found_by_its_message_id(
    container: RunningStack, flower: Flower
):
    stopped = "stopped@example.com"
    listed = container.mailworker("suppressions", "add", stopped, "--why", "asked by letter")
    assert listed.returncode == 0, listed.stderr
    with closing(MailClient(container.servers.redis_url)) as client:
        values = {"user_name": NAME, "reset_url": LINK, "expiry_time": "1 heure"}
        id_ = client.send(RESET, {"email": stopped, "name": NAME}, values)
    assert container.final(id_) == ["suppressed"]

    assert wait_until(lambda: id_ in flower.tasks(search=id_), seconds=40)
    own = flower.get(f"/api/task/info/{id_}").json()
    assert (own["name"], own["state"], own["exception"]) == (RESET, "REVOKED", "suppressed")
    page = flower.get(f"/task/{id_}")
    assert (page.status_code, [word for word in (*PRIVATE, stopped) if word in page.text]) == (200, [])


def test_without_the_password_nobody_sees_a_task(flower: Flower):
    for path in ("/tasks", "/api/tasks", "/workers"):
        assert requests.get(f"{flower.url}{path}", timeout=20).status_code == 401, path
