"""Mails a minute through Mailjet's 200 calls a minute, with a backlog, and what that costs."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis

from mailworker.cli.local_stack import Servers, wait_until
from tests.benchmarks.local_servers import (
    Feeder,
    a_pdf,
    arrived,
    benchmark_servers,
    bulk_jobs,
    calls,
    postgres,
)
from tests.benchmarks.processes import cpu_by_role
from tests.benchmarks.table import Cell, Table

_FILL_SECONDS = 62.0
_WINDOW_SECONDS = 150.0


@dataclass(frozen=True)
class Flow:
    """What passed in the window, and what it cost."""

    seconds: float
    calls: int
    mails: int
    fullest_minute: int
    duplicates: int
    refused: int
    cpu: Counter[str]
    redis_commands: int

    @property
    def mails_a_minute(self) -> float:
        return self.mails * 60 / self.seconds

    @property
    def calls_a_minute(self) -> float:
        return self.calls * 60 / self.seconds

    @property
    def mails_a_call(self) -> float:
        return self.mails / max(self.calls, 1)


def flow(servers: Servers, *, fill: float, window: float, feeder: Feeder, **others: int) -> Flow:
    """Let the bucket's first fill pass, then watch what arrives at the local Mailjet."""
    if not wait_until(lambda: arrived(servers) > 0, seconds=120):
        raise RuntimeError("No mail arrived.")
    time.sleep(fill)
    before = _spent(servers, feeder, others)
    since = time.time()
    time.sleep(window)
    until = time.time()
    after = _spent(servers, feeder, others)
    seen = [call for call in calls(servers, since) if call["arrived_at"] <= until]
    counts = servers.mailbox.counts()
    return Flow(
        seconds=until - since,
        calls=len(seen),
        mails=sum(call["messages"] for call in seen),
        fullest_minute=counts["max_calls_in_60s"],
        duplicates=len(counts["duplicates"]),
        refused=counts["calls_refused_429"],
        cpu=after[0] - before[0],
        redis_commands=after[1] - before[1],
    )


def _spent(servers: Servers, feeder: Feeder, others: dict[str, int]) -> tuple[Counter[str], int]:
    cpu = cpu_by_role(servers, **others)
    cpu["client (enqueues)"] = feeder.cpu_seconds
    client = redis.Redis.from_url(servers.redis_url, protocol=2)
    try:
        return cpu, int(client.info("stats")["total_commands_processed"])
    finally:
        client.close()


def ours(
    *,
    quick: bool,
    attachments: list[dict[str, Any]] | None = None,
    database_url: str | None = None,
    **pids: int,
) -> Flow:
    """All workers of production and beat, at the default limits."""
    fill, window = (8.0, 20.0) if quick else (_FILL_SECONDS, _WINDOW_SECONDS)
    with benchmark_servers(database_url=database_url) as servers:
        servers.production_workers()
        servers.beat()
        with Feeder(servers, bulk_jobs("flow", attachments=attachments)) as feeder:
            return flow(servers, fill=fill, window=window, feeder=feeder, **pids)


def run(*, quick: bool) -> list[Table]:
    """SQLite, SQLite with a PDF in each mail, PostgreSQL."""
    flows = {"SQLite": ours(quick=quick), "SQLite, 60 KB PDF each": ours(quick=quick, attachments=[a_pdf()])}
    with postgres() as server:
        if server is not None:
            url, cluster = server
            pid = cluster.server.pid if cluster.server else 0
            flows["PostgreSQL"] = ours(quick=quick, database_url=url, PostgreSQL=pid)
    seconds = next(iter(flows.values())).seconds
    return [
        Table(
            f"Throughput: a backlog of bulk mails, 200 calls a minute, {seconds:.0f} s seen at the local Mailjet",
            ["", *flows],
            [*_rows(list(flows.values())), *_cpu_rows(list(flows.values()))],
            [
                f"Measured after the bucket's first {8 if quick else 62} s; the feeder keeps 4,000 mails ahead.",
                "CPU is user and system time of each process and its children, idle polling included.",
                "Evenly paced calls: 60 s / 61.5 s x 200 = 195 a minute is what the pace allows.",
            ],
        )
    ]


def _rows(flows: Sequence[Flow]) -> list[list[Cell]]:
    return [
        ["mails a call", *(f.mails_a_call for f in flows)],
        ["mails a minute", *(f.mails_a_minute for f in flows)],
        ["calls a minute", *(f.calls_a_minute for f in flows)],
        ["most calls in any 60 s", *(f.fullest_minute for f in flows)],
        ["calls refused by Mailjet (429)", *(f.refused for f in flows)],
        ["mails that arrived twice", *(f.duplicates for f in flows)],
        ["Redis commands a mail", *(f.redis_commands / max(f.mails, 1) for f in flows)],
        ["cores in use, all processes", *(f.cpu.total() / f.seconds for f in flows)],
        ["CPU ms a mail, all processes", *(f.cpu.total() * 1000 / max(f.mails, 1) for f in flows)],
    ]


def _cpu_rows(flows: Sequence[Flow]) -> list[list[Cell]]:
    roles = sorted({role for f in flows for role in f.cpu}, key=lambda role: -flows[0].cpu[role])
    return [
        [f"CPU ms a mail: {role}", *(f.cpu[role] * 1000 / max(f.mails, 1) for f in flows)] for role in roles
    ]
