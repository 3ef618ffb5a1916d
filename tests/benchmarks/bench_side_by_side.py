"""Ours beside the usual ways, in one run, under the same 200 calls a minute at the same local Mailjet."""

import sys
import time
from dataclasses import dataclass

import redis
from celery import Celery

from mailworker.cli.local_stack import Child, Servers, wait_until
from tests.benchmarks.bench_throughput import ours
from tests.benchmarks.local_servers import CALLS_PER_MINUTE, arrived, benchmark_servers, calls
from tests.benchmarks.table import Cell, Table

_FILL_SECONDS = 62.0
_WINDOW_SECONDS = 120.0


@dataclass(frozen=True)
class _Rival:
    """A Celery app of `rivals`, its task, and how many of it fill the window."""

    name: str
    module: str
    task: str
    backlog: int


_RIVALS = (
    _Rival("one task a mail, mailjet-rest, paced in Redis", "mailjet", "mailjet.send_paced", 1_000),
    _Rival("one task a mail, mailjet-rest, rate_limit=200/m", "mailjet", "mailjet.send", 1_000),
    _Rival("one task a mail, django-anymail, paced in Redis", "anymail", "anymail.send", 1_000),
    _Rival("django-anymail, batches of 50 made by the caller, paced", "anymail", "anymail.send_batch", 1_000),
)
_PLAIN = _Rival("Celery tasks that do nothing, no limit", "plain", "plain.send", 20_000)


def _worker(servers: Servers, module: str) -> Child:
    """One worker with two processes, as ours have for a lane."""
    command = [sys.executable, "-m", "celery", "-A", f"tests.benchmarks.rivals.{module}:app", "worker"]
    environ = servers.environ | {"RIVAL_API_URL": f"{servers.simulator_url}/"}
    log = servers.folder / "logs" / f"{module}.log"
    child = Child(
        module, [*command, "-c", "2", "--without-gossip", "--without-mingle", "-l", "INFO"], log, environ
    )
    servers.children.append(child)
    return child


def _enqueue(servers: Servers, rival: _Rival) -> None:
    app = Celery("caller", broker=servers.redis_url, set_as_current=False)
    app.conf.task_ignore_result = True
    for number in range(rival.backlog):
        app.send_task(
            rival.task, kwargs={"number": number, "email": f"a{number}@example.com"}, queue=rival.module
        )
    app.close()


def _limited(rival: _Rival, *, fill: float, window: float) -> list[float]:
    """Mails a minute, calls a minute, most calls in 60 s, calls refused."""
    with benchmark_servers() as servers:
        _enqueue(servers, rival)
        _worker(servers, rival.module)
        if not wait_until(lambda: arrived(servers) > 0, seconds=120):
            raise RuntimeError(f"No mail of {rival.name} arrived:\n{servers.children[-1].tail()}")
        time.sleep(fill)
        since = time.time()
        time.sleep(window)
        until = time.time()
        seen = [call for call in calls(servers, since) if call["arrived_at"] <= until]
        counts = servers.mailbox.counts()
    minutes = (until - since) / 60
    mails = sum(call["messages"] for call in seen)
    return [mails / minutes, len(seen) / minutes, counts["max_calls_in_60s"], counts["calls_refused_429"]]


def _ceiling(backlog: int) -> float:
    """Tasks a minute that do nothing."""
    with benchmark_servers() as servers:
        client = redis.Redis.from_url(servers.redis_url, protocol=2)
        _enqueue(servers, _Rival("", _PLAIN.module, _PLAIN.task, backlog))
        _worker(servers, _PLAIN.module)

        def left() -> int:
            return int(client.llen(_PLAIN.module))

        if not wait_until(lambda: left() < backlog * 0.9, seconds=120):
            raise RuntimeError("The plain worker does not work.")
        first, start = left(), time.perf_counter()
        wait_until(lambda: left() < backlog * 0.1, seconds=120)
        done = (first - left()) / (time.perf_counter() - start)
        client.close()
    return done * 60


def run(*, quick: bool) -> list[Table]:
    """One after the other, each in a fresh house."""
    fill, window = (5.0, 20.0) if quick else (_FILL_SECONDS, _WINDOW_SECONDS)
    mine = ours(quick=quick)
    figures: dict[str, list[float]] = {
        "mailworker": [mine.mails_a_minute, mine.calls_a_minute, mine.fullest_minute, mine.refused]
    }
    figures |= {rival.name: _limited(rival, fill=fill, window=window) for rival in _RIVALS}
    rows: list[list[Cell]] = [
        [name, *one, f"{figures['mailworker'][0] / one[0]:.1f}" if one[0] else "-"]
        for name, one in figures.items()
    ]
    ceiling = _ceiling(3_000 if quick else _PLAIN.backlog)
    rows.append(
        [f"{_PLAIN.name} (tasks)", ceiling, "-", "-", "-", f"{figures['mailworker'][0] / ceiling:.2f}"]
    )
    return [
        Table(
            "Side by side: a backlog, 200 calls a minute, one local Mailjet",
            ["", "mails a minute", "calls a minute", "most calls in 60 s", "refused (429)", "ours : this"],
            rows,
            [
                (
                    "Beside a naive sender that used every one of the 200 calls for one mail, ours carries"
                    f" {figures['mailworker'][0] / CALLS_PER_MINUTE:.1f} times as many."
                ),
                (
                    "Paced in Redis: each task waits for a key of 300 ms that all processes share. Celery's own"
                    " rate_limit falls far short of its rate, with one process or two, threads or a longer prefetch;"
                    " and it counts in each worker by itself, so that two would call twice as often."
                ),
                (
                    "django-anymail puts up to 50 mails into a call where its caller holds them all at once, of one"
                    " template and sender, with the same files. It gathers nothing: single jobs, mixed kinds and a"
                    " PDF of each customer's own go one a call."
                ),
                (
                    "The rivals keep no ledger: there a call that is refused or times out is a mail lost or one sent"
                    " twice, and a password reset waits behind the backlog."
                ),
                "The last row is Celery's ceiling on this machine: tasks a minute, no mail, no limit.",
            ],
        )
    ]
