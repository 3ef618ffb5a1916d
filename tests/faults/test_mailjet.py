"""Mailjet misbehaves: every answer that it can give, and the answers that never come."""

import pytest

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
]


@pytest.mark.parametrize(("fault", "rule"), FAULTS, ids=[fault for fault, _ in FAULTS])
def test_every_mail_arrives_once(open_scene, all_is_well, fault, rule):
    scene = open_scene()
    scene.servers.mailbox.misbehave(fault, match={"path": "/v3.1/send"}, **rule)
    scene.servers.worker(["mail.urgent", "mail.normal", "mail.bulk", "render", "scans"], concurrency=3)
    scene.servers.beat()
    scene.trickle(300, seconds=6).join()

    balance = all_is_well(scene, f"Mailjet: {fault}")

    assert balance.by_state["sent"] == 300


def test_a_storm_of_429_pauses_everybody(open_scene, all_is_well):
    scene = open_scene()
    scene.servers.mailbox.misbehave("throttle_429", match={"path": "/v3.1/send"}, times=3)
    scene.servers.worker(["mail.urgent", "mail.bulk", "scans"], concurrency=3)
    scene.servers.beat()
    scene.enqueue(200)

    balance = all_is_well(scene, "Mailjet: 429 storm")

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

    assert balance.by_state["sent"] == 100
    assert scene.servers.mailbox.counts()["calls"] <= 6, "a held house does not burn calls"
