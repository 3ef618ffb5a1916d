"""Mailjet misbehaves: every answer that it can give, and the answers that never come."""

import signal
import time

import pytest

from mailworker.cli.local_stack import wait_until
from mailworker.cli.local_stack.redis_server import free_port
from tests.faults.gate import Gate
from tests.faults.scene import STRICT

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

#: Longer than anybody waits for an answer.
SILENCE = 40
#: The fault, its rule, and whether Mailjet took the calls that it struck, of which nobody saw the outcome.
FAULTS = [
    ("accept_then_hang", {"times": 2, "seconds": SILENCE}, True),
    ("hang_before", {"times": 2, "seconds": SILENCE}, False),
    ("reset_before", {"times": 4}, False),
    ("reset_after", {"times": 4}, True),
    ("reset_mid_body", {"times": 4}, False),
    ("error_500_before", {"times": 4}, False),
    ("error_500_after", {"times": 4}, True),
    ("error_502_html", {"times": 4}, False),
    ("truncated_json", {"times": 3}, True),
    ("bad_content_type", {"times": 3}, True),
    ("too_large_413", {"times": 2}, True),
    ("slow", {"times": 5, "seconds": 1}, True),
    ("slow_drip", {"times": 2, "seconds": SILENCE}, True),
]
#: One call each; the first after a rest is a careful one, and those that ask carry nothing.
DOUBT = 50


@pytest.mark.parametrize(("fault", "rule", "taken"), FAULTS, ids=[fault for fault, *_ in FAULTS])
def test_every_mail_arrives_once(open_scene, all_is_settled, fault, rule, taken):
    scene = open_scene()
    scene.servers.mailbox.misbehave(fault, match={"path": "/v3.1/send"}, **rule)
    scene.servers.worker(["mail.urgent", "mail.normal", "mail.bulk", "render", "scans"], concurrency=3)
    scene.servers.beat()
    scene.trickle(300, seconds=6).join()

    balance = all_is_settled(scene, f"Mailjet: {fault}", in_doubt=0 if taken else DOUBT, seconds=200)

    assert scene.struck() == rule["times"], "the fault happened"
    assert balance.by_state["sent"] + balance.by_state["unknown"] == 300
    assert scene.told("sending it again") == 0, "nothing was proved within minutes"


def test_a_storm_of_429_pauses_everybody(open_scene, all_is_well):
    scene = open_scene()
    scene.servers.mailbox.misbehave("throttle_429", match={"path": "/v3.1/send"}, times=3)
    scene.servers.worker(["mail.urgent", "mail.bulk", "scans"], concurrency=3)
    scene.servers.beat()
    scene.enqueue(200)

    balance = all_is_well(scene, "Mailjet: 429 storm")

    assert scene.struck() == 3
    assert balance.by_state["sent"] == 200
    assert scene.servers.mailbox.counts()["calls"] <= 3 + 4 + 4, "paused, it makes few calls"


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
    assert scene.servers.mailbox.counts()["calls"] <= 6, "what is held burns no calls"


def test_answers_get_lost_and_the_index_is_late_but_never_twice(open_scene, all_is_well):
    """What was taken is found as soon as Mailjet shows it: later than the first look-up."""
    scene = open_scene()
    scene.servers.mailbox.misbehave("reset_after", match={"path": "/v3.1/send"}, times=4)
    scene.servers.mailbox.misbehave("lookup_late", seconds=60)
    scene.staff()
    scene.enqueue(200, kind=STRICT)

    balance = all_is_well(scene, "Mailjet: answers lost, its index 60 s late", seconds=240)

    assert scene.told("Mailjet does not know it yet") == 0, "no word of sending again on a timeline"
    assert scene.told("Mailjet had it") >= 4
    assert balance.by_state == {"sent": 200}


@pytest.mark.timeout(400)
def test_nobody_is_there_for_a_while(open_scene, all_is_settled):
    port = free_port()
    with Gate(port) as gate:
        scene = open_scene(api_url=gate.url, simulator_port=port)
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
        # A look-up that failed comes again after two minutes; what the gate cut before Mailjet had it is in doubt.
        balance = all_is_settled(scene, name, in_doubt=DOUBT, seconds=240)

    assert cut >= 3, "somebody was in a call each time"
    assert balance.by_state["sent"] >= 600 - DOUBT


@pytest.mark.timeout(400)
def test_stands_still_and_takes_old_calls_when_it_wakes(open_scene, all_is_settled):
    """Bytes wait in its sockets: what everybody had given up for lost is taken when nobody listens any more."""
    scene = open_scene()
    scene.staff()
    scene.enqueue(100, kind=STRICT)
    assert wait_until(lambda: scene.sent() == 100, seconds=60)
    scene.servers.simulator.send_signal(signal.SIGSTOP)
    scene.enqueue(100, kind=STRICT, tag="late")
    assert wait_until(lambda: scene.states()["unknown"] > 0, seconds=90)
    time.sleep(10)  # look-ups hang as well
    scene.servers.simulator.send_signal(signal.SIGCONT)

    balance = all_is_settled(
        scene, "Mailjet stood still until calls were given up", in_doubt=DOUBT, seconds=240
    )

    assert balance.by_state["sent"] >= 200 - DOUBT
