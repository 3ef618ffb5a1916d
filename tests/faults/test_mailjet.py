"""Mailjet misbehaves: every answer that it can give, and the answers that never come."""

import signal
import time

import pytest

from mailworker.cli.local_stack import wait_until
from mailworker.cli.local_stack.redis_server import free_port
from tests.faults.gate import Gate
from tests.faults.scene import STRICT

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

#: The fault, its rule, and how many messages may end otherwise than sent (the guilty ones).
FAULTS = [
    ("accept_then_hang", {"times": 3, "seconds": 4}),
    ("hang_before", {"times": 3, "seconds": 4}),
    ("reset_before", {"times": 4}),
    ("reset_after", {"times": 4}),
    ("reset_mid_body", {"times": 4}),
    ("error_500_before", {"times": 4}),
    ("error_500_after", {"times": 4}),
    ("error_502_html", {"times": 4}),
    ("truncated_json", {"times": 3}),
    ("bad_content_type", {"times": 3}),
    ("too_large_413", {"times": 2}),
    ("slow", {"times": 5, "seconds": 1}),
    ("slow_drip", {"times": 3, "seconds": 4}),
]


@pytest.mark.parametrize(("fault", "rule"), FAULTS, ids=[fault for fault, _ in FAULTS])
def test_every_mail_arrives_once_with_short_times(open_quick_scene, all_is_well, fault, rule):
    scene = open_quick_scene()
    scene.servers.mailbox.misbehave(fault, match={"path": "/v3.1/send"}, **rule)
    scene.servers.worker(["mail.urgent", "mail.normal", "mail.bulk", "render", "scans"], concurrency=3)
    scene.servers.beat()
    scene.trickle(300, seconds=6).join()

    balance = all_is_well(scene, f"Mailjet: {fault}")

    assert scene.struck() == rule["times"], "the fault happened"
    assert balance.by_state["sent"] == 300


def test_a_storm_of_429_pauses_everybody(open_scene, all_is_well):
    scene = open_scene()
    scene.servers.mailbox.misbehave("throttle_429", match={"path": "/v3.1/send"}, times=3)
    scene.servers.worker(["mail.urgent", "mail.bulk", "scans"], concurrency=3)
    scene.servers.beat()
    scene.enqueue(200)

    balance = all_is_well(scene, "Mailjet: 429 storm")

    assert scene.struck() == 3
    assert balance.by_state["sent"] == 200
    assert scene.servers.mailbox.counts()["calls"] <= 3 + 4 + 4, "a paused house makes few calls"


def test_half_of_a_batch_refused_leaves_the_other_half(open_scene, all_is_well):
    scene = open_scene()
    scene.servers.mailbox.misbehave("partial_failure", match={"recipient_contains": "bad-"})
    scene.servers.worker(["mail.urgent", "mail.bulk", "scans"], concurrency=2)
    scene.servers.beat()
    scene.enqueue(50, tag="bad-")
    scene.enqueue(50, tag="good-")

    balance = all_is_well(scene, "Mailjet: half of each batch refused")

    assert balance.by_state == {"sent": 50, "failed": 50}


def test_credentials_revoked_midway_hold_all_mail_and_lose_none(open_scene, all_is_well):
    scene = open_scene()
    scene.servers.mailbox.misbehave("unauthorized_401", times=1)
    scene.servers.worker(["mail.urgent", "mail.bulk", "scans"], concurrency=2)
    scene.servers.beat()
    scene.enqueue(100)

    balance = all_is_well(scene, "Mailjet: credentials revoked, then restored")

    assert scene.struck() == 1
    assert balance.by_state["sent"] == 100
    assert scene.servers.mailbox.counts()["calls"] <= 6, "a held house does not burn calls"


def test_answers_get_lost_and_the_index_is_late_but_never_twice_with_short_times(
    open_quick_scene, all_is_well
):
    """Strict kinds, so nothing is sent again: what was taken is found as soon as Mailjet shows it."""
    scene = open_quick_scene()
    scene.servers.mailbox.misbehave("accept_then_hang", match={"path": "/v3.1/send"}, times=4, seconds=3)
    scene.servers.mailbox.misbehave("lookup_late", seconds=6)
    scene.staff()
    scene.enqueue(200, kind=STRICT)

    balance = all_is_well(scene, "Mailjet: answers lost, its index 6 s late")

    assert scene.told("Mailjet does not know it yet") == 0, "no word of sending again on a timeline"
    assert scene.told("Mailjet had it") >= 4
    assert balance.by_state == {"sent": 200}


@pytest.mark.timeout(400)
def test_nobody_is_there_for_a_while_with_short_times(open_quick_scene, all_is_well):
    port = free_port()
    with Gate(port) as gate:
        scene = open_quick_scene(sections={"mailjet": {"api_url": gate.url}}, simulator_port=port)
        scene.staff()
        scene.servers.mailbox.misbehave("slow", match={"path": "/v3.1/send"}, seconds=1)
        feeder = scene.trickle(600, seconds=20)
        for _ in range(3):
            before = scene.struck()
            assert wait_until(lambda before=before: scene.struck() > before, seconds=60), "a call is there"
            gate.shut()
            arrived = scene.servers.mailbox.counts()["messages"]
            time.sleep(4)
            assert scene.servers.mailbox.counts()["messages"] == arrived, "nothing gets through"
            gate.open()
        feeder.join()

        cut = gate.cut
        name = f"Mailjet gone three times, {cut} connections cut"
        balance = all_is_well(scene, name, seconds=200)  # a look-up that failed comes again after two minutes

    assert cut >= 3, "somebody was in a call each time"
    assert scene.told("connect") > 0, "somebody was refused"
    assert balance.by_state["sent"] == 600


@pytest.mark.timeout(400)
def test_stands_still_and_takes_old_calls_when_it_wakes_with_short_times(open_quick_scene):
    """Bytes wait in its sockets: what everybody had given up for lost is taken when nobody listens any more."""
    scene = open_quick_scene()
    scene.staff()
    scene.enqueue(100, kind=STRICT)
    assert wait_until(lambda: scene.sent() == 100, seconds=60)
    scene.servers.simulator.send_signal(signal.SIGSTOP)
    scene.enqueue(100, kind=STRICT, tag="late")
    assert wait_until(lambda: scene.states()["unknown"] > 0, seconds=60)
    time.sleep(10)  # look-ups hang as well
    scene.servers.simulator.send_signal(signal.SIGCONT)

    def settled():
        states = scene.states()
        return states.total() == 200 == states["sent"] + states["unknown"] and not taken_and_unknown(scene)

    assert wait_until(settled, seconds=240), scene.states()
    balance = scene.balance("Mailjet stood still for 10 s")
    assert (balance.lost, balance.twice) == (0, 0)
    assert balance.fullest_minute <= balance.limit


def taken_and_unknown(scene):
    arrived = {mail["custom_id"] for mail in scene.servers.mailbox.messages()}
    return arrived & {row[0] for row in scene.ask("SELECT id FROM messages WHERE state = 'unknown'")}
