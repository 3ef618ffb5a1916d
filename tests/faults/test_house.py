"""Everything else that can go: the database, beat, the clock, the disk."""

import sqlite3
import time

import pytest

from mailworker.cli.local_stack import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

QUEUES = ["mail.urgent", "mail.normal", "mail.bulk", "celery", "render", "scans"]


def test_the_database_is_locked_for_longer_than_anybody_waits(open_scene, all_is_well):
    scene = open_scene()
    scene.servers.worker(QUEUES, concurrency=3)
    scene.servers.beat()
    feeder = scene.trickle(600, seconds=15)
    assert wait_until(lambda: scene.sent() > 50, seconds=60)
    intruder = sqlite3.connect(scene.servers.folder / "mailworker.db", timeout=30, isolation_level=None)
    intruder.execute("BEGIN IMMEDIATE")
    time.sleep(5)
    arrived = scene.servers.mailbox.counts()["messages"]
    time.sleep(35)  # mailworker waits 30 s for the lock
    assert scene.servers.mailbox.counts()["messages"] == arrived, "without the ledger nothing leaves"
    intruder.execute("ROLLBACK")
    intruder.close()
    feeder.join()

    assert all_is_well(scene, "database locked for 40 s", seconds=270).by_state["sent"] == 600


def test_beat_is_dead_while_look_ups_fall_due(open_scene, all_is_well):
    scene = open_scene()
    scene.servers.mailbox.misbehave("error_500_after", match={"path": "/v3.1/send"}, times=2)
    scene.servers.worker(QUEUES, concurrency=3)
    beat = scene.servers.beat()
    scene.enqueue(100)
    assert wait_until(lambda: scene.struck() > 0, seconds=60)
    beat.kill()
    time.sleep(45)
    assert scene.states()["unknown"] > 0, "what fell due meanwhile waits for a sweep"
    scene.servers.beat()

    assert all_is_well(scene, "beat dead, then back").by_state["sent"] == 100


def test_two_beats_at_once(open_scene, all_is_well):
    scene = open_scene()
    scene.servers.worker(QUEUES, concurrency=3)
    scene.servers.beat()
    scene.servers.beat()
    scene.trickle(600, seconds=15).join()

    balance = all_is_well(scene, "two beats at once")

    assert not scene.servers.dead(), "both beat to the end"
    assert balance.by_state["sent"] == 600
