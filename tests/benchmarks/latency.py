"""How long a mail takes from the enqueue to the local Mailjet."""

import random
import time
from collections.abc import Sequence
from datetime import datetime

from mailworker.cli.local_stack import Servers, wait_until
from tests.benchmarks.local_servers import NORMAL, RESET
from tests.benchmarks.table import Cell, percentile

#: What each kind's mails say.
VARIABLES = {
    RESET: {
        "user_name": "Ana Moreau",
        "reset_url": "https://crm.example/reset/1",
        "expiry_time": "1 heure",
    },
    NORMAL: {
        "customer_name": "Ana Moreau",
        "email": "ana@example.com",
        "company_name": "Horizon Télécom",
        "login_url": "https://crm.example/login",
        "support_url": "https://crm.example/aide",
    },
}
COLUMNS = ("mails", "p50", "p90", "p99", "max")


def send_one(servers: Servers, kind: str, tag: str) -> tuple[str, float]:
    """Enqueue one mail; its id, and the moment before (Unix seconds)."""
    before = time.time()
    id_ = servers.client.send(kind, f"{tag}@example.com", VARIABLES[kind], idempotency_key=f"{kind}-{tag}")
    return id_, before


def arrival(servers: Servers, id_: str) -> float | None:
    """When it arrived (Unix seconds); None while it has not."""
    found = servers.mailbox.messages(custom_id=id_)
    return datetime.fromisoformat(found[0]["arrived_at"]).timestamp() if found else None


def one_by_one(servers: Servers, kind: str, count: int, *, dice: random.Random) -> list[float]:
    """Single mails, each sent once the one before has arrived and a random moment has passed; seconds."""
    waited = []
    for number in range(count):
        time.sleep(dice.uniform(0.4, 1.2))
        id_, before = send_one(servers, kind, f"single{number}-{dice.random()}")
        if not wait_until(lambda: arrival(servers, id_) is not None, seconds=60):  # noqa: B023 - called at once
            raise RuntimeError("A mail did not arrive.")
        waited.append((arrival(servers, id_) or 0.0) - before)
    return waited


def at_random(servers: Servers, kind: str, count: int, *, apart: float, dice: random.Random) -> list[float]:
    """Mails at random moments, `apart` seconds from one another on average, whatever became of others."""
    sent = []
    for number in range(count):
        time.sleep(dice.expovariate(1 / apart))
        sent.append(send_one(servers, kind, f"random{number}"))
    if not wait_until(lambda: all(arrival(servers, id_) for id_, _ in sent[-5:]), seconds=60):
        raise RuntimeError("The last mails did not arrive.")
    return [(arrival(servers, id_) or float("inf")) - before for id_, before in sent]


def in_milliseconds(seconds: Sequence[float]) -> list[Cell]:
    """The row of `COLUMNS`."""
    return [len(seconds), *(percentile(seconds, p) * 1000 for p in (50, 90, 99)), max(seconds) * 1000]
