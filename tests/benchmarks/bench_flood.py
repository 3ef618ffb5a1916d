"""A flood of password resets to one address delays nobody else's: 10,000 of them, innocent ones in between."""

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from redis import Redis
from sqlalchemy import text

from mailworker.cli.local_stack import Servers, wait_until
from mailworker.client import MailClient
from mailworker.config.settings import load_settings
from mailworker.core.lane import Lane
from mailworker.ledger import Ledger
from mailworker.queue import envelope
from mailworker.queue.celery_queues import MAIL
from tests.benchmarks.latency import COLUMNS, arrival, in_milliseconds, one_by_one, send_one
from tests.benchmarks.local_servers import RESET, benchmark_servers, postgres
from tests.benchmarks.table import Cell, Table

FLOOD = 10_000
_APART = 0.7


def run(*, quick: bool) -> list[Table]:
    """On both databases: a flood as fast as one client sends, and one that is on the stream at once."""
    floods = 1 if quick else 5
    rows = _rows("SQLite", None, floods)
    with postgres("flood") as there:
        if there is not None:
            rows += _rows("PostgreSQL", there[0], floods)
    notes = [
        (
            "From before an innocent reset's `send` to its arrival at the local Mailjet, from the flood's first "
            "job until the last one is decided upon."
        ),
        "As sent: one client's `send_many`, on the same two cores. At once: all on the stream before the first is read.",
        "Of each flood five left; the rest ended as `suppressed`, with the limit as its reason.",
    ]
    title = f"Flood: {FLOOD:,} password resets to one address; other people's resets meanwhile (ms)"
    return [Table(title, ["ledger, flood", *COLUMNS, "decided after (s)"], rows, notes)]


def _rows(database: str, url: str | None, floods: int) -> list[list[Cell]]:
    with benchmark_servers(database_url=url) as servers:
        servers.production_workers()
        servers.beat()
        one_by_one(servers, RESET, 5, dice=random.Random(1))
        ledger = Ledger.open(servers.database_url)
        try:
            ways: dict[str, Callable[[Servers, str], None]] = {"as sent": _as_sent, "at once": _at_once}
            return [
                [f"{database}, {way}", *_measured(servers, ledger, begin, way, floods)]
                for way, begin in ways.items()
            ]
        finally:
            ledger.close()


def _measured(
    servers: Servers, ledger: Ledger, begin: Callable[[Servers, str], None], way: str, floods: int
) -> list[Cell]:
    waited: list[float] = []
    took: list[float] = []
    dice = random.Random(3)
    for number in range(floods):
        name = f"{way.replace(chr(32), chr(45))}{number}"
        victim = f"{name}@example.com"
        since = time.monotonic()
        begin(servers, victim)
        sent = [send_one(servers, RESET, f"beside-{name}-0")]
        while not _decided(ledger, victim):
            time.sleep(dice.expovariate(1 / _APART))
            sent.append(send_one(servers, RESET, f"beside-{name}-{len(sent)}"))
        took.append(time.monotonic() - since)
        if not wait_until(lambda: all(arrival(servers, id_) for id_, _ in sent), seconds=60):  # noqa: B023 - called at once
            raise RuntimeError("An innocent reset did not arrive.")
        waited += [(arrival(servers, id_) or 0.0) - before for id_, before in sent]
    return [*in_milliseconds(waited), max(took)]


def _decided(ledger: Ledger, victim: str) -> bool:
    """Whether every job of the flood came to its end; RuntimeError where more than five of them left."""
    with ledger.read() as connection:
        query = text("SELECT state, count(*) FROM messages WHERE to_email = :victim GROUP BY state")
        counts = dict(connection.execute(query, {"victim": victim}).tuples().all())
    if counts.get("sent", 0) > 5:
        raise RuntimeError(f"One address got {counts['sent']} resets.")
    return counts.get("sent", 0) + counts.get("suppressed", 0) == FLOOD


def _as_sent(servers: Servers, victim: str) -> None:
    """A client of its own process sends them; the clock starts once it does."""
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.bench_flood",
        str(servers.config),
        servers.redis_url,
        victim,
    ]
    subprocess.Popen(command)
    stream = Redis.from_url(servers.redis_url)
    if not wait_until(lambda: stream.xlen(MAIL[Lane.URGENT].stream) > 0, seconds=30):
        raise RuntimeError("The flood did not begin.")
    stream.close()


def _at_once(servers: Servers, victim: str) -> None:
    """In one transaction of Redis: nobody reads before all of them are there."""
    now = datetime.now(UTC)
    with Redis.from_url(servers.redis_url).pipeline(transaction=True) as pipe:
        for job in _jobs(victim):
            pipe.xadd(MAIL[Lane.URGENT].stream, envelope.seal(job, now))
        pipe.execute()


def _jobs(victim: str) -> Iterator[dict[str, object]]:
    for number in range(FLOOD):
        yield {
            "kind": RESET,
            "to": victim,
            "variables": {
                "user_name": "Ana",
                "reset_url": f"https://crm.example/r/{number}",
                "expiry_time": "1 heure",
            },
            "idempotency_key": f"flood-{victim}-{number}",
        }


def _flood(config: str, redis_url: str, victim: str) -> None:
    """What the process of the flood does."""
    client = MailClient(redis_url, kinds=load_settings(Path(config)).kinds)
    client.send_many(list(_jobs(victim)))
    client.close()


if __name__ == "__main__":
    _flood(*sys.argv[1:])
