"""Several hosts: two with data, two with workers. One with data is lost; nothing that was accepted is."""

import json
import sys
import threading
import time
from pathlib import Path

import pytest

from mailworker.cli.local_stack import Servers, wait_until
from mailworker.cli.local_stack.redis_server import free_port
from mailworker.client import MailClient
from tests.faults.four_hosts import four_hosts, port_of, send, worker_on
from tests.faults.network import network
from tests.faults.scene import CAMPAIGN, RESET

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
INVOICE = json.loads(
    (Path(__file__).parents[2] / "examples" / "invoices" / "facture.json").read_text("utf-8")
)


@pytest.fixture
def net():
    with network() as made:
        yield made


def test_a_host_with_the_primaries_is_lost(net, tmp_path, all_is_well):
    with four_hosts(net, tmp_path) as site:
        safe = MailClient(site.data.redis_url, kinds=site.servers.settings.kinds, replicas=1)
        for number in range(200):
            site.scene.ids.add(send(safe, RESET if number % 10 == 0 else CAMPAIGN, f"before-{number}"))
        safe.close()
        site.data.lose_the_first()
        lost_at = time.monotonic()
        alone = MailClient(site.data.redis_url, kinds=site.servers.settings.kinds)

        def go_on() -> None:
            for number in range(100):
                site.scene.ids.add(send(alone, RESET, f"after-{number}"))

        caller = threading.Thread(target=go_on)
        caller.start()
        site.data.promote()
        caller.join(120)
        took = time.monotonic() - lost_at
        assert not caller.is_alive()
        assert all(worker.alive for worker in site.workers)
        # A lease, at the most.
        balance = all_is_well(site.scene, "two hosts, the primaries' host lost", seconds=240)
        alone.close()
        assert balance.accepted == 300
        assert not any("time limit" in worker.log.read_text("utf-8") for worker in site.workers), (
            "nobody hung"
        )
        assert took < 60, "OmniCRM's jobs are taken again within a minute, Sentinel's time-outs included"


def test_workers_with_a_folder_each_are_told_and_no_invoice_leaves_without_its_pdf(net, tmp_path):
    one, two = net.host("one"), net.host("two")
    port = free_port()
    with Servers(tmp_path, redis_port=port) as servers:
        net.offer(port_of(servers.simulator_url), one, two)
        net.offer(port, one, two)
        text = servers.config.read_text("utf-8")
        logs = []
        for host in (one, two):
            file = tmp_path / f"{host.name}.yaml"
            file.write_text(
                text.replace(str(servers.folder / "invoices"), str(tmp_path / f"pdfs-{host.name}")),
                encoding="utf-8",
            )
            logs.append(worker_on(host, servers, str(file)).log)
        ids = []

        def found_out() -> bool:
            """Each process notes its host's store with its first task, so each host needs something to do."""
            ids.append(servers.client.send_invoice(invoice=INVOICE | {"invoice_number": f"FA-{len(ids)}"}))
            said = one.run(
                sys.executable, "-m", "mailworker", "doctor", "--json", "--only", "store",
                environ=servers.environ | {"CRM_CONFIG": str(tmp_path / "one.yaml")},
            )  # fmt: skip
            told = " ".join(json.loads(said.stdout)["checks"][0]["faults"])
            return told.startswith("These hosts do not share one store of PDFs: one, two.")

        assert wait_until(found_out, seconds=90)
        assert wait_until(
            lambda: any("do not share one store" in log.read_text("utf-8") for log in logs), seconds=90
        )
        mails = servers.mailbox.messages()
        assert [mail for mail in mails if not mail["attachments"]] == [], "none leaves without its PDF"
