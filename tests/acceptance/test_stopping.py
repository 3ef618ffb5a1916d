"""Workers that go: killed in the middle of a call, or asked to finish by a deploy."""

from collections.abc import Iterator

import pytest

from mailworker.cli.local_stack import Servers, wait_until
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
    for worker in [one for one in servers.children if one.name.startswith("The worker urgent")]:
        worker.kill()
    worker = servers.worker(["mail.urgent"], concurrency=2, name="urgent")
    servers.mailbox.misbehave("slow", match={"path": "send"}, seconds=3, times=1)
    id_ = servers.client.send(VERIFICATION, "ana@example.com", verification())
    assert wait_until(lambda: _sending(own, [id_]), seconds=20)
    assert worker.stop() == 0
    told = own.story(id_)
    assert told.message["state"] == "sent", told
    assert "unknown" not in [step["what"] for step in told.timeline]
    assert own.arrived(id_) == 1
