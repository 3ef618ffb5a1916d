"""Redis goes: restarted with its data, without it, away for a minute, half-open."""

import shutil
import signal
import time

import pytest

from mailworker.cli.running import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

QUEUES = ["mail.urgent", "mail.normal", "mail.bulk", "celery"]


def start(scene):
    scene.servers.worker(QUEUES, concurrency=2)
    scene.servers.worker(["scans", "render"], name="upkeep")
    scene.servers.beat()


def test_restarted_with_its_data_while_everybody_works(open_scene, all_is_well):
    scene = open_scene()
    start(scene)
    feeder = scene.trickle(1_500, seconds=20)
    for _ in range(3):
        goal = scene.sent() + 100
        assert wait_until(lambda goal=goal: scene.sent() > goal, seconds=60)
        scene.servers.redis.kill()
        scene.servers.start_redis()
    feeder.join()

    assert all_is_well(scene, "Redis restarted three times").by_state["sent"] == 1_500


def test_restarted_without_its_data_after_the_ledger_has_the_jobs(open_scene, all_is_well):
    scene = open_scene(calls_per_minute=200)
    start(scene)
    scene.enqueue(1_500)
    assert wait_until(lambda: scene.states().total() == 1_500, seconds=60)
    scene.servers.redis.kill()
    shutil.rmtree(scene.servers.folder / "redis")
    scene.servers.start_redis()

    balance = all_is_well(scene, "Redis lost all its data, limit 200")

    assert balance.by_state["sent"] == 1_500


def test_away_for_a_minute_for_clients_and_workers(open_scene, all_is_well):
    scene = open_scene()
    start(scene)
    scene.enqueue(200)
    assert wait_until(lambda: scene.sent() > 0, seconds=60)
    scene.servers.redis.kill()
    feeder = scene.trickle(200, seconds=5)
    time.sleep(60)
    scene.servers.start_redis()
    feeder.join()

    balance = all_is_well(scene, "Redis away for a minute")

    assert balance.by_state["sent"] == 400
    assert scene.refused > 0, "clients were told that Redis is away"


def test_half_open_connections(open_scene, all_is_well):
    scene = open_scene()
    start(scene)
    feeder = scene.trickle(600, seconds=15)
    assert wait_until(lambda: scene.sent() > 50, seconds=60)
    scene.servers.redis.send_signal(signal.SIGSTOP)  # connections stand, nobody answers
    time.sleep(20)
    scene.servers.redis.send_signal(signal.SIGCONT)
    feeder.join()

    assert all_is_well(scene, "Redis half-open for 20 s").by_state["sent"] == 600
