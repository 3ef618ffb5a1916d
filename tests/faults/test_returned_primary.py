"""docs/several-hosts.md, "The lost host comes back": with jobs coming in, first forgotten, then as the page says."""

import shutil
import threading
import time

import pytest

from mailworker.cli.local_stack import wait_until
from mailworker.client import MailClient
from tests.faults.four_hosts import four_hosts, send
from tests.faults.network import network
from tests.faults.scene import RESET, Scene
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
    with network() as net, four_hosts(net, tmp_path) as site:
        scene, data, first, second = site.scene, site.data, site.data.first, site.data.second
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
        data.as_postgres(first, "pg_ctl", "-D", str(old), "stop", "-m", "fast")
        for path in old.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        data.as_postgres(
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
        data.postgres(first, str(old)).wait_ready(lambda: data.psql(first, "SELECT 1") == "1")
        data.psql(second, "ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 (standby)'")
        data.psql(second, "SELECT pg_reload_conf()")
        follows = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
        assert wait_until(lambda: data.psql(second, follows) == "1", seconds=60)
        assert more_arrive(scene, 150), "with a standby again"
        feeder.stop()
        assert all(worker.alive for worker in site.workers)
        balance = all_is_well(scene, "the lost primary is back, jobs coming in", seconds=240)
        assert balance.by_state["sent"] == balance.accepted
