"""Backlogs of large files, and hostile webhook calls, in workers of the shipped 512 MB: what they take at the most."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml
from redis import Redis

from mailworker.cli.local_stack import PRODUCTION_WORKERS, Servers, wait_until
from mailworker.cli.local_stack.redis_server import free_port
from mailworker.cli.local_stack.trial_config import web_for_trial
from mailworker.queue.celery_queues import EVENTS
from mailworker.web.webhook import MAX_BODY
from tests.benchmarks.latency import VARIABLES
from tests.benchmarks.local_servers import BULK, RESET, arrived, benchmark_servers
from tests.benchmarks.memory_limit import MemoryLimit
from tests.benchmarks.table import Cell, Table

_COMPOSE = Path(__file__).parents[2] / "docker-compose.yml"
_MB = 1_000_000
_PATIENCE = 600.0
_CALLS_A_SHAPE = 6


@dataclass(frozen=True)
class _Backlog:
    """Jobs that wait before their worker starts."""

    worker: str
    kind: str
    jobs: int
    file_megabytes: float

    @property
    def title(self) -> str:
        return f"{self.jobs} jobs with a file of {self.file_megabytes:g} MB"


_BACKLOGS = (
    _Backlog("bulk", BULK, 300, 1),
    _Backlog("bulk", BULK, 100, 10.5),
    _Backlog("urgent", RESET, 300, 1),
    _Backlog("urgent", RESET, 100, 10.5),
)


def run(*, quick: bool) -> list[Table]:
    """Each case in servers of its own."""
    backlogs = _BACKLOGS[1:2] if quick else _BACKLOGS
    rows = [_drained(backlog) for backlog in backlogs]
    rows += _posted(1 if quick else _CALLS_A_SHAPE)
    columns = ["what came", "process", "limit (MB)", "peak (MB)", "killed", "done after (s)"]
    notes = [
        (
            "The limits are those of `docker-compose.yml`, put in force by the kernel (a control group's memory "
            "limit); a worker has the processes that it has there. Peak: what cannot be taken from them again, "
            "sampled every 50 ms; cached files are not in it. The web process is put under its limit once it has "
            "started: its figure is what the calls took beyond that."
        ),
        "Done: all that waited arrived at the local Mailjet, or was recorded; `killed` counts the kernel's kills.",
    ]
    return [Table("Memory: large backlogs in the shipped workers", columns, rows, notes)]


def _drained(backlog: _Backlog) -> list[Cell]:
    with _limited(backlog.worker) as group, benchmark_servers() as servers:
        content = os.urandom(int(backlog.file_megabytes * _MB))
        for number in range(backlog.jobs):
            servers.client.send(
                backlog.kind,
                f"reader{number}@example.com",
                _variables(backlog.kind),
                idempotency_key=f"memory-{number}",
                attachments=[{"filename": "a.pdf", "content_type": "application/pdf", "content": content}],
            )
        since = time.monotonic()
        _start(servers, backlog.worker, group)
        servers.beat()
        well = wait_until(lambda: arrived(servers) >= backlog.jobs, seconds=_PATIENCE)
        took: Cell = time.monotonic() - since if well else f"{arrived(servers)} of {backlog.jobs} arrived"
        return [backlog.title, *_figures(backlog.worker, group), took]


def _posted(times: int) -> list[list[Cell]]:
    """The largest calls that the webhook takes, through its door, of every shape."""
    rows: list[list[Cell]] = []
    for name, body in _bodies():
        web = web_for_trial(free_port())
        with _limited("normal") as group, _limited("webhook") as door, benchmark_servers(web=web) as servers:
            door.add(servers.start_web().pid)
            since = time.monotonic()
            for _ in range(times):
                where = f"{web['public_url']}/mailjet/events"
                answer = requests.post(where, data=body, auth=("mailjet", "mailjet"), timeout=60)
                answer.raise_for_status()
            _start(servers, "normal", group)
            servers.beat()
            redis = Redis.from_url(servers.redis_url)
            if not wait_until(lambda: redis.xlen(EVENTS.stream) == 0, seconds=_PATIENCE):  # noqa: B023 - called at once
                raise RuntimeError(f"{name}: not all of it was recorded; {group.killed()} were killed.")
            redis.close()
            took = time.monotonic() - since
            title = f"{times} webhook calls of 4 MB: {name}"
            rows.append([title, *_figures("normal", group), took])
            rows.append(["the same", *_figures("webhook", door), took])
    return rows


def _bodies() -> Iterator[tuple[str, bytes]]:
    yield "empty lists", _filled("[", "[]", "]")
    yield "empty objects", _filled("[", "{}", "]")
    yield "one object of many names", _filled("{", '"%07d":[]', "}")
    yield "objects in objects", b'{"":' * (MAX_BODY // 5 - 1) + b"0" + b"}" * (MAX_BODY // 5 - 1)
    event = {"event": "open", "time": 1_790_000_000, "CustomID": "m%07d", "email": "a@b.fr"}
    yield "events", _filled("[", json.dumps(event), "]")


def _filled(opened: str, part: str, closed: str) -> bytes:
    count = (MAX_BODY - 2) // (len(part % 0 if "%" in part else part) + 1)
    return (opened + ",".join(part % n if "%" in part else part for n in range(count)) + closed).encode()


def _variables(kind: str) -> dict[str, Any]:
    return dict(VARIABLES[kind]) if kind in VARIABLES else {"first_name": "Ana", "offer": "Fibre 2 Gb/s"}


def _megabytes(service: str) -> int:
    """A service's limit in the shipped composition, in bytes."""
    composed = yaml.safe_load(_COMPOSE.read_text("utf-8"))
    limit = str(composed["services"][service]["mem_limit"])
    return int(limit.removesuffix("m")) * 1024 * 1024


def _limited(service: str) -> MemoryLimit:
    return MemoryLimit(service, _megabytes(service))


def _start(servers: Servers, name: str, group: MemoryLimit) -> None:
    """A worker as it is in production, within its limit from its first moment."""
    process = next(one for one in PRODUCTION_WORKERS if one.name == name)
    worker = servers.worker(process.queues, concurrency=process.concurrency, name=name, wait=False)
    group.add(worker.pid)
    worker.wait_for_tasks()


def _figures(service: str, group: MemoryLimit) -> list[Cell]:
    limit = f"{group.limit / 1024 / 1024:.0f}" + ("" if group.enforced else " (measured only)")
    return [service, limit, group.peak / 1024 / 1024, group.killed()]
