"""An operator whose engine posts to a real web process: CGRateS's stand-in, services in SQL, servers, a password."""

import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from mailworker.cli.local_stack import Servers
from mailworker.cli.local_stack.redis_server import free_port
from tests.omnicrm.cgrates import Cgrates, Trigger, serving
from tests.omnicrm.engine_world import GB, SERVICES

LOGIN = ("cgrates", "s3cret")


@dataclass
class OcsOperator:
    """An engine with customers s0, s1, ... of 11 GB each, who are alerted below 10, and the servers."""

    engine: Cgrates
    servers: Servers
    url: str

    def post(self, body: str, **more: Any) -> requests.Response:
        """Post as CGRateS does."""
        given = {"auth": LOGIN, "timeout": 10, "headers": {"Content-Type": "application/json"}}
        return requests.post(self.url, data=body.encode(), **given | more)

    def post_all(self, bodies: Sequence[str], *, lanes: int = 1) -> list[float]:
        """Post these over so many connections; the seconds of each. Raises for an answer that is no 2xx."""

        def lane(first: int) -> list[float]:
            with requests.Session() as session:
                session.auth = LOGIN
                return [self._timed(session, body) for body in bodies[first::lanes]]

        with ThreadPoolExecutor(lanes) as pool:
            return [seconds for part in pool.map(lane, range(lanes)) for seconds in part]

    def _timed(self, session: requests.Session, body: str) -> float:
        answer = session.post(self.url, data=body.encode(), timeout=30)
        answer.raise_for_status()
        return answer.elapsed.total_seconds()

    def crossed(self, name: str) -> str:
        """The body of the post that this account's debit makes."""
        self.engine.debit(name, "*data", "Data Package", 2 * GB)
        ((_, body),) = self.engine.posts
        self.engine.posts.clear()
        return str(body)

    def alerts(self) -> int:
        """How many mails the local Mailjet has."""
        return int(self.servers.mailbox.counts()["messages"])


@contextmanager
def ocs_operator(folder: Path, customers: int, **mailjet: Any) -> Iterator[OcsOperator]:
    """Everything of this operator but workers; `mailjet` are changes of that section."""
    path = folder / "services.sqlite"
    with sqlite3.connect(path) as link:
        link.execute("CREATE TABLE services (uuid, customer_id, name, product, ends_at, email)")
        rows = [(f"s{n}", "C", f"Mobile {n}", "", None, f"s{n}@courriel.example") for n in range(customers)]
        link.executemany("INSERT INTO services VALUES (?, ?, ?, ?, ?, ?)", rows)
        link.execute("CREATE INDEX by_uuid ON services (uuid)")
    link.close()
    engine = _engine(customers)
    port = free_port()
    services = SERVICES.partition(":")[2].strip()
    with serving(engine) as engine_url:
        changes: dict[str, Any] = {
            "mailjet": mailjet,
            "crm": {"source": "sql", "sql": {"url": f"sqlite:///{path}", "queries": {"services": services}}},
            "balances": {
                "enabled": False,
                "quiet_hours": None,
                "low": [{"below": 10, "type": "Données"}],
                "cgrates": {"url": engine_url, "topup_url": "https://crm.example/topup/{service_uuid}"},
            },
            "web": {"port": port, "ocs_user": LOGIN[0], "ocs_password": LOGIN[1]},
        }
        with Servers(folder, changes=changes) as servers:
            yield OcsOperator(engine, servers, f"http://127.0.0.1:{port}/ocs/cgrates")


def _engine(customers: int) -> Cgrates:
    engine = Cgrates()
    engine.actions["ACT"] = [{"Identifier": "*http_post_async", "ExtraParameters": "here"}]
    engine.trigger_groups["LOW"] = [Trigger("LOW", "low", 10 * GB - 1, "*data", "Data Package", "ACT")]
    for n in range(customers):
        engine.account(f"s{n}", engine.balance("*data", "Data Package", 11 * GB))
        engine.watch(f"s{n}", "LOW")
    return engine
