"""Mailjet's events on their way through dying workers and a Redis that goes: each arrives, and counts once."""

import random
import sys
import time

import pytest
import requests

from mailworker.cli.local_stack import wait_until
from mailworker.cli.local_stack.child_process import Child
from mailworker.cli.local_stack.redis_server import free_port
from tests.faults.scene import kill_a_child

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

WEB = {"webhook_user": "mailjet", "webhook_password": "a-secret-of-this-test"}
ONCE = """
SELECT count(*) FROM (SELECT 1 FROM timeline WHERE what = :what GROUP BY message_id HAVING count(*) = 1) AS once
"""


def open_the_door(scene, port):
    """Start the webhook, and have the local Mailjet post to it."""
    log = scene.servers.folder / "logs" / "webhook.log"
    command = [sys.executable, "-m", "mailworker", "webhook", "--port", str(port)]
    door = Child("The web door", command, log, scene.servers.environ)
    scene.servers.children.append(door)
    door.wait_ready(lambda: post(port) is not None)
    user, password = WEB.values()
    hook = f"http://{user}:{password}@127.0.0.1:{port}/mailjet/events"
    for kind in ("sent", "open"):
        requests.post(
            f"{scene.servers.simulator_url}/v3/REST/eventcallbackurl",
            json={"EventType": kind, "Url": hook, "Version": 2},
            auth=("simulator-key", "simulator-secret"),
            timeout=10,
        ).raise_for_status()


def post(port):
    """Post no event at all; give the answer's status, None where nobody answers."""
    try:
        url = f"http://127.0.0.1:{port}/mailjet/events"
        return requests.post(url, json=[], auth=tuple(WEB.values()), timeout=5).status_code
    except requests.RequestException:
        return None


def told_once(scene, what):
    """How many messages' timelines say this exactly once."""
    return scene.ask(ONCE, what=what)[0][0]


def test_events_while_workers_die_and_redis_goes_with_short_times(open_quick_scene, all_is_well):
    scene, dice, port = open_quick_scene(sections={"web": WEB}), random.Random(5), free_port()
    worker = scene.staff()
    open_the_door(scene, port)
    feeder = scene.trickle(300, seconds=20)
    kills = 0
    assert wait_until(lambda: told_once(scene, "delivered") > 10, seconds=60)
    scene.servers.redis.kill()
    assert post(port) == 503, "Mailjet is told to post again"
    time.sleep(3)
    scene.servers.start_redis()
    while feeder.is_alive():
        time.sleep(dice.uniform(0.2, 1.0))  # the storm's own rhythm
        kills += kill_a_child(worker, dice)
    feeder.join()
    balance = all_is_well(scene, f"events: {kills} kills, Redis gone once")
    assert balance.by_state["sent"] == 300
    opened = [{"custom_id": id_, "event": "open", "times": 3} for id_ in sorted(scene.ids)]
    for start in range(0, 300, 100):
        again = {"events": opened[start : start + 100], "shuffle": start}
        answer = requests.post(f"{scene.servers.simulator_url}/_simulator/events", json=again, timeout=30)
        answer.raise_for_status()
        kills += kill_a_child(worker, dice)

    assert wait_until(lambda: told_once(scene, "delivered") == told_once(scene, "opened") == 300, seconds=150)
    assert scene.ask("SELECT count(*) FROM messages WHERE delivery = 'opened'")[0][0] == 300
    assert kills >= 5
