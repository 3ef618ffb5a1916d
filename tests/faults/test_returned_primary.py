"""docs/several-hosts.md, "The lost host comes back": with jobs coming in, first forgotten, then as the page says."""

import shutil
import sys
import threading
import time

import pytest

from mailworker.cli.local_stack import Servers, wait_until
from mailworker.client import MailClient
from tests.faults.network import network
from tests.faults.scene import CALLS_PER_MINUTE, RESET, Scene, shipped
from tests.faults.test_several_hosts import Data, port_of, send, worker_on
from tests.integration.postgres import ROLE

pytestmark = [pytest.mark.faults, pytest.mark.timeout(500)]


class Feeder:
    """OmniCRM at work: every other job by a client that asks the sentinels anew."""

    def __init__(self, scene: Scene, url: str) -> None:
        self.scene, self.url = scene, url
        self.lasting = MailClient(url, kinds=scene.servers.settings.kinds)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        number = 0
        while not self._stop.wait(0.25):
            number += 1
            fresh = MailClient(self.url, kinds=self.scene.servers.settings.kinds) if number % 2 else None
            self.scene.ids.add(send(fresh or self.lasting, RESET, f"job-{number}"))
            if fresh:
                fresh.close()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(150)
        self.lasting.close()
        assert not self._thread.is_alive()


def arrived(scene: Scene) -> int:
    return int(scene.servers.mailbox.counts()["messages"])


def more_arrive(scene: Scene, seconds: float) -> bool:
    already = arrived(scene)
    return wait_until(lambda: arrived(scene) > already + 20, seconds=seconds)


def test_the_lost_primary_is_back_while_jobs_come(tmp_path, all_is_well):
    with network() as net:
        one, two, first, second = (net.host(name) for name in ("one", "two", "first", "second"))
        data = Data(net, first, second, [first, one, two, second])
        with Servers(
            tmp_path, changes=shipped(CALLS_PER_MINUTE), redis_url=data.redis_url, database_url=data.ledger_url,
            simulator=["--index-delay", "1"],
        ) as servers:  # fmt: skip
            net.offer(port_of(servers.simulator_url), one, two)
            scene = Scene(servers, CALLS_PER_MINUTE)
            workers = [worker_on(host, servers) for host in (one, two)]
            beat = [sys.executable, "-m", "celery", "-A", "mailworker.tasks", "beat", "-l", "INFO"]
            one.start("beat", beat, servers.environ)
            feeder = Feeder(scene, data.redis_url)
            assert more_arrive(scene, 90)
            data.lose_the_first()
            data.promote()
            assert more_arrive(scene, 150), "the standby has taken over"

            first.plug_the_cable_in()  # nobody stopped its PostgreSQL: two take writes, one of them with no standby
            split = time.monotonic() + 20
            while time.monotonic() < split:
                more_arrive(scene, 5)
            # As the page says.
            old = net.folder / "pg-first"
            data._as_postgres(first, "pg_ctl", "-D", str(old), "stop", "-m", "fast")
            for path in old.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            data._as_postgres(
                first,
                "pg_basebackup",
                "-D",
                str(old),
                "-R",
                "-c",
                "fast",
                "-d",
                f"host={second.address} user={ROLE} application_name=standby",
            )
            data._postgres(first, str(old)).wait_ready(lambda: data._psql(first, "SELECT 1") == "1")
            data._psql(second, "ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 (standby)'")
            data._psql(second, "SELECT pg_reload_conf()")
            follows = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
            assert wait_until(lambda: data._psql(second, follows) == "1", seconds=60)
            assert more_arrive(scene, 150), "with a standby again"
            feeder.stop()
            assert all(worker.alive for worker in workers)
            balance = all_is_well(scene, "the lost primary is back, jobs coming in", seconds=240)
            assert balance.by_state["sent"] == balance.accepted
