"""What the benchmarks share: a house with its default limits, one kind of bulk mail, and a feeder."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import requests

from mailworker.cli.local_stack import Servers
from tests.integration.postgres import Cluster, find_binaries

BULK = "api_crmCommunicationCampaign"
RESET = "api_crmCommunicationUserPasswordReset"
NORMAL = "api_crmCommunicationCustomerWelcome"
#: Mailjet's limit, and ours by default.
CALLS_PER_MINUTE = 200
_PDF_BYTES = 60 * 1024
#: How many mails are always ahead of the workers.
_AHEAD = 4_000
_CHUNK = 500


def bulk_kind() -> dict[str, Any]:
    """A kind of bulk mail, of the user's own."""
    return {
        "from_email": "bonjour@horizon-telecom.example",
        "from_name": "Horizon Télécom",
        "template_id": 4711,
        "subject": "Bonjour",
        "lane": "bulk",
        "variables": ["first_name", "offer"],
    }


@contextmanager
def benchmark_servers(
    *,
    calls_per_minute: int = CALLS_PER_MINUTE,
    database_url: str | None = None,
    answer_seconds: float = 0,
    web: dict[str, Any] | None = None,
    **mailjet: int,
) -> Iterator[Servers]:
    """Redis and the local Mailjet, which takes so long to answer, in a folder that is gone afterwards.

    `mailjet` are further settings of that section.
    """
    limits = {"calls_per_minute": calls_per_minute, **mailjet}
    changes = {"mailjet": {**limits, BULK: bulk_kind()}, "web": web or {}}
    with (
        TemporaryDirectory(prefix="mailworker-bench-") as folder,
        Servers(
            Path(folder),
            changes=changes,
            database_url=database_url,
            simulator=["--latency", str(answer_seconds)],
        ) as servers,
    ):
        yield servers


@contextmanager
def postgres(name: str = "bench") -> Iterator[tuple[str, Cluster] | None]:
    """A URL of an empty database and its private server; None where no PostgreSQL is installed."""
    binaries = find_binaries()
    if binaries is None:
        yield None
        return
    cluster = Cluster(binaries)
    try:
        cluster.start()
        cluster.execute(f"CREATE DATABASE {name}")
        yield cluster.url(name), cluster
    finally:
        cluster.stop()


def bulk_jobs(prefix: str, *, attachments: list[dict[str, Any]] | None = None) -> Iterator[dict[str, Any]]:
    """Jobs without end, each to an address of its own."""
    for number in count():
        job: dict[str, Any] = {
            "kind": BULK,
            "to": {"email": f"{prefix}{number}@example.com", "name": "Ana Moreau"},
            "variables": {"first_name": "Ana", "offer": "Fibre 2 Gb/s"},
            "idempotency_key": f"{prefix}-{number}",
        }
        yield job | ({"attachments": attachments} if attachments else {})


def a_pdf() -> dict[str, Any]:
    """A file of an invoice's size."""
    content = b"%PDF-1.7\n" + b"0123456789abcde\n" * (_PDF_BYTES // 16)
    return {"filename": "facture.pdf", "content_type": "application/pdf", "content": content[:_PDF_BYTES]}


class Feeder:
    """Enqueues jobs in a thread of its own, so many that the workers always find a backlog."""

    def __init__(self, servers: Servers, jobs: Iterator[dict[str, Any]]) -> None:
        self._servers = servers
        self._jobs = jobs
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._feed)
        self.enqueued = 0
        self.cpu_seconds = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _feed(self) -> None:
        while not self._stop.is_set():
            if self.enqueued - arrived(self._servers) < _AHEAD:
                chunk = [next(self._jobs) for _ in range(_CHUNK)]
                self._servers.client.send_many(chunk)
                self.enqueued += len(chunk)
            else:
                self._stop.wait(0.3)
            self.cpu_seconds = time.thread_time()


def arrived(servers: Servers) -> int:
    """How many mails the local Mailjet has."""
    return int(servers.mailbox.counts()["messages"])


def calls(servers: Servers, since: float) -> list[Mapping[str, Any]]:
    """Every call that arrived at the local Mailjet after this moment (Unix seconds)."""
    answer = requests.get(
        f"{servers.simulator_url}/_simulator/calls", params={"since": str(since)}, timeout=30
    )
    answer.raise_for_status()
    return list(answer.json()["calls"])


def arrivals(servers: Servers) -> dict[str, float]:
    """When each mail arrived at the local Mailjet (Unix seconds), by its id."""
    return {
        mail["custom_id"]: datetime.fromisoformat(mail["arrived_at"]).timestamp()
        for mail in servers.mailbox.messages()
    }
