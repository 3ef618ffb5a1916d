"""`systemctl reload` of a worker: SIGHUP in the middle of a call, a new configuration, nothing lost, nothing twice."""

import signal
import sys
from pathlib import Path

import pytest

from mailworker.cli.doctor_checks.workers import ABOUT
from mailworker.cli.local_stack import Servers, wait_until
from mailworker.cli.local_stack.child_process import Child
from mailworker.config.settings import fingerprint
from tests.acceptance.conftest import VERIFICATION, RunningStack, verification

pytestmark = pytest.mark.acceptance


def test_a_worker_takes_a_changed_configuration_in_the_middle_of_its_work(tmp_path: Path):
    with Servers(tmp_path) as servers:
        stack, node = RunningStack(servers), "urgent@here"
        celery = Path(sys.executable).with_name("celery")  # as the unit starts it
        options = ["-Q", "mail.urgent,scans", "-c", "2", "-n", node, "--without-gossip", "--without-mingle"]
        command = [str(celery), "-A", "mailworker.tasks", "worker", *options]
        worker = Child("The worker", command, tmp_path / "logs" / "urgent.log", servers.environ)
        servers.children.append(worker)
        control = servers.celery.control
        worker.wait_ready(lambda: bool(control.ping(destination=[node], timeout=0.5)))
        servers.beat()

        def started_with() -> str:
            told = control.inspect(destination=[node], timeout=1)._request(ABOUT) or {}
            return told.get(node, {}).get("configuration", "")

        before = started_with()
        assert before == fingerprint(servers.config)
        servers.mailbox.misbehave("slow", match={"path": "send"}, seconds=2, times=1)
        ids = [servers.client.send(VERIFICATION, f"ana{n}@example.com", verification()) for n in range(40)]

        def in_a_call() -> bool:
            return any((one := stack.story(id_)) and one.message["called_at"] for id_ in ids)

        assert wait_until(in_a_call, seconds=20)
        servers.config.write_text(servers.config.read_text("utf-8") + "\n# changed\n", encoding="utf-8")
        pid = worker.pid
        worker.send_signal(signal.SIGHUP)
        more = [servers.client.send(VERIFICATION, f"bob{n}@example.com", verification()) for n in range(40)]
        assert set(stack.final(*ids, *more, seconds=60)) == {"sent"}
        assert [stack.arrived(id_) for id_ in (*ids, *more)] == [1] * 80
        assert wait_until(lambda: started_with() == fingerprint(servers.config) != before, seconds=30)
        assert (worker.pid, worker.alive) == (pid, True)
        stack.ledger.close()
