"""What one mail costs from the stream to `sent`: CPU by step, SQL statements, transactions, Redis commands."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from itertools import islice
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from mailworker.container import Container
from mailworker.core.lane import Lane
from mailworker.dispatch import Dispatcher
from mailworker.dispatch.claim_limits import Claims
from mailworker.dispatch.pre_send_check import PreSendCheck
from mailworker.dispatch.record_call_outcome import OutcomeRecorder
from mailworker.intake import Intake
from mailworker.limits import Bucket
from mailworker.mailjet.gateway import Gateway
from mailworker.queue.stream import GroupStream
from tests.benchmarks.local_servers import benchmark_servers, bulk_jobs, postgres
from tests.benchmarks.table import Table

#: So high that no call waits: what is measured here is work, not pace.
_UNLIMITED = 60_000
#: The steps of a mail's way, by what does them; each includes what it calls, and no step calls another.
_STEPS: dict[str, tuple[Any, Callable[..., Any]]] = {
    "read the stream": (GroupStream, GroupStream.fresh),
    "open and check the job": (Intake, Intake.check),
    "write the row": (Intake, Intake.write),
    "acknowledge the stream": (GroupStream, GroupStream.acknowledge),
    "ask for holds": (Claims, Claims.plan),
    "look whether anything waits": (Claims, Claims.waiting),
    "take a token": (Bucket, Bucket.try_take),
    "claim": (Claims, Claims.claim),
    "last checks": (PreSendCheck, PreSendCheck.__call__),
    "write the mail out": (Dispatcher, Dispatcher._write_out),
    "note that the call leaves": (Dispatcher, Dispatcher._begin),
    "call and read the answer": (Gateway, Gateway.send),
    "settle": (OutcomeRecorder, OutcomeRecorder.settle),
}


@contextmanager
def timed() -> Iterator[Counter[str]]:
    """CPU seconds in each step, by a clock around it: a profiler would charge small functions too much."""
    spent: Counter[str] = Counter()
    with ExitStack() as stack:
        for step, (owner, original) in _STEPS.items():
            name = original.__name__
            stack.callback(setattr, owner, name, original)
            setattr(owner, name, _clocked(original, step, spent))
        yield spent


def _clocked(original: Callable[..., Any], step: str, spent: Counter[str]) -> Callable[..., Any]:
    @wraps(original)
    def clocked(*args: Any, **kwargs: Any) -> Any:
        start = time.thread_time()
        try:
            return original(*args, **kwargs)
        finally:
            spent[step] += time.thread_time() - start

    return clocked


@dataclass
class Statements:
    """SQL as the database driver sees it. A statement for many rows at once counts as one."""

    statements: int = 0
    transactions: int = 0


@contextmanager
def counted() -> Iterator[Statements]:
    """Count what every engine of this process does."""
    seen = Statements()

    def statement(*_: Any) -> None:
        seen.statements += 1

    def transaction(*_: Any) -> None:
        seen.transactions += 1

    event.listen(Engine, "after_cursor_execute", statement)
    event.listen(Engine, "begin", transaction)
    try:
        yield seen
    finally:
        event.remove(Engine, "after_cursor_execute", statement)
        event.remove(Engine, "begin", transaction)


def commands(container: Container) -> dict[str, int]:
    """How often Redis did each command since it started."""
    info: Mapping[str, Any] = container.redis.info("commandstats")
    return {name.removeprefix("cmdstat_"): int(entry["calls"]) for name, entry in info.items()}


def drain_all(container: Container) -> None:
    """Move the stream into the ledger, as the task does."""
    stream = container.stream(Lane.BULK)
    while stream.drain_some(container.clock()) is not None:
        pass


def dispatch_all(container: Container) -> None:
    """Call after call, as the task does."""
    while container.dispatcher.dispatch_once(Lane.BULK, patience=5.0) is not None:
        pass


def cpu(work: Callable[[], None]) -> float:
    """This process's CPU time for the work, in milliseconds."""
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1000


def _measure(database_url: str | None, mails: int) -> tuple[list[float], Counter[str]]:
    with benchmark_servers(calls_per_minute=_UNLIMITED, database_url=database_url) as servers:
        container = Container(servers.settings)
        jobs = bulk_jobs("cost")

        def enqueue() -> None:
            servers.client.send_many(islice(jobs, mails))

        enqueue()
        drain_all(container)  # connections, statements and imports are there from here on
        dispatch_all(container)
        enqueue_ms = cpu(enqueue)
        before = commands(container)
        with counted() as sql, timed() as steps:
            drain_ms = cpu(lambda: drain_all(container))
            drained = sql.statements
            dispatch_ms = cpu(lambda: dispatch_all(container))
        done = sum(commands(container).values()) - sum(before.values())
        container.close()
    total = [enqueue_ms, drain_ms, dispatch_ms, drained, sql.statements - drained, sql.transactions, done]
    return [figure / mails for figure in total], steps


def run(*, quick: bool) -> list[Table]:
    """Both databases, one process, no waiting."""
    mails = 1_000 if quick else 5_000
    measured = {"SQLite": _measure(None, mails)}
    with postgres() as server:
        if server is not None:
            measured["PostgreSQL"] = _measure(server[0], mails)
    names = [
        "CPU of the client: enqueue (ms)",
        "CPU of the worker: stream to ledger (ms)",
        "CPU of the worker: ledger to sent (ms)",
        "SQL statements: stream to ledger",
        "SQL statements: ledger to sent",
        "transactions",
        "Redis commands",
    ]
    figures = [figures for figures, _ in measured.values()]
    steps = [spent for _, spent in measured.values()]
    return [
        Table(
            f"What a mail costs ({mails:,} mails, one process, full calls)",
            ["a mail's share", *measured],
            [[name, *(f[index] for f in figures)] for index, name in enumerate(names)],
            ["Redis's, PostgreSQL's and the local Mailjet's own CPU is not in here; throughput has it."],
        ),
        Table(
            "Where the worker's CPU goes (ms for a mail)",
            ["step", *measured],
            [[step, *(spent[step] * 1000 / mails for spent in steps)] for step in _STEPS],
        ),
    ]
