"""The ledger on PostgreSQL, and PostgreSQL goes: crashed, cut off, standing still; and workers die on it.

A crash here ends all of the server's processes at once. What they had committed is with the operating system by
then, so it survives although nothing was flushed to the disk; a power cut is PostgreSQL's own business.
"""

import os
import random
import signal
import time
from contextlib import contextmanager, suppress
from functools import partial

import psycopg
import pytest

from mailworker.cli.local_stack import wait_until
from tests.faults.scene import MAIL_QUEUES, children, kill_a_child
from tests.integration.postgres import ROLE

pytestmark = [pytest.mark.faults, pytest.mark.timeout(500)]

SEND = {"path": "/v3.1/send"}


def answers(postgres):
    try:
        postgres.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def wait_for_a_call(scene):
    """Until calls are under way: whatever happens now happens to them."""
    assert wait_until(lambda: scene.sent() > 100 and scene.in_calls() > 0, seconds=60)


def test_crashed_under_load_and_away_for_twenty_seconds(postgres, open_on_postgres, all_is_well):
    scene = open_on_postgres()
    scene.staff()
    scene.servers.mailbox.misbehave("slow", match=SEND, seconds=0.5)  # so that calls are always under way
    feeder = scene.trickle(1_500, seconds=30)
    wait_for_a_call(scene)
    postgres.crash()
    assert not answers(postgres)
    time.sleep(3)  # the calls under way come back, and nobody can write down what became of them
    arrived = scene.servers.mailbox.counts()["messages"]
    time.sleep(17)
    assert scene.servers.mailbox.counts()["messages"] == arrived, "without the ledger nothing leaves"
    scene.servers.mailbox.behave()
    postgres.run()
    feeder.join()

    balance = all_is_well(scene, "PostgreSQL crashed, away for 20 s", seconds=300)

    assert balance.by_state["sent"] == 1_500
    assert scene.told("the worker that sent it is gone") == 0, "who made a call wrote its end down later"


def test_all_its_connections_cut_again_and_again(open_on_postgres, all_is_well):
    scene = open_on_postgres()
    scene.staff()
    feeder = scene.trickle(1_500, seconds=20)
    cut = 0
    while feeder.is_alive():
        time.sleep(1)
        cut += len(
            scene.ask(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = 'house' AND pid <> pg_backend_pid()"
            )
        )
    feeder.join()

    balance = all_is_well(scene, f"PostgreSQL cut {cut} connections", seconds=300)

    assert cut >= 20
    assert balance.by_state["sent"] == 1_500


def test_stands_still_for_twenty_seconds(postgres, open_on_postgres, all_is_well):
    scene = open_on_postgres()
    scene.staff()
    scene.servers.mailbox.misbehave("slow", match=SEND, seconds=0.5)
    feeder = scene.trickle(1_000, seconds=15)
    wait_for_a_call(scene)
    pids = [postgres.server.pid, *children(postgres.server.pid)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)  # connections stand, nobody answers
    time.sleep(20)
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    feeder.join()

    assert all_is_well(scene, "PostgreSQL stood still for 20 s", seconds=300).by_state["sent"] == 1_000


def test_a_storm_of_kills_on_it_with_short_times(open_quick_on_postgres, all_is_well):
    scene, dice = open_quick_on_postgres(), random.Random(3)
    storm = [scene.servers.worker(MAIL_QUEUES, concurrency=2, name="storm") for _ in range(2)]
    scene.servers.worker(["scans", "render"], name="upkeep")
    scene.servers.beat()
    scene.servers.mailbox.misbehave("slow", match=SEND, seconds=0.2)
    feeder = scene.trickle(2_000, seconds=30)
    kills = 0
    while feeder.is_alive():
        time.sleep(dice.uniform(0.2, 1.0))  # the storm's own rhythm
        kills += kill_a_child(storm[dice.randrange(2)], dice)
    feeder.join()

    balance = all_is_well(scene, f"SIGKILL storm on PostgreSQL, {kills} kills")

    assert kills >= 15
    assert scene.told("is gone") > 0, "some held messages when they died"
    assert balance.by_state["sent"] == 2_000


@contextmanager
def _locked(scene, _cluster):
    with scene.locked("messages"):  # as VACUUM FULL does
        yield


@contextmanager
def _exhausted(_scene, cluster):
    links = []
    with suppress(psycopg.OperationalError):
        while True:
            links.append(psycopg.connect(f"host={cluster.folder} user={ROLE} dbname=house"))
    yield
    for link in links:
        link.close()


@contextmanager
def _set(_scene, cluster, setting, value):
    cluster.execute(f"ALTER DATABASE house SET {setting} = {value}")
    hang_up = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'house'"
    cluster.execute(hang_up)  # it holds for new connections
    yield
    cluster.execute(f"ALTER DATABASE house RESET {setting}")
    cluster.execute(hang_up)


REFUSALS = {
    "messages locked for 40 s": (_locked, 40),
    "all connections taken for 25 s": (_exhausted, 25),
    "read-only for 15 s": (partial(_set, setting="default_transaction_read_only", value="on"), 15),
    "statements end after 3 ms for 20 s": (partial(_set, setting="statement_timeout", value="'3ms'"), 20),
}


@pytest.mark.parametrize("how", REFUSALS)
def test_refuses_for_a_while(postgres, open_on_postgres, all_is_well, how):
    refusing, seconds = REFUSALS[how]
    scene = open_on_postgres()
    scene.staff()
    scene.enqueue(100)
    assert wait_until(lambda: scene.sent() > 20, seconds=60)
    with refusing(scene, postgres):
        scene.enqueue(200, tag="during")
        time.sleep(seconds)

    # What was in a call that nobody could write down waits for its lease and for Mailjet's word.
    balance = all_is_well(scene, f"PostgreSQL: {how}", seconds=270)

    assert balance.by_state["sent"] == 300


def test_restarts_in_recovery_again_and_again(postgres, open_on_postgres, all_is_well):
    """One of its processes dies, so it ends all others, replays its log, and answers "in recovery mode" meanwhile."""
    scene = open_on_postgres()
    scene.staff()
    feeder = scene.trickle(900, seconds=30)
    restarts = 0
    while feeder.is_alive():
        goal = scene.sent() + 30
        if not wait_until(lambda goal=goal: scene.sent() > goal, seconds=20):
            continue
        victim = _own_process(postgres)
        os.kill(victim, signal.SIGKILL)
        assert wait_until(lambda: answers(postgres), seconds=60)
        restarts += 1
    feeder.join()

    balance = all_is_well(scene, f"PostgreSQL restarted in recovery {restarts} times", seconds=270)

    assert restarts >= 3
    assert balance.by_state["sent"] == 900


def _own_process(postgres):
    """A process of the server's that serves one of the installation's connections."""
    with psycopg.connect(f"host={postgres.folder} user={ROLE} dbname=postgres", autocommit=True) as link:
        found = link.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = 'house' ORDER BY backend_start LIMIT 1"
        ).fetchone()
    assert found is not None, "a worker is connected"
    return found[0]
