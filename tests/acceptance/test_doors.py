"""Ways in: the client, twins from two processes, and plain Celery from a program that has nothing else."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from celery import Celery
from redis import Redis

from mailworker.cli.local_stack import wait_until
from mailworker.cli.local_stack.redis_server import free_port
from mailworker.client import MailClient, NotEnqueued
from mailworker.core.lane import Lane
from mailworker.queue.celery_queues import MAIL
from tests.acceptance.conftest import VERIFICATION, RunningStack, answer, verification

pytestmark = pytest.mark.acceptance

TWIN = """
import sys
from mailworker.client import MailClient
client = MailClient(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
values = {"user_name": "Ana", "verification_url": "https://crm.example/v/1"}
print(client.send("api_crmCommunicationEmailVerification", "ana@example.com", values, idempotency_key="twins"))
"""


@pytest.mark.parametrize("queue", ["mail.urgent", None], ids=["its queue", "no queue"])
def test_a_program_that_has_only_celery(container: RunningStack, stranger: Celery, queue: str | None):
    asked = {"kind": VERIFICATION, "to": {"email": "ana@example.com"}, "variables": verification()}
    options = {"queue": queue} if queue else {}
    id_ = answer(stranger.send_task("mailworker.send_email", kwargs=asked, **options))
    assert container.final(id_) == ["sent"]
    assert container.arrived(id_) == 1


def test_a_stranger_is_told_what_is_wrong(stranger: Celery):
    asked = {"kind": VERIFICATION, "to": "ana@example", "variables": {"user_name": None}}
    asking = stranger.send_task("mailworker.send_email", kwargs=asked, queue="mail.urgent")
    fault = str(answer(asking, propagate=False))
    assert "to" in fault
    assert "user_name" in fault
    assert "verification_url" in fault
    assert "ana@" not in fault


def test_the_same_key_from_two_processes_at_the_same_moment_is_one_mail(container: RunningStack):
    command = [sys.executable, "-c", TWIN, container.servers.redis_url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    twins = [subprocess.Popen(command, **pipes) for _ in range(2)]
    for twin in twins:
        assert twin.stdout.readline() == "ready\n"
    with ThreadPoolExecutor() as pool:
        ids = [out.strip() for out, _ in pool.map(lambda twin: twin.communicate("go\n", timeout=30), twins)]
    assert ids[0] == ids[1]
    assert container.final(ids[0]) == ["sent"]
    # Both entries must have been read before the count says anything.
    assert wait_until(lambda: _drained(container), seconds=20)
    assert container.arrived(ids[0]) == 1


def test_the_same_key_with_other_content_is_refused_and_found(container: RunningStack):
    client = container.servers.client
    first = client.send(VERIFICATION, "ana@example.com", verification("Ana"), idempotency_key="once")
    container.final(first)
    client.send(VERIFICATION, "ana@example.com", verification("Eve"), idempotency_key="once")

    def told() -> str:
        return container.mailworker("messages", "list", "--rejected").stdout

    assert wait_until(lambda: "already used for" in told(), seconds=30), told()
    assert container.arrived(first) == 1


def test_redis_away_at_the_enqueue_says_that_nothing_was_enqueued():
    client = MailClient(f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(NotEnqueued):
        client.send(VERIFICATION, "ana@example.com", verification())
    client.close()


def _drained(container: RunningStack) -> bool:
    redis = Redis.from_url(container.servers.redis_url, protocol=2)
    try:
        return all(redis.xlen(MAIL[lane].stream) == 0 for lane in Lane)
    finally:
        redis.close()


def test_a_caller_can_ask_what_became_of_a_job(container: RunningStack):
    client = container.servers.client
    id_ = client.send(VERIFICATION, "asks@example.com", verification(), idempotency_key="asked-about")
    assert container.final(id_) == ["sent"]
    status = client.status(id_, patience=30)
    assert (status.id, status.state, status.refusal) == (id_, "sent", "")
    again = client.send(VERIFICATION, "eva@example.com", verification(), idempotency_key="asked-about")
    assert again == id_
    assert wait_until(lambda: "idempotency" in client.status(id_, patience=30).refusal, seconds=30)
    assert client.status("00000000-0000-0000-0000-000000000000", patience=30).state == "not_found"


def test_a_workers_health_is_that_its_tasks_work(container: RunningStack):
    node = next(iter(container.servers.celery.control.inspect(timeout=2).ping() or {}))
    assert container.mailworker("health", "--node", node).stdout == f"{node}: well\n"
    silent = container.mailworker("health", "--node", "nobody@nowhere", "--timeout", "1")
    assert silent.returncode == 1
    assert "did not answer within 1 s" in silent.stdout
