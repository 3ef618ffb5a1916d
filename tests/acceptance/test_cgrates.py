"""CGRateS posts, and the alert is at Mailjet: within a second on an idle host, once, and behind a password."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from mailworker.cli.local_stack import Servers, wait_until
from mailworker.cli.local_stack.redis_server import free_port
from tests.omnicrm.cgrates import Cgrates, Trigger, serving
from tests.omnicrm.engine_world import GB, SERVICES

pytestmark = pytest.mark.acceptance


@dataclass
class Operator:
    """An engine with customers, and the servers."""

    engine: Cgrates
    servers: Servers
    url: str

    def post(self, body: str, **more: Any) -> requests.Response:
        given = {
            "auth": ("cgrates", "s3cret"),
            "timeout": 10,
            "headers": {"Content-Type": "application/json"},
        }
        return requests.post(self.url, data=body.encode(), **given | more)

    def alerts(self) -> int:
        return int(self.servers.mailbox.counts()["messages"])


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    folder = tmp_path_factory.mktemp("cgrates")
    path = folder / "services.sqlite"
    with sqlite3.connect(path) as link:
        link.execute("CREATE TABLE services (uuid, customer_id, name, product, ends_at, email)")
        rows = [(f"s{n}", "C", f"Mobile {n}", "", None, f"s{n}@courriel.example") for n in range(300)]
        link.executemany("INSERT INTO services VALUES (?, ?, ?, ?, ?, ?)", rows)
    link.close()
    engine = Cgrates()
    engine.actions["ACT"] = [{"Identifier": "*http_post_async", "ExtraParameters": "here"}]
    engine.trigger_groups["LOW"] = [Trigger("LOW", "low", 10 * GB - 1, "*data", "Data Package", "ACT")]
    for n in range(300):
        engine.account(f"s{n}", engine.balance("*data", "Data Package", 11 * GB))
        engine.watch(f"s{n}", "LOW")
    port = free_port()
    services = SERVICES.partition(":")[2].strip()
    with serving(engine) as engine_url:
        changes: dict[str, Any] = {
            "crm": {"source": "sql", "sql": {"url": f"sqlite:///{path}", "queries": {"services": services}}},
            "balances": {
                "enabled": False,
                "quiet_hours": None,
                "low": [{"below": 10, "type": "Données"}],
                "cgrates": {"url": engine_url, "topup_url": "https://crm.example/topup/{service_uuid}"},
            },
            "web": {"port": port, "ocs_user": "cgrates", "ocs_password": "s3cret"},
        }
        with Servers(folder, changes=changes) as servers:
            servers.worker(["mail.urgent", "mail.normal"], concurrency=1, name="all")
            servers.start_web()
            yield Operator(engine, servers, f"http://127.0.0.1:{port}/ocs/cgrates")


def crossed(operator: Operator, name: str) -> str:
    """The body of the post that this account's debit makes."""
    operator.engine.debit(name, "*data", "Data Package", 2 * GB)
    ((_, body),) = operator.engine.posts
    operator.engine.posts.clear()
    return body


def test_from_the_post_to_mailjet(operator: Operator) -> None:
    operator.post(crossed(operator, "s0"))  # the first opens every connection
    assert wait_until(lambda: operator.alerts() == 1, seconds=30)
    body = crossed(operator, "s1")
    answer = operator.post(body)
    assert answer.status_code // 100 == 2
    assert wait_until(lambda: operator.alerts() == 2, seconds=30)
    operator.post(body)
    operator.post(crossed(operator, "s2"))
    assert wait_until(lambda: operator.alerts() == 3, seconds=30), "the replay told nobody, the next did"


def test_strangers_are_turned_away(operator: Operator) -> None:
    assert operator.post("{}", auth=None).status_code == 401
    assert operator.post("{}", auth=("cgrates", "wrong")).status_code == 401


def test_whatever_is_posted_is_taken(operator: Operator) -> None:
    for body in ("null", "<html>", "", '{"ID": "other:s9", "BalanceMap": null}'):
        assert operator.post(body).status_code // 100 == 2


def test_a_flood_is_told_once_each(operator: Operator) -> None:
    before = operator.alerts()
    bodies = [crossed(operator, f"s{n}") for n in range(10, 300)]
    with requests.Session() as session:
        for body in bodies + bodies[::7]:
            answer = session.post(operator.url, data=body.encode(), auth=("cgrates", "s3cret"), timeout=10)
            assert answer.status_code // 100 == 2
    assert wait_until(lambda: operator.alerts() >= before + len(bodies), seconds=60)
    assert operator.alerts() == before + len(bodies)
