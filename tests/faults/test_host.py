"""The host itself: a clock that is wrong by an hour, a disk that is full."""

import json
import re
import subprocess
import time
from datetime import datetime
from pathlib import Path

import pytest

from mailworker.cli.running import wait_until
from tests.faults.scene import RESET

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

QUEUES = ["mail.urgent", "mail.normal", "mail.bulk", "celery"]
#: Debian's `faketime`: it changes the time of day that a process sees; as much time passes as really does.
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
INVOICE = Path(__file__).parents[2] / "examples" / "invoices" / "facture.json"


def test_workers_whose_clocks_are_an_hour_ahead_and_an_hour_behind(open_scene, all_is_well, monkeypatch):
    assert FAKETIME.exists(), "apt-get install faketime"
    scene = open_scene()
    scene.servers.mailbox.misbehave("accept_then_hang", match={"path": "/v3.1/send"}, times=2, seconds=4)
    for hours in ("+1h", "-1h"):
        with monkeypatch.context() as wrong:
            wrong.setenv("LD_PRELOAD", str(FAKETIME))
            wrong.setenv("FAKETIME", hours)
            scene.servers.worker(QUEUES, concurrency=2, name="wrong")
            scene.servers.worker(["scans", "render"], name="wrongscans")
        assert 3_000 < abs(clock_of(scene, "wrong") - time.time()) < 4_200, "its clock is wrong indeed"
    scene.servers.worker(["scans", "render"], name="upkeep")
    scene.servers.beat()
    scene.trickle(600, seconds=15).join()

    balance = all_is_well(scene, "clocks wrong by an hour, both ways")

    assert balance.by_state["sent"] == 600, "a reset's hour is counted by one clock only"


def clock_of(scene, name):
    """When the last line of this worker's logs was written, by its own clock; in Unix seconds."""
    log = max(scene.servers.folder.glob(f"logs/{name}[0-9].log"), key=lambda path: path.name)
    stamps = re.findall(r"^(\d{4}-\d\d-\d\dT\S+)Z", log.read_text("utf-8"), re.MULTILINE)
    return datetime.fromisoformat(f"{stamps[-1]}+00:00").timestamp()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own, with room for a few PDFs, where the store will be."""
    store = tmp_path / "invoices"
    store.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", store], check=True)
    yield store
    subprocess.run(["umount", "-l", store], check=True)


def test_the_disk_of_the_pdfs_is_full_and_then_is_not(small_disk, open_scene, all_is_well):
    scene = open_scene()
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 120_000)
    scene.servers.worker([*QUEUES, "render", "scans"], concurrency=3)
    scene.servers.beat()
    invoice = json.loads(INVOICE.read_text("utf-8"))
    for number in range(3):
        document = invoice | {"invoice_number": f"FA-{number}"}
        scene.ids.add(scene.servers.client.send_invoice(invoice=document, to=f"client{number}@example.com"))
    scene.enqueue(20, kind=RESET)
    assert wait_until(lambda: scene.sent() == 20, seconds=60), "other mail goes on"
    time.sleep(5)
    assert scene.states()["sent"] == 20, "no invoice leaves without its PDF"
    ballast.unlink()

    balance = all_is_well(scene, "disk full for the PDF store")

    assert balance.by_state["sent"] == 23
    assert all(
        mail["attachments"] for mail in scene.servers.mailbox.messages() if "Facture" in mail["subject"]
    )
