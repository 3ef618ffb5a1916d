"""Broken input through every way in, each value with a canary in it: logs, events, Flower, results, Redis are searched."""

import base64
import inspect
import json
import sqlite3
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing
from itertools import cycle, islice
from typing import Any

import pytest
import requests
from celery import Celery
from redis import Redis
from sqlalchemy import text

from mailworker.cli.local_stack import Child, Servers, wait_until
from mailworker.cli.local_stack.redis_server import free_port
from mailworker.cli.local_stack.trial_config import web_for_trial
from mailworker.core.clock import utc_now
from mailworker.ledger import Ledger
from mailworker.queue.celery_queues import STREAMS
from mailworker.tasks.app import app as our_app
from tests.acceptance.conftest import EVERY_QUEUE, RESET, VERIFICATION, verification
from tests.acceptance.test_discretion import listening
from tests.omnicrm.cgrates import Cgrates, serving
from tests.omnicrm.engine_world import SERVICES

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(600)]

#: No name of a field or kind, for those may be repeated to whoever misspells them.
CANARY = "Claire Canaryvalue"
PERSON = {"email": "canaryvalue@client.example", "name": CANARY}
LINK = "https://h.example/pay/canaryvalue"
INVOICE = "api_crmCommunicationCustomerInvoice"


def deep(levels: int = 900) -> Any:
    return json.loads('{"a":' * levels + f'"{CANARY}"' + "}" * levels)


#: What stands where something else belongs; every one holds the canary.
WRONG: tuple[Any, ...] = (
    CANARY,
    f"{CANARY}\0",
    f"\ud83d {CANARY}",
    f"{CANARY}\r\n[error] forged",
    {CANARY: CANARY, "email": LINK},
    [[[CANARY]], PERSON, LINK],
    [float("nan"), CANARY],
    deep(),
)
#: The tasks that others call (docs/client.md, docs/suppressions.md, docs/campaigns.md), with what each needs besides.
NEEDED: dict[str, dict[str, Any]] = {
    "send_email": {"kind": RESET, "to": PERSON, "variables": {"user_name": CANARY, "reset_url": LINK, "expiry_time": "1"}},
    "send_emails": {"messages": [{"kind": RESET, "to": PERSON, "variables": {"user_name": CANARY}}]},
    "send_invoice": {"invoice": {"invoice_number": CANARY, "client": PERSON, "pay_url": LINK, "total_amount": CANARY}},
    "send_invoice_reminder": {"invoice_id": CANARY},
    "sync_contact": {"contact": PERSON | {"phone": LINK}},
    "sync_customer": {"customer": {"customer_id": CANARY, "contacts": [PERSON, {"email": CANARY}]}},
    "delete_contact": {"email": PERSON["email"]},
    "record_events": {"events": [{"event": CANARY, "time": CANARY, "email": PERSON["email"]}]},
    "scan_overdue_invoices": {"as_of": CANARY},
    "scan_balances": {"as_of": CANARY},
    "campaign_create": {"campaign": {"name": "c", "values": CANARY, "subject": LINK}},
    "campaign_test": {"name": CANARY, "to": [PERSON["email"]]},
    "campaign_schedule": {"name": CANARY, "at": CANARY},
    "campaign_send": {"name": CANARY},
    "campaign_pause": {"name": CANARY},
    "campaign_resume": {"name": CANARY},
    "campaign_cancel": {"name": CANARY},
    "campaign_progress": {"name": CANARY},
    "campaign_stats": {"name": CANARY},
    "suppressions_add": {"email": CANARY, "why": CANARY, "by": CANARY, "reason": CANARY},
    "suppressions_lift": {"email": CANARY, "why": CANARY, "by": CANARY},
    "suppressions_opt_in": {"email": CANARY, "why": CANARY, "by": CANARY},
    "suppressions_list": {"reason": CANARY},
    "suppressions_show": {"email": CANARY},
    "statistics": {"since": CANARY},
    "statistics_by_campaign": {"since": CANARY},
    "drain": {"lane": CANARY},
    "dispatch": {"lane": CANARY},
    "tell_status": {"id_": CANARY, "reply_to": CANARY},
    "scan_when_due": {},
}  # fmt: skip


def calls() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each task as it stands above, and with wrong values in each place: all of them in turn, two in each."""
    our_app.loader.import_default_modules()
    turn = cycle(WRONG)
    for name, needed in NEEDED.items():
        yield name, needed
        parameters = inspect.signature(our_app.tasks[f"mailworker.{name}"].run).parameters
        for place in parameters:
            yield from ((name, needed | {place: wrong}) for wrong in islice(turn, 2))
        yield name, needed | {CANARY: LINK}
    yield "no_such_task", {"to": PERSON}


def raw_messages() -> Iterator[str]:
    """What no Celery client writes: found on the broker's list all the same."""

    def message(body: bytes, headers: Any, **more: Any) -> str:
        properties = {
            "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4()),
            "delivery_info": {"exchange": "", "routing_key": "mail.normal"},
            "delivery_mode": 2,
            "priority": 0,
            "correlation_id": str(uuid.uuid4()),
        }
        envelope = {
            "body": base64.b64encode(body).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": headers,
            "properties": properties,
        }
        return json.dumps(envelope | more)

    headers = {
        "lang": "py",
        "task": "mailworker.send_email",
        "id": str(uuid.uuid4()),
        "argsrepr": LINK,
        "kwargsrepr": LINK,
    }
    body = json.dumps([[], {"kind": RESET, "to": PERSON}, {}]).encode()
    yield message(f"{CANARY} is no JSON".encode(), headers)
    yield message(b"\xff\xfe" + CANARY.encode(), headers)
    yield message(body, {"lang": "py", CANARY: LINK})
    yield message(json.dumps({"task": "no.such", "args": [LINK], "kwargs": {}}).encode(), {})
    yield message(json.dumps([LINK, {"kind": CANARY}]).encode(), headers)
    yield message(body, headers | {"eta": CANARY})
    yield message(body, headers | {"retries": CANARY, "timelimit": [CANARY, CANARY]})
    yield message(body, headers, **{"content-type": f"application/{CANARY}"})
    yield message(body, headers, **{"content-type": "application/x-python-serialize"})
    yield message(body, headers, **{"content-encoding": CANARY})


def entries() -> Iterator[dict[Any, Any]]:
    """What a broken or foreign writer may put onto a stream."""
    now = utc_now().isoformat()
    for wrong in WRONG:
        for place in (
            "to",
            "variables",
            "invoice",
            "attachments",
            "send_at",
            "kind",
            "contact",
            "customer_id",
        ):
            yield {"v": "1", "at": now, "job": json.dumps({"kind": RESET, place: wrong, "op": CANARY})}
        yield {"v": "1", "at": now, "job": json.dumps(wrong)}
        yield {"v": "1", "at": now, "body": json.dumps(wrong)}
    yield {"v": "1", "at": CANARY, "job": "{}"}
    yield {CANARY: CANARY}
    yield {b"v": b"1", b"at": now.encode(), b"job": b'{"' + CANARY.encode() + b'": "\xff\xfe"}'}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("canary")
    path = folder / "services.sqlite"
    with closing(sqlite3.connect(path)) as link:
        link.execute("CREATE TABLE services (uuid, customer_id, name, product, ends_at, email)")
    port = free_port()
    services = SERVICES.partition(":")[2].strip()
    with serving(Cgrates()) as engine_url:
        changes: dict[str, Any] = {
            "crm": {"source": "sql", "sql": {"url": f"sqlite:///{path}", "queries": {"services": services}}},
            "balances": {
                "enabled": False,
                "low": [{"below": 10, "type": "Données"}],
                "cgrates": {"url": engine_url, "topup_url": "https://crm.example/topup/{service_uuid}"},
            },
            "web": web_for_trial(port) | {"ocs_user": "cgrates", "ocs_password": "cgrates"},
        }
        with Servers(folder, changes=changes) as running:
            running.worker(EVERY_QUEUE, concurrency=3)
            running.beat()
            running.start_web()
            yield running


@pytest.fixture(scope="module")
def flower(servers: Servers) -> str:
    """A real Flower, as it is shipped; its URL."""
    pytest.importorskip("flower")
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "mailworker.tasks",
        "flower",
        "--address=127.0.0.1",
        f"--port={port}",
    ]
    environ = servers.environ | {"FLOWER_BASIC_AUTH": "operator:operator"}
    child = Child("Flower", command, servers.folder / "logs" / "flower.log", environ)
    servers.children.append(child)
    url = f"http://operator:operator@127.0.0.1:{port}"

    def ready() -> bool:
        try:
            return requests.get(f"{url}/api/workers", timeout=5).ok
        except requests.ConnectionError:
            return False

    child.wait_ready(ready, seconds=60)
    return url


def test_no_value_of_broken_input_is_seen_anywhere(servers: Servers, flower: str) -> None:
    redis = Redis.from_url(servers.redis_url)
    stranger = Celery(broker=servers.redis_url, backend=servers.redis_url, set_as_current=False)
    with listening(servers.redis_url) as heard:
        for name, kwargs in calls():
            queue = "contacts" if "sync" in name or "contact" in name else "mail.normal"
            stranger.send_task(f"mailworker.{name}", kwargs=kwargs, queue=queue)
        for message in raw_messages():
            redis.lpush("mail.normal", message)
        for fields in entries():
            for channel in STREAMS.values():
                redis.xadd(channel.stream, fields)
        for path, user in (("mailjet/events", "mailjet"), ("ocs/cgrates", "cgrates")):
            for wrong in (*WRONG, LINK):
                where = f"{servers.settings.web.public_url}/{path}"
                requests.post(where, data=json.dumps(wrong), auth=(user, user), timeout=30)
                requests.post(f"{where}?{CANARY}={LINK}", data=CANARY, auth=(CANARY, CANARY), timeout=30)
        for path in (f"messages/{CANARY}", f"messages?q={CANARY}", CANARY, f"schedule?{CANARY}={CANARY}"):
            requests.get(
                f"{servers.settings.web.public_url}/{path}", auth=("operator", "operator"), timeout=30
            )
        innocent = servers.client.send(VERIFICATION, "innocent@client.example", verification())
        assert wait_until(lambda: bool(servers.mailbox.messages(custom_id=innocent)), seconds=120)
        queues = [*{channel.queue for channel in STREAMS.values()}, "celery", "scans", "render"]
        assert wait_until(lambda: not any(redis.llen(name) for name in queues), seconds=240), "tasks wait"
        streams = [channel.stream for channel in STREAMS.values()]
        assert wait_until(lambda: not any(redis.xlen(name) for name in streams), seconds=120), "entries wait"
        assert wait_until(lambda: not redis.hlen("unacked"), seconds=60), "tasks are under way"
        seen = {f"log {log.name}": log.read_text("utf-8") for log in (servers.folder / "logs").glob("*.log")}
        seen |= {
            f"Flower {path}": requests.get(f"{flower}{path}", timeout=60).text for path in _pages(flower)
        }
    seen["events"] = json.dumps(heard, default=str)
    # But where jobs are kept for `ledger refill`: bounded in time and bytes, within an erasure's reach.
    kept = set(redis.scan_iter("mailworker:*:kept", count=1000))
    seen |= {f"Redis {key!r}": _content(redis, key) for key in redis.scan_iter(count=1000) if key not in kept}
    seen["rejected jobs"] = _rejected(servers)
    stranger.close()
    redis.close()
    assert len(seen) > 100, "it was looked everywhere"
    assert {where: _around(words) for where, words in seen.items() if "canaryvalue" in words.lower()} == {}


def _pages(flower: str) -> Iterator[str]:
    yield from (
        "/api/workers?refresh=1",
        "/api/queues/length",
        "/api/task/types",
        "/workers",
        "/tasks",
        "/broker",
    )
    tasks_there = requests.get(f"{flower}/api/tasks", timeout=60)
    yield "/api/tasks"
    ids = list(tasks_there.json())
    assert len(ids) > 100
    yield from (f"/api/task/info/{id_}" for id_ in ids[:100])
    yield from (f"/task/{id_}" for id_ in ids[:20])


def _content(redis: "Redis", key: bytes) -> str:
    """All of a key, its name too, whatever it is."""
    reads = {
        b"string": redis.get,
        b"list": lambda name: redis.lrange(name, 0, -1),
        b"set": redis.smembers,
        b"hash": redis.hgetall,
        b"zset": lambda name: redis.zrange(name, 0, -1, withscores=True),
        b"stream": redis.xrange,
        b"none": lambda _: "",
    }
    return f"{key!r}: {reads[redis.type(key)](key)!r}"


def _rejected(servers: Servers) -> str:
    ledger = Ledger.open(servers.database_url)
    try:
        with ledger.read() as connection:
            return repr(connection.execute(text("SELECT * FROM rejected_jobs")).all())
    finally:
        ledger.close()


def _around(words: str) -> str:
    place = words.lower().index("canaryvalue")
    return words[max(0, place - 150) : place + 60]
