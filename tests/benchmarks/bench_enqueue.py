"""What an enqueue costs OmniCRM: one by one, a hundred thousand at once, and Celery's own way beside them."""

import time
from collections.abc import Callable
from itertools import islice

from celery import Celery

from mailworker.cli.local_stack import Servers
from tests.benchmarks.local_servers import benchmark_servers, bulk_jobs
from tests.benchmarks.processes import resident_megabytes
from tests.benchmarks.table import Cell, Table


def _run(name: str, count: int, work: Callable[[], None]) -> tuple[str, int, float, float]:
    cpu, start = time.process_time(), time.perf_counter()
    work()
    return name, count, time.perf_counter() - start, time.process_time() - cpu


def _single(servers: Servers, count: int) -> None:
    for job in islice(bulk_jobs("single"), count):
        servers.client.send(job.pop("kind"), job.pop("to"), job.pop("variables"), **job)


def _tasks(servers: Servers, count: int) -> None:
    app = Celery("plain", broker=servers.redis_url, set_as_current=False)
    app.conf.task_ignore_result = True
    task = app.signature("plain.send")
    for job in islice(bulk_jobs("plain"), count):
        task.apply_async(kwargs=job, queue="plain")
    app.close()


def run(*, quick: bool) -> list[Table]:
    """All against one Redis that writes every change to disk, no worker running."""
    single, many = (500, 10_000) if quick else (5_000, 100_000)
    with benchmark_servers() as servers:
        _single(servers, 20)  # connections
        before = peak = resident_megabytes()

        def seen(_count: int) -> None:
            nonlocal peak
            peak = max(peak, resident_megabytes())

        results = [
            _run("send_many", many, lambda: _drop(servers, many, seen)),
            _run("send, one by one", single, lambda: _single(servers, single)),
            _run("Celery's apply_async, one by one", single, lambda: _tasks(servers, single)),
        ]
    base = results[-1][1] / results[-1][2]
    rows: list[list[Cell]] = [
        [name, count, count / seconds, cpu * 1000 / count, f"{count / seconds / base:.1f}"]
        for name, count, seconds, cpu in results
    ]
    return [
        Table(
            "Enqueue: jobs a second from one process",
            ["", "jobs", "jobs a second", "CPU ms a job", "times apply_async"],
            rows,
            [
                (
                    f"The client's memory grew by {peak - before:.0f} MB during `send_many` of {many:,},"
                    " the ids that it answers with included."
                ),
                "`send` and `send_many` check every job first; apply_async takes anything.",
                "Redis runs with appendonly and appendfsync always: what was taken is on disk.",
            ],
        )
    ]


def _drop(servers: Servers, many: int, seen: Callable[[int], None]) -> None:
    done = servers.client.send_many(islice(bulk_jobs("many"), many), on_progress=seen)
    assert len(done.ids) == many
    assert not done.refused
