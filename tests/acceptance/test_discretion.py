"""What operators see in Flower: kinds and ids; no address, no link, no password."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import pytest
from celery import Celery
from sqlalchemy.engine import make_url

from mailworker.cli.local_stack import wait_until
from tests.acceptance.conftest import RESET, RunningStack, answer

pytestmark = pytest.mark.acceptance

ADDRESS, LINK = "claire.fontaine@example.com", "https://crm.example/reset/9f3c1ab27de84c55"
ASKED = {
    "kind": RESET,
    "to": {"email": ADDRESS, "name": "Claire Fontaine"},
    "variables": {"user_name": "Claire Fontaine", "reset_url": LINK, "expiry_time": "1 heure"},
}
PRIVATE = (ADDRESS, "Fontaine", "reset/9f3c", "crm.example")


def test_task_events_name_no_person(container: RunningStack):
    with listening(container.servers.redis_url) as upserted:
        id_ = answer(_ask(container))
        container.final(id_)
        assert wait_until(
            lambda: {"task-received", "task-succeeded"} <= _types(upserted, "send_email"), seconds=20
        )
    told = json.dumps(upserted, default=str)
    assert [word for word in PRIVATE if word in told] == []
    received = next(
        e for e in upserted if e["type"] == "task-received" and e.get("name", "").endswith("send_email")
    )
    assert RESET in received["kwargs"]


def test_inspect_active_names_no_person(container: RunningStack):
    if make_url(container.servers.database_url).get_backend_name() != "sqlite":
        pytest.skip("holds the task up by SQLite's write lock")
    inspect = container.servers.celery.control.inspect(timeout=1)
    with closing(
        sqlite3.connect(make_url(container.servers.database_url).database, isolation_level=None)
    ) as lock:
        lock.execute("BEGIN IMMEDIATE")
        asking = _ask(container)
        active: list[Any] = []

        def is_active() -> bool:
            active[:] = [
                t for tasks in (inspect.active() or {}).values() for t in tasks if t["id"] == asking.id
            ]
            return bool(active)

        assert wait_until(is_active, seconds=15)
        lock.execute("ROLLBACK")
    told = json.dumps(active)
    assert [word for word in PRIVATE if word in told] == []
    assert RESET in told
    container.final(answer(asking))


def test_a_mail_is_a_finished_task_under_its_own_id(container: RunningStack):
    with listening(container.servers.redis_url) as upserted:
        id_ = answer(_ask(container))
        container.final(id_)
        assert wait_until(lambda: any(e.get("uuid") == id_ for e in upserted), seconds=20)
        assert wait_until(lambda: "task-succeeded" in _types(upserted, "mailworker.dispatch"), seconds=20)
    mail = next(e for e in upserted if e.get("uuid") == id_)
    assert (mail["type"], mail["name"], mail["result"]) == ("task-succeeded", RESET, "'sent'")
    results = [e["result"] for e in upserted if e["type"] == "task-succeeded" and id_ in str(e.get("result"))]
    assert any("'outcomes': {'sent': 1}" in result and RESET in result for result in results)
    assert [word for word in PRIVATE if word in json.dumps(upserted, default=str)] == []


def test_housekeeping_tells_flower_nothing(container: RunningStack):
    with listening(container.servers.redis_url) as upserted:
        for task, queue in (("mailworker.sweep", "scans"), ("mailworker.sync_sweep", "contacts")):
            container.servers.celery.send_task(task, queue=queue)
        id_ = answer(_ask(container))  # whatever was told before is heard by now
        container.final(id_)
        assert wait_until(lambda: any(e.get("uuid") == id_ for e in upserted), seconds=20)
    names = {e.get("name") for e in upserted}
    assert not names & {"mailworker.sweep", "mailworker.sync_sweep", "mailworker.campaign_step"}


def _ask(container: RunningStack) -> Any:
    return container.servers.celery.send_task("mailworker.send_email", kwargs=ASKED, queue="mail.urgent")


def _types(upserted: list[dict[str, Any]], task: str) -> set[str]:
    ids = {e["uuid"] for e in upserted if e.get("name", "").endswith(task)}
    return {e["type"] for e in upserted if e.get("uuid") in ids}


@contextmanager
def listening(redis_url: str) -> Iterator[list[dict[str, Any]]]:
    """Every event that workers tell while this is open, as Flower hears it."""
    upserted: list[dict[str, Any]] = []
    app = Celery("listener", broker=redis_url, set_as_current=False)
    done = threading.Event()

    def listen() -> None:
        with app.connection_for_read() as connection:
            receiver = app.events.Receiver(connection, handlers={"*": upserted.append})
            # It listens on a connection of its own, which it gives here.
            with receiver.consumer_context() as (own, _, _):
                while not done.is_set():
                    with suppress(TimeoutError):
                        own.drain_events(timeout=0.5)

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    # Redis forgets what it tells while nobody listens: only a worker's heartbeat proves that we do.
    assert wait_until(lambda: bool(upserted), seconds=20)
    try:
        yield upserted
    finally:
        done.set()
        thread.join(10)
        app.close()
