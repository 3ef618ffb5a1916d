"""Redis goes: restarted with its data, without it, away for a minute, half-open, full, read-only, slow."""

import shutil
import signal
import time

import pytest

from mailworker.cli.local_stack import wait_until
from mailworker.client import NotEnqueued
from mailworker.core.lane import Lane
from mailworker.queue.celery_queues import MAIL
from tests.faults.scene import CAMPAIGN, MAIL_QUEUES, RESET, RESET_VARIABLES

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]


def test_restarted_with_its_data_while_everybody_works(open_scene, all_is_well):
    scene = open_scene()
    scene.staff()
    feeder = scene.trickle(1_500, seconds=20)
    for _ in range(3):
        goal = scene.sent() + 100
        assert wait_until(lambda goal=goal: scene.sent() > goal, seconds=60)
        scene.servers.redis.kill()
        scene.servers.start_redis()
    feeder.join()

    balance = all_is_well(scene, "Redis restarted three times", seconds=240)

    assert balance.by_state["sent"] == 1_500


def test_restarted_without_its_data_after_the_ledger_has_the_jobs(open_scene, all_is_well):
    scene = open_scene(calls_per_minute=200)
    scene.staff()
    scene.enqueue(1_500)
    assert wait_until(lambda: scene.states().total() == 1_500, seconds=60)
    assert scene.sent() < 1_500, "there is something to lose"
    scene.servers.redis.kill()
    shutil.rmtree(scene.servers.folder / "redis")
    scene.servers.start_redis()

    balance = all_is_well(scene, "Redis lost all its data, limit 200")

    assert balance.by_state["sent"] == 1_500


def test_away_for_a_minute_for_clients_and_workers(open_scene, all_is_well):
    scene = open_scene()
    scene.staff()
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
    scene.staff()
    feeder = scene.trickle(600, seconds=15)
    assert wait_until(lambda: scene.sent() > 50, seconds=60)
    scene.servers.redis.send_signal(signal.SIGSTOP)  # connections stand, nobody answers
    time.sleep(4)
    arrived = scene.servers.mailbox.counts()["messages"]
    time.sleep(16)
    assert scene.servers.mailbox.counts()["messages"] == arrived, "without a token nothing leaves"
    scene.servers.redis.send_signal(signal.SIGCONT)
    feeder.join()

    assert all_is_well(scene, "Redis half-open for 20 s").by_state["sent"] == 600


def test_full_so_that_it_takes_nothing(open_scene, all_is_well):
    scene = open_scene()
    scene.staff()
    feeder = scene.trickle(600, seconds=15)
    assert wait_until(lambda: scene.sent() > 50, seconds=60)
    redis = scene.redis()
    redis.config_set("maxmemory", "1")
    with pytest.raises(NotEnqueued):
        scene.servers.client.send(RESET, "x@example.com", RESET_VARIABLES)
    time.sleep(15)
    redis.config_set("maxmemory", "0")
    redis.close()
    with scene.supervised():  # for a worker that took a ticket then could not note it, and ended
        feeder.join()
        balance = all_is_well(scene, "Redis full for 15 s")

    assert scene.refused > 0, "clients were told"
    assert balance.by_state["sent"] == 600


def test_read_only_as_after_a_failover_to_a_replica(open_scene, all_is_well):
    scene = open_scene()
    scene.staff()
    feeder = scene.trickle(600, seconds=15)
    assert wait_until(lambda: scene.sent() > 50, seconds=60)
    redis = scene.redis()
    redis.replicaof("127.0.0.1", 1)  # nobody is there: it keeps its data and refuses writes
    with pytest.raises(NotEnqueued):
        scene.servers.client.send(RESET, "x@example.com", RESET_VARIABLES)
    time.sleep(15)
    redis.replicaof("NO", "ONE")
    redis.close()
    with scene.supervised():  # for Celery's workers end when their Redis refuses to write
        feeder.join()
        balance = all_is_well(scene, "Redis read-only for 15 s")

    assert scene.refused > 0, "clients were told"
    assert balance.by_state["sent"] == 600


def test_slow_again_and_again(open_scene, all_is_well):
    scene = open_scene()
    scene.staff()
    feeder = scene.trickle(200, seconds=10)
    redis, pauses = scene.redis(), 0
    while feeder.is_alive():
        began = time.monotonic()
        redis.execute_command("CLIENT", "PAUSE", "2000", "ALL")
        redis.ping()  # is answered when the pause is over
        pauses += time.monotonic() - began > 1
        time.sleep(0.5)
    redis.close()
    feeder.join()

    balance = all_is_well(scene, f"Redis answered {pauses} times after 2 s")

    assert pauses >= 5
    assert balance.by_state["sent"] == 200


def test_crashed_and_the_tail_of_its_file_was_never_written(open_scene, all_is_well):
    """As `appendfsync everysec` loses it in a power cut: 20 kB of jobs, whose callers repeat them."""
    scene = open_scene()
    worker = scene.staff()
    scene.enqueue(50, tag="before")
    assert wait_until(lambda: scene.sent() == 50, seconds=60)
    worker.stop()
    scene.servers.children.remove(worker)
    scene.enqueue(100, tag="tail")
    scene.servers.redis.kill()
    (file,) = (scene.servers.folder / "redis").glob("**/*.incr.aof")
    with file.open("r+b") as written:
        written.truncate(file.stat().st_size - 20_000)
    scene.servers.start_redis()
    jobs = scene.redis()
    lost = 100 - jobs.xlen(MAIL[Lane.BULK].stream)
    jobs.close()
    scene.servers.worker(MAIL_QUEUES, concurrency=2, wait=False)
    with scene.supervised():
        for number in range(100):
            scene.ids.add(scene.send(CAMPAIGN, f"tail{CAMPAIGN}-{50 + number}-{number}"))
        balance = all_is_well(scene, f"Redis lost {lost} jobs in a crash, repeated")

    assert lost > 20, "there was something to lose"
    assert balance.by_state["sent"] == 150
