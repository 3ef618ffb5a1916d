"""One bad thing harms itself alone: poison on the streams, readers that die of it, large backlogs, roll-backs."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest

from mailworker.cli.local_stack import wait_until
from mailworker.core.clock import utc_now
from mailworker.core.lane import Lane
from mailworker.ledger import Ledger
from mailworker.queue.celery_queues import MAIL, OCS
from mailworker.queue.celery_queues import STREAMS as ALL_STREAMS
from mailworker.queue.quarantine import MOST_DELIVERIES
from mailworker.queue.stream import GROUP
from tests.faults.scene import CAMPAIGN, MAIL_QUEUES, children

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

QUEUES = [*MAIL_QUEUES, "render", "scans", "contacts"]
#: What CGRateS posts is read only where there is a CGRateS.
STREAMS = [channel.stream for channel in ALL_STREAMS.values() if channel is not OCS]
POISON = [
    {b"\xff": b"\x00\xfe"},
    {b"v": b"1", b"at": b"now", b"job": b"["},
    {b"v": b"1", b"at": utc_now().isoformat().encode(), b"job": b'{"kind": NaN, "to": "\xff"}'},
    {b"v": b"1", b"at": utc_now().isoformat().encode(), b"job": b'{"a":' * 900 + b"1" + b"}" * 900},
    {b"v": b"1", b"at": utc_now().isoformat().encode(), b"body": b"[" * 100_000},
    {b"v": b"1", b"at": utc_now().isoformat().encode(), b"body": b"[" + b"0," * 500_000 + b"0]"},
]
#: Of 512 MB, for two slots. The code itself is some 90 MB of this, which they share.
MOST_CHILD_BYTES = 230_000_000


def test_poison_on_every_stream(open_scene, all_is_well):
    scene = open_scene()
    scene.servers.worker(QUEUES, concurrency=2)
    scene.servers.beat()
    feeder = scene.trickle(500, seconds=15)
    with closing(scene.redis()) as redis:
        for stream in STREAMS:
            for fields in POISON:
                redis.xadd(stream, fields)
        feeder.join()
        assert wait_until(lambda: not any(redis.xlen(stream) for stream in STREAMS), seconds=90)
        assert redis.xlen("mailworker:quarantine") == 0, "all of it could be told from good"

    assert all_is_well(scene, "poison on every stream").by_state["sent"] == 500


def test_jobs_of_a_newer_client_wait_whole_for_a_newer_worker(open_scene, all_is_well):
    scene = open_scene()
    scene.servers.worker(QUEUES, concurrency=2)
    scene.servers.beat()
    stream, tomorrow = MAIL[Lane.BULK].stream, {"v": "2", "at": utc_now().isoformat(), "job": "secret of v2"}
    with closing(scene.redis()) as redis:
        redis.xadd(stream, tomorrow)
        scene.enqueue(100)
        balance = all_is_well(scene, "a job of a newer version among 100")
        assert [fields for _, fields in redis.xrange(stream)] == [tomorrow], "nothing of it is gone"
        assert redis.xlen("mailworker:quarantine") == 0
    assert scene.ask("SELECT count(*) FROM rejected_jobs")[0][0] == 0
    assert balance.by_state["sent"] == 100


def test_an_entry_whose_readers_die_with_short_times(open_quick_scene, all_is_well):
    scene = open_quick_scene()
    worker = scene.servers.worker(QUEUES, concurrency=1)
    scene.servers.beat()
    scene.enqueue(20, tag="before")
    assert wait_until(lambda: scene.sent() == 20, seconds=60)
    stream = MAIL[Lane.BULK].stream
    with closing(scene.redis()) as redis, _locked_ledger(scene) as release:
        redis.xadd(stream, {"v": "1", "at": utc_now().isoformat(), "job": '{"kind": "none"}'})
        for deaths in range(1, MOST_DELIVERIES + 1):
            assert wait_until(lambda n=deaths: _read(scene, redis, stream, times=n), seconds=90)
            for child in children(worker.pid):
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)  # as the kernel does where memory ends
        release()
        scene.enqueue(100, tag="after")
        assert wait_until(lambda: redis.xlen("mailworker:quarantine") == 1, seconds=90)
        assert redis.xlen(stream) == 0

    assert all_is_well(scene, f"an entry's reader killed {MOST_DELIVERIES} times").by_state["sent"] == 120
    assert "IS IN QUARANTINE" in scene.log()


def _locked_ledger(scene):
    """Nobody can write: so a reader stands still with the entry in its hands."""

    class Locked:
        def __enter__(self):
            path = scene.servers.folder / "mailworker.db"
            self.intruder = sqlite3.connect(path, timeout=30, isolation_level=None)
            self.intruder.execute("BEGIN IMMEDIATE")
            return self.intruder.rollback

        def __exit__(self, *_):
            self.intruder.close()

    return Locked()


def _read(scene, redis, stream, *, times):
    """Whether the entry was given to a reader so often; wakes one otherwise, for the sweep waits for the ledger."""
    pending = redis.xpending_range(stream, GROUP, min="-", max="+", count=1) if redis.exists(stream) else []
    if pending and pending[0]["times_delivered"] >= times:
        return True
    scene.servers.celery.send_task("mailworker.drain", kwargs={"lane": "bulk"}, queue="mail.bulk")
    return False


def test_a_backlog_of_large_files(open_scene, all_is_well):
    scene = open_scene()
    for size, count in ((1_000_000, 60), (7_000_000, 12)):
        file = {"filename": "f.pdf", "content_type": "application/pdf", "content": os.urandom(size)}
        for number in range(count):
            variables = {"first_name": "Ana", "offer": "Fibre"}
            scene.ids.add(
                scene.servers.client.send(
                    CAMPAIGN, f"b{size}-{number}@example.com", variables, attachments=[file]
                )
            )
    worker = scene.servers.worker(QUEUES, concurrency=2)
    scene.servers.beat()

    assert all_is_well(scene, "60 jobs of 1 MB, 12 of 7 MB", seconds=240).by_state["sent"] == 72
    peaks = [_peak(pid) for pid in children(worker.pid)]
    assert peaks
    assert max(peaks) < MOST_CHILD_BYTES, peaks


def _peak(pid):
    """The most memory that this process ever had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def test_a_roll_back_under_load_with_short_times(open_quick_scene, all_is_well):
    scene = open_quick_scene()
    worker = scene.servers.worker(QUEUES, concurrency=2, name="first")
    scene.servers.beat()
    feeder = scene.trickle(600, seconds=30)
    assert wait_until(lambda: scene.sent() > 50, seconds=60)
    _migrated(
        scene,
        "ALTER TABLE messages ADD COLUMN of_tomorrow TEXT",
        down_to=Ledger.schema_status(scene.servers.database_url).code,
    )
    worker.kill()  # and the old code comes back, as it does when a deploy is taken back
    worker = scene.servers.worker(QUEUES, concurrency=2, name="second")
    at_rest = scene.sent()
    assert wait_until(lambda: scene.sent() > at_rest + 50, seconds=60), "a newer compatible ledger is no stop"
    worker.kill()
    _migrated(scene, "ALTER TABLE messages ADD COLUMN of_next_year TEXT", down_to="9001")
    worker = scene.servers.worker(QUEUES, concurrency=2, name="third")
    health = [sys.executable, "-m", "mailworker", "health", "--node", worker.node]
    told = subprocess.run(
        health, env={**os.environ, **scene.servers.environ}, capture_output=True, text=True, check=False
    )
    assert told.returncode == 1
    assert "start the newer version again" in told.stdout
    _migrated(scene, "ALTER TABLE messages DROP COLUMN of_next_year", down_to="0014")
    feeder.join()

    assert all_is_well(scene, "ledger of a newer version, twice").by_state["sent"] == 600


def _migrated(scene, change, *, down_to):
    """As a newer version's migration would leave the ledger."""
    with closing(sqlite3.connect(scene.servers.folder / "mailworker.db", timeout=30)) as ledger, ledger:
        ledger.execute(change)
        ledger.execute("UPDATE alembic_version SET version_num = '9001'")
        ledger.execute("UPDATE ledger_schema SET compatible_down_to = ?", (down_to,))
