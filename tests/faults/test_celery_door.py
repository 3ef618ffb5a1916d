"""The plain Celery tasks under fault, with the settings that operators get."""

import base64
from collections import Counter
from collections.abc import Iterator

import pytest
from celery import Celery

from mailworker.cli.local_stack import wait_until
from tests.faults.scene import STRICT, Scene

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

#: What single mails would need; and what the full pipe needs, with some calls that left early.
MAILS, MOST_CALLS = 200, 40


@pytest.fixture
def scene(open_scene) -> Scene:
    return open_scene(200)


@pytest.fixture
def stranger(scene: Scene) -> Iterator[Celery]:
    app = Celery(broker=scene.servers.redis_url, backend=scene.servers.redis_url, set_as_current=False)
    yield app
    # A result's end, which comes whenever it likes, would wait for the Redis of this test, for ever.
    app.backend.remove_pending_result = lambda _result: None
    app.backend.result_consumer.stop()
    app.backend.client.connection_pool.disconnect()
    app.close()


def message(number: int, **more: object) -> dict[str, object]:
    variables = {"first_name": "Ana", "offer": "Fibre 2 Gb/s"}
    return {"kind": STRICT, "to": f"client{number}@example.com", "variables": variables, **more}


def arrivals(scene: Scene) -> Counter[str]:
    return Counter(mail["recipients"][0]["email"] for mail in scene.servers.mailbox.messages())


def test_single_mails_fill_the_calls(scene: Scene, stranger: Celery):
    scene.staff()
    for number in range(MAILS):
        stranger.send_task(
            "mailworker.send_email", kwargs=message(number), queue="mail.bulk", ignore_result=True
        )
    assert wait_until(lambda: len(arrivals(scene)) == MAILS, seconds=120)
    counts = scene.servers.mailbox.counts()
    assert set(arrivals(scene).values()) == {1}
    assert counts["calls"] <= MOST_CALLS, counts


def test_five_hundred_without_keys_while_the_store_is_broken(scene: Scene, stranger: Celery):
    store = scene.servers.folder / "invoices"
    store.write_text("A file stands where the folder should be.", encoding="utf-8")
    scene.staff()
    content = base64.b64encode(b"%PDF-1.7").decode()
    file = {"filename": "a.pdf", "content_type": "application/pdf", "content": content}
    messages = [message(n, **({"attachments": [file]} if n == 250 else {})) for n in range(500)]
    asked = stranger.send_task("mailworker.send_emails", kwargs={"messages": messages}, queue="mail.bulk")
    assert wait_until(lambda: scene.sent() == 499, seconds=120), "nobody waits for the one with the file"
    store.unlink()
    answers = asked.get(timeout=120)
    assert len({id_ for answer in answers for id_ in answer["ids"]}) == 500
    assert wait_until(lambda: len(arrivals(scene)) == 500, seconds=120)
    assert set(arrivals(scene).values()) == {1}, "nobody got two"
