"""Workers that go, or begin anew: killed in the middle of a call, asked to finish by a deploy, told of a new configuration."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailworker.cli.doctor_checks.workers import ABOUT
from mailworker.cli.local_stack import Servers, wait_until
from mailworker.cli.local_stack.child_process import Child
from mailworker.cli.local_stack.servers import Worker
from mailworker.config.settings import fingerprint
from tests.acceptance.conftest import VERIFICATION, RunningStack, verification

pytestmark = pytest.mark.acceptance

#: Quick to notice, so that a test need not wait two minutes for a dead worker's lease.
WORKER = {"read_timeout": "4s", "lease": "6s", "lookups_after": ["1s", "3s", "6s"], "retry_base": "1s"}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A house of this module's own, whose workers the tests start and end."""
    folder = tmp_path_factory.mktemp("own")
    with Servers(folder, changes={"worker": WORKER}, simulator=["--index-delay", "0"]) as servers:
        servers.worker(["scans"], name="scans")
        servers.beat()
        made = RunningStack(servers)
        yield made
        made.ledger.close()


def _living(own: RunningStack) -> list[Worker]:
    """The workers of urgent mail that an earlier test left."""
    return [
        one for one in own.servers.children if isinstance(one, Worker) and one.alive and "urgent" in one.node
    ]


def _sending(own: RunningStack, ids: list[str]) -> bool:
    stories = [own.story(id_) for id_ in ids]
    return any(one is not None and one.message["called_at"] is not None for one in stories)


def test_a_worker_killed_in_the_middle_of_a_call_loses_nothing_and_sends_nothing_twice(own: RunningStack):
    servers = own.servers
    first = servers.worker(["mail.urgent"], concurrency=2, name="urgent")
    servers.mailbox.misbehave("slow", match={"path": "send"}, seconds=3, times=1)
    ids = [servers.client.send(VERIFICATION, f"ana{n}@example.com", verification()) for n in range(20)]
    assert wait_until(lambda: _sending(own, ids), seconds=20)
    assert first.kill() < 0
    servers.worker(["mail.urgent"], concurrency=2, name="urgent")
    assert set(own.final(*ids, seconds=60)) == {"sent"}
    assert [own.arrived(id_) for id_ in ids] == [1] * 20


def test_a_worker_that_is_asked_to_stop_finishes_its_call(own: RunningStack):
    servers = own.servers
    living = _living(own)
    worker = living[0] if living else servers.worker(["mail.urgent"], concurrency=2, name="urgent")
    servers.mailbox.misbehave("slow", match={"path": "send"}, seconds=3, times=1)
    id_ = servers.client.send(VERIFICATION, "ana@example.com", verification())
    assert wait_until(lambda: _sending(own, [id_]), seconds=20)
    assert worker.stop() == 0
    told = own.story(id_)
    assert told.message["state"] == "sent", told
    assert "unknown" not in [step["what"] for step in told.timeline]
    assert own.arrived(id_) == 1


def test_a_worker_takes_a_changed_configuration_in_the_middle_of_its_work(own: RunningStack):
    """`systemctl reload`: SIGHUP in the middle of a call, nothing lost, nothing twice."""
    servers, node = own.servers, "urgent@here"
    for worker in _living(own):
        worker.stop()
    celery = Path(sys.executable).with_name("celery")  # as the unit starts it
    options = ["-Q", "mail.urgent", "-c", "2", "-n", node, "--without-gossip", "--without-mingle"]
    command = [str(celery), "-A", "mailworker.tasks", "worker", *options]
    worker = Child("The worker", command, servers.folder / "logs" / "urgent.log", servers.environ)
    servers.children.append(worker)
    control = servers.celery.control
    worker.wait_ready(lambda: bool(control.ping(destination=[node], timeout=0.5)))

    def started_with() -> str:
        told = control.inspect(destination=[node], timeout=1)._request(ABOUT) or {}
        return told.get(node, {}).get("configuration", "")

    before = started_with()
    assert before == fingerprint(servers.config)
    servers.mailbox.misbehave("slow", match={"path": "send"}, seconds=2, times=1)
    ids = [servers.client.send(VERIFICATION, f"ana{n}@example.com", verification()) for n in range(40)]

    def in_a_call() -> bool:
        return any((one := own.story(id_)) and one.message["called_at"] for id_ in ids)

    assert wait_until(in_a_call, seconds=20)
    servers.config.write_text(servers.config.read_text("utf-8") + "\n# changed\n", encoding="utf-8")
    pid = worker.pid
    worker.send_signal(signal.SIGHUP)
    more = [servers.client.send(VERIFICATION, f"bob{n}@example.com", verification()) for n in range(40)]
    assert set(own.final(*ids, *more, seconds=60)) == {"sent"}
    assert [own.arrived(id_) for id_ in (*ids, *more)] == [1] * 80
    assert wait_until(lambda: started_with() == fingerprint(servers.config) != before, seconds=30)
    assert (worker.pid, worker.alive) == (pid, True)
