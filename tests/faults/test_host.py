"""The host itself: a clock that is wrong by an hour, a disk that is full."""

import json
import re
import subprocess
import time
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from mailworker.cli.local_stack import wait_until
from tests.faults.scene import RESET

pytestmark = [pytest.mark.faults, pytest.mark.timeout(500)]

QUEUES = ["mail.urgent", "mail.normal", "mail.bulk", "celery"]
#: Debian's `faketime`: it changes the time of day that a process sees; as much time passes as really does.
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
INVOICE = json.loads(
    (Path(__file__).parents[2] / "examples" / "invoices" / "facture.json").read_text("utf-8")
)


def test_workers_whose_clocks_are_a_day_ahead_and_a_day_behind(open_scene, all_is_well, monkeypatch):
    assert FAKETIME.exists(), "apt-get install faketime"
    scene = open_scene()
    scene.servers.mailbox.misbehave("accept_then_hang", match={"path": "/v3.1/send"}, times=2, seconds=40)
    for hours in ("+25h", "-25h"):
        with monkeypatch.context() as wrong:
            wrong.setenv("LD_PRELOAD", str(FAKETIME))
            wrong.setenv("FAKETIME", hours)
            scene.servers.worker(QUEUES, concurrency=2, name="wrong")
            scene.servers.worker(["scans", "render"], name="wrongscans")
        assert abs(abs(clock_of(scene, "wrong") - time.time()) - 90_000) < 600, "its clock is wrong indeed"
    scene.servers.beat()
    scene.trickle(600, seconds=15).join()

    balance = all_is_well(scene, "clocks wrong by a day, both ways", seconds=240)

    assert balance.by_state["sent"] == 600, "a reset's hour is counted by one clock only"


def test_the_clock_of_redis_goes_two_hours_on_and_back_and_two_hours_back_and_on(
    open_scene, all_is_well, monkeypatch, tmp_path
):
    """All workers tell the time by it. Each step comes in the middle of the work."""
    assert FAKETIME.exists(), "apt-get install faketime"
    scene = open_scene(200)
    offset = tmp_path / "offset"
    _set_clock(offset, "+0")
    scene.servers.redis.kill()
    with monkeypatch.context() as wrong:
        wrong.setenv("LD_PRELOAD", str(FAKETIME.with_name("libfaketimeMT.so.1")))
        for name, value in {
            "TIMESTAMP_FILE": str(offset),
            "NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }.items():
            wrong.setenv(f"FAKETIME_{name}", value)
        wrong.setenv("DONT_FAKE_MONOTONIC", "1")
        scene.servers.start_redis()
    scene.staff()
    for number, step in enumerate(("+7200", "+0", "-7200", "+0")):
        scene.enqueue(60, tag=f"before-{number}")
        scene.enqueue(5, kind=RESET, tag=f"before-{number}")
        assert wait_until(lambda: scene.sent() > 0, seconds=60)
        _set_clock(offset, step)
        with closing(scene.redis()) as redis:
            ahead = redis.time()[0] - time.time()
        assert abs(ahead - int(step)) < 60, "its clock is wrong indeed"
        scene.enqueue(30, tag=f"after-{number}")
        scene.enqueue(5, kind=RESET, tag=f"after-{number}")
        assert wait_until(lambda: scene.states()["sent"] == len(scene.ids), seconds=60), scene.states()

    balance = all_is_well(scene, "Redis's clock wrong by 2 h, both ways")

    assert balance.by_state["sent"] == 400


def _set_clock(file, offset):
    """So many seconds off from now on; moved into place, so that nobody reads half of it."""
    fresh = file.with_name("offset.new")
    fresh.write_text(f"{offset}\n", encoding="utf-8")
    fresh.replace(file)


def clock_of(scene, name):
    """When the last line of this worker's logs was written, by its own clock; in Unix seconds."""
    log = max(scene.servers.folder.glob(f"logs/{name}[0-9].log"), key=lambda path: path.name)
    stamps = re.findall(r"^(\d{4}-\d\d-\d\dT\S+)Z", log.read_text("utf-8"), re.MULTILINE)
    return datetime.fromisoformat(f"{stamps[-1]}+00:00").timestamp()


@contextmanager
def disk(folder, size):
    """A file system of its own in this folder."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def small_disk(tmp_path):
    """Room for a few PDFs, where the store will be."""
    with disk(tmp_path / "invoices", "128k") as store:
        yield store


@pytest.fixture
def ledger_disk(tmp_path):
    """Room for a ledger of some thousand messages."""
    with disk(tmp_path / "ledger", "24m") as folder:
        yield folder


def test_the_disk_of_the_pdfs_is_full_and_then_is_not(small_disk, open_scene, all_is_well):
    scene = open_scene()
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 120_000)
    scene.servers.worker([*QUEUES, "render", "scans"], concurrency=3)
    scene.servers.beat()
    scene.enqueue_invoices(3, INVOICE)
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


def test_the_disk_of_the_ledger_is_full_and_then_is_not(ledger_disk, open_scene, all_is_well):
    scene = open_scene(database_url=f"sqlite:///{ledger_disk}/mailworker.db")
    scene.staff()
    scene.servers.mailbox.misbehave("slow", match={"path": "/v3.1/send"}, seconds=0.5)
    feeder = scene.trickle(900, seconds=25)
    assert wait_until(lambda: scene.sent() > 50 and scene.in_calls() > 0, seconds=60)
    ballast = ledger_disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as heap:
        while True:
            heap.write(b"x" * 4096)
    log = scene.servers.folder / "logs" / "worker1.log"
    assert wait_until(lambda: "disk is full" in log.read_text("utf-8"), seconds=60), (
        "somebody could not write"
    )
    time.sleep(8)
    ballast.unlink()
    feeder.join()

    balance = all_is_well(scene, "disk full for the ledger", seconds=300)

    assert balance.by_state["sent"] == 900


def test_beat_goes_on_at_once_after_its_hosts_clock_was_set_back_by_an_hour(
    open_scene, all_is_well, monkeypatch
):
    """Its file says that all ran last in the future; by Celery's rules nothing was due for an hour."""
    assert FAKETIME.exists(), "apt-get install faketime"
    scene = open_scene()
    with monkeypatch.context() as wrong:
        wrong.setenv("LD_PRELOAD", str(FAKETIME))
        wrong.setenv("FAKETIME", "+1h")
        beat = scene.servers.beat()
    log = scene.servers.folder / "logs" / "beat.log"
    assert wait_until(lambda: "Sending due task sweep" in log.read_text("utf-8"), seconds=30)
    beat.stop()
    scene.staff()
    scene.enqueue(100)

    balance = all_is_well(scene, "beat's host set back by an hour")

    assert balance.by_state["sent"] == 100


def test_invoices_wait_for_a_logo_that_is_missing_and_go_once_it_is_there(open_scene, all_is_well, tmp_path):
    seller = {"name": "Horizon", "vat_id": "FR40123456824", "logo": "logo.png"}
    invoice = {"assets": str(tmp_path / "assets"), "seller": seller, "e_invoice": "none"}
    (tmp_path / "assets").mkdir()
    scene = open_scene(sections={"invoice": invoice})
    scene.servers.worker([*QUEUES, "render", "scans"], concurrency=3)
    scene.servers.beat()
    scene.enqueue_invoices(3, INVOICE)
    scene.enqueue(20, kind=RESET)
    assert wait_until(lambda: scene.sent() == 20, seconds=60), "other mail goes on"
    assert wait_until(lambda: scene.told("asks for logo.png") >= 3, seconds=60)
    assert scene.states()["failed"] == 0
    Image.new("RGB", (60, 20), "navy").save(tmp_path / "assets" / "logo.png")

    balance = all_is_well(scene, "an invoice's logo missing")

    assert balance.by_state == {"sent": 23}
