"""Workers die: their children, their parents, at any moment, again and again."""

import os
import random
import signal
import sqlite3
import time
from contextlib import closing

import pytest

from mailworker.cli.local_stack import wait_until
from tests.faults.scene import MAIL_QUEUES as QUEUES
from tests.faults.scene import children, kill_a_child

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

SEND = {"path": "/v3.1/send"}


def test_ten_thousand_mails_through_a_storm_of_kills_with_short_times(open_quick_scene, all_is_well):
    scene, dice = open_quick_scene(), random.Random(1)
    storm = [scene.servers.worker(QUEUES, concurrency=2, name="storm") for _ in range(2)]
    scene.servers.worker(["scans", "render"], name="upkeep")
    scene.servers.beat()
    feeder = scene.trickle(10_000, seconds=60)
    kills = 0
    while feeder.is_alive() or scene.sent() < 9_000:
        time.sleep(dice.uniform(0.2, 1.5))  # the storm's own rhythm
        victim = dice.randrange(len(storm))
        kills += kill_a_child(storm[victim], dice)
        if dice.random() < 0.15:
            storm[victim].kill()
            storm[victim] = scene.servers.worker(QUEUES, concurrency=2, name="storm", wait=False)
    feeder.join()

    balance = all_is_well(scene, f"SIGKILL storm, {kills} kills")

    assert kills >= 20
    assert scene.told("is gone") > 0, "some held messages when they died"
    assert balance.by_state["sent"] == 10_000


def stop_in_its_call(scene, worker):
    """SIGSTOP all of the worker's processes while it is in a call, and holds no lock on the ledger's file.

    Stopped within a transaction it would keep everybody from SQLite, which is another story.
    """
    pids = [worker.pid, *children(worker.pid)]
    for _ in range(50):
        assert wait_until(lambda: scene.in_calls() > 0, seconds=60)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        if is_free(scene) and scene.in_calls() > 0:
            return pids
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    raise AssertionError("It was never stopped in a call.")


def is_free(scene):
    """Whether somebody else could write into the ledger now."""
    with closing(sqlite3.connect(scene.servers.folder / "mailworker.db", timeout=0.2)) as ledger:
        try:
            ledger.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        ledger.rollback()
        return True


def test_a_stopped_worker_wakes_after_its_lease_and_does_no_harm(open_scene, all_is_well):
    scene = open_scene()
    stopped = scene.servers.worker(QUEUES, concurrency=2, name="stopped")
    scene.servers.worker(["scans", "render"], name="upkeep")
    scene.servers.beat()
    scene.servers.mailbox.misbehave("slow", match=SEND, seconds=0.5)
    feeder = scene.trickle(1_500, seconds=20)
    assert wait_until(lambda: scene.sent() > 100, seconds=30)
    pids = stop_in_its_call(scene, stopped)
    scene.servers.worker(QUEUES, concurrency=2, name="other")
    gone = "the worker that sent it is gone"
    assert wait_until(lambda: scene.told(gone) > 0, seconds=240), "past its lease its messages are unknown"
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    feeder.join()

    balance = all_is_well(scene, "SIGSTOP past the lease, then woken")

    assert balance.by_state["sent"] == 1_500


def test_a_deploy_in_the_middle_of_work(open_scene, all_is_well):
    scene = open_scene()
    worker = scene.servers.worker(QUEUES, concurrency=2, name="old")
    scene.servers.worker(["scans", "render"], name="upkeep")
    scene.servers.beat()
    scene.servers.mailbox.misbehave("slow", match=SEND, seconds=0.5)
    feeder = scene.trickle(2_000, seconds=20)
    for _ in range(3):
        goal = scene.sent() + 200
        assert wait_until(lambda goal=goal: scene.sent() > goal and scene.in_calls() > 0, seconds=60)
        new = scene.servers.worker(QUEUES, concurrency=2, name="new")
        assert worker.stop() == 0, "SIGTERM ends a worker in order"
        worker = new
    feeder.join()

    balance = all_is_well(scene, "SIGTERM, three deploys under load")

    assert balance.by_state["sent"] == 2_000
    assert scene.told("is gone") == 0, "every call under way was finished, every claim given back"
