"""Cost as the ledger grows: the claim's time and a mail's CPU with a thousand to a million old messages."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from mailworker.cli.local_stack.trial_config import trial_config
from mailworker.config.settings import Settings, load_settings
from mailworker.core.clock import utc_now
from mailworker.core.lane import Lane
from mailworker.core.message import Mail
from mailworker.core.settlement import Receipt
from mailworker.dispatch import DispatchDependencies, Dispatcher
from mailworker.errors import MailworkerError
from mailworker.ledger import Ledger
from mailworker.ledger.claiming import Lease, Wish, claim
from mailworker.ledger.query_planner import in_index_order
from mailworker.limits import Permit
from mailworker.mailjet.send_payload import encoded_size
from tests.benchmarks.local_servers import BULK, bulk_kind, postgres
from tests.benchmarks.processes import cpu_seconds
from tests.benchmarks.table import Table
from tests.benchmarks.waiting import fill
from tests.doubles import FakeBreaker, MemoryJournal

SIZES = (1_000, 10_000, 100_000, 1_000_000)
#: A backlog that came at once: the database's statistics know nothing of it yet.
_BURST = 100_000
_CLAIMS = 40
_CALLS = 60
_MAILS_A_CALL = 50


class _NoLimit:
    """A bucket that always has a token: Redis's share does not depend on the ledger."""

    def take(self, *_: Any, **__: Any) -> Permit:
        return Permit(f"call-{time.monotonic_ns()}")

    def give_back(self, _permit: Permit) -> None:
        raise AssertionError("Every call has its mails here.")


class _Taken:
    """A Mailjet that takes everything at once."""

    def weigh(self, mail: Mail) -> int:
        return encoded_size(mail)

    def send(self, mails: Sequence[Mail], *, call_id: str) -> list[Receipt | MailworkerError]:
        return [Receipt(number, call_id) for number, _ in enumerate(mails)]


@dataclass(frozen=True)
class Cost:
    """What the claim and a mail cost at one size."""

    claim_ms: float
    cpu_ms: float
    server_cpu_ms: float


def _dispatcher(settings: Settings, ledger: Ledger) -> Dispatcher:
    deps = DispatchDependencies(
        ledger,
        _NoLimit(),  # type: ignore[arg-type]
        _Taken(),
        None,  # type: ignore[arg-type]
        lambda _rows: {},
        FakeBreaker(),
        MemoryJournal(),
    )
    return Dispatcher(settings, deps, clock=utc_now)


def _claim(ledger: Ledger) -> None:
    """What a worker does for one call, undone."""
    now = utc_now()
    with ledger.write() as connection:
        rows = claim(
            connection,
            now=now,
            lease=Lease("benchmark", now),
            wish=Wish(_MAILS_A_CALL),
            choose=lambda candidates: [row["id"] for row in candidates],
        )
        assert len(rows) == _MAILS_A_CALL
        # SQLAlchemy's transaction ends without a commit; the ledger's own commit then finds none.
        connection.rollback()


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _cost(ledger: Ledger, dispatcher: Dispatcher, tag: str, server: int | None) -> Cost:
    fill(ledger, (_CALLS + 4) * _MAILS_A_CALL, state="ready", tag=tag)
    for _ in range(4):
        dispatcher.dispatch_once(Lane.BULK, patience=1)
    claims = [_seconds(lambda: _claim(ledger)) for _ in range(_CLAIMS)]
    start, server_start = time.process_time(), cpu_seconds(server) if server else 0.0
    for _ in range(_CALLS):
        done = dispatcher.dispatch_once(Lane.BULK, patience=1)
        assert done is not None
    mails = _CALLS * _MAILS_A_CALL
    return Cost(
        median(claims) * 1000,
        (time.process_time() - start) * 1000 / mails,
        ((cpu_seconds(server) if server else 0.0) - server_start) * 1000 / mails,
    )


@contextmanager
def _kept() -> Iterator[list[tuple[str, Any]]]:
    """Every statement that reads or changes messages, as the driver gets it."""
    seen: list[tuple[str, Any]] = []

    def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "messages" in statement and statement.startswith(("SELECT", "UPDATE")):
            seen.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", keep)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", keep)


def _plans(ledger: Ledger, name: str) -> str:
    """How the database finds what a claim takes: the candidates of one lane, and the update."""
    fill(ledger, _MAILS_A_CALL, state="ready", tag=f"plan-{name}")
    with _kept() as seen:
        _claim(ledger)
    explain = "EXPLAIN QUERY PLAN " if name == "SQLite" else "EXPLAIN "
    lines = [f"{name}:"]
    for title, (statement, parameters) in (
        ("candidates of a lane", seen[-2]),
        ("the claim's update", seen[-1]),
    ):
        with ledger.read() as connection:
            in_index_order(connection)
            rows = connection.exec_driver_sql(explain + statement, parameters).fetchall()
        lines += [f"  {title}", *(f"    {str(row[-1])[:120]}" for row in rows)]
    return "\n".join(lines)


def _settle_down(url: str, ledger: Ledger) -> None:
    """What the database would have done by itself, had the rows come one batch at a time as they do in life."""
    if url.startswith("sqlite"):
        # A fill in one go leaves gigabytes of write-ahead log, through which every read would have to look.
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return
    with ledger.write() as connection:
        connection.exec_driver_sql("ANALYZE")  # autovacuum's, a minute later


def _grow(
    url: str, folder: Path, name: str, sizes: Sequence[int], server: int | None
) -> tuple[list[Cost], float, str]:
    path = folder / f"{name}.yaml"
    path.write_text(trial_config({"mailjet": {BULK: bulk_kind()}}), encoding="utf-8")
    ledger = Ledger.open(url)
    dispatcher = _dispatcher(load_settings(path, {}), ledger)
    costs, there = [], 0
    for size in sizes:
        fill(ledger, size - there, state="sent", tag=f"old-{size}")
        there = size
        _settle_down(url, ledger)
        costs.append(_cost(ledger, dispatcher, f"new-{size}", server))
    fill(ledger, _BURST, state="ready", tag="burst")
    burst = median(_seconds(lambda: _claim(ledger)) for _ in range(_CLAIMS)) * 1000
    plans = _plans(ledger, name)
    ledger.close()
    return costs, burst, plans


def run(*, quick: bool) -> list[Table]:
    """SQLite in a file and PostgreSQL, each grown step by step."""
    sizes = SIZES[:3] if quick else SIZES
    grown: dict[str, tuple[list[Cost], float, str]] = {}
    with TemporaryDirectory(prefix="mailworker-bench-") as text:
        folder = Path(text)
        grown["SQLite"] = _grow(f"sqlite:///{folder / 'ledger.db'}", folder, "SQLite", sizes, None)
        with postgres() as found:
            if found is not None:
                url, cluster = found
                pid = cluster.server.pid if cluster.server else None
                grown["PostgreSQL"] = _grow(url, folder, "PostgreSQL", sizes, pid)
    rows = []
    for name, (costs, _, _) in grown.items():
        for measure, read in (
            ("claim of 50 (ms, median)", lambda cost: cost.claim_ms),
            ("worker's CPU a mail (ms)", lambda cost: cost.cpu_ms),
            ("server's CPU a mail (ms)", lambda cost: cost.server_cpu_ms),
        ):
            figures = [read(cost) for cost in costs]
            if any(figures):
                rows.append([f"{name}: {measure}", *figures, f"{figures[-1] / figures[0]:.2f}"])
    return [
        Table(
            "Growth: final messages in the ledger, each with its timeline and attempt",
            ["", *(f"{size:,}" for size in sizes), "last / first"],
            rows,
            [
                *(
                    f"{name}: with {_BURST:,} more waiting, enqueued at once, a claim takes {burst:.1f} ms."
                    for name, (_, burst, _) in grown.items()
                ),
                "A mail's CPU is the ledger's way from `ready` to `sent`: no Redis, no call.",
                "PostgreSQL runs here without fsync; SQLite with synchronous=FULL.",
            ],
            "\n".join(plans for _, _, plans in grown.values()),
        )
    ]
