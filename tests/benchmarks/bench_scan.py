"""A scan of open invoices: seconds for each hundred thousand, from the first to the millionth, and its memory."""

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from mailworker.cli.local_stack.trial_config import trial_config
from mailworker.config.settings import load_settings
from mailworker.core.scan_names import OVERDUE_INVOICES
from mailworker.crm import open_source
from mailworker.crm.demo import Size, make_demo
from mailworker.intake.job_row import row_of
from mailworker.ledger import Ledger
from mailworker.ledger.scan_runs import Run, Start
from mailworker.reminders import ReminderScan
from mailworker.scans.message_drafts import MessageDrafts
from mailworker.scans.runner import Scanner
from tests.benchmarks.local_servers import postgres
from tests.benchmarks.table import Table

LAP = 100_000
LAPS, FEW_LAPS = 10, 2
_EACH = 4
_NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)


@dataclass
class Laps:
    """Seconds for each lap, statements for the ledger and the CRM, mails written, and memory at the end."""

    seconds: list[float] = field(default_factory=list)
    statements: int = 0
    mails: int = 0
    peak_mb: int = 0


def _scan(work: Callable[..., Run | None]) -> Laps:
    laps, since = Laps(), time.perf_counter()

    def count(*_: Any) -> None:
        laps.statements += 1

    def lap(run: Run) -> None:
        nonlocal since
        if run.seen // LAP > len(laps.seconds):
            laps.seconds.append(time.perf_counter() - since)
            since = time.perf_counter()

    event.listen(Engine, "before_cursor_execute", count)
    try:
        run = work(Start(OVERDUE_INVOICES), seconds=3600, on_page=lap)
    finally:
        event.remove(Engine, "before_cursor_execute", count)
    assert run is not None
    laps.mails = run.written
    laps.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return laps


def _twice(folder: Path, ledger_url: str, *, grouped: bool) -> tuple[Laps, Laps]:
    """The first scan, which writes every reminder that is due, and the next, which finds them said."""
    path = folder / "crm_config.yaml"
    changes = {
        "crm": {"demo": {"path": str(folder / "crm.sqlite")}},
        "reminders": {"group_by_customer": grouped},
    }
    path.write_text(trial_config({}, changes), encoding="utf-8")
    settings = load_settings(path, {})
    ledger, crm = Ledger.open(ledger_url), open_source(settings.crm)
    drafts = MessageDrafts(settings, lambda job, at: row_of(job, (), at))

    def scan() -> Laps:
        subject = ReminderScan(settings, crm, ledger, drafts)
        return _scan(Scanner(ledger, subject, clock=lambda: _NOW).work)

    both = scan(), scan()
    crm.close()
    ledger.close()
    return both


def _row(name: str, laps: Laps, size: int) -> list[str | int | float]:
    mean = sum(laps.seconds) / len(laps.seconds)
    pages = size // 1000
    return [
        name,
        mean,
        f"{laps.seconds[-1] / laps.seconds[0]:.2f}",
        laps.mails,
        laps.statements / pages,
        laps.peak_mb,
    ]


def _crm(folder: Path, size: int) -> Path:
    folder.mkdir()
    make_demo(folder / "crm.sqlite", _NOW.date(), Size(size // _EACH, _EACH, all_open=True))
    return folder


def run(*, quick: bool) -> list[Table]:
    """A CRM in SQLite; the ledger in SQLite, and smaller ones grouped by customer and in PostgreSQL."""
    size, few = (LAP, LAP) if quick else (LAP * LAPS, LAP * FEW_LAPS)
    rows = []
    with TemporaryDirectory(prefix="mailworker-bench-") as text:
        folder = _crm(Path(text) / "large", size)
        first, again = _twice(folder, f"sqlite:///{folder}/ledger.db", grouped=False)
        rows += [_row("SQLite, first scan", first, size), _row("SQLite, next scan", again, size)]
        if not quick:
            folder = _crm(Path(text) / "grouped", few)
            first, again = _twice(folder, f"sqlite:///{folder}/ledger.db", grouped=True)
            rows += [_row("by customer, first scan", first, few), _row("by customer, next scan", again, few)]
        with postgres() as found:
            if found is not None and not quick:
                folder = _crm(Path(text) / "postgres", few)
                first, again = _twice(folder, found[0], grouped=False)
                rows += [
                    _row("PostgreSQL, first scan", first, few),
                    _row("PostgreSQL, next scan", again, few),
                ]
    return [
        Table(
            f"Scan: {size:,} open invoices, seconds for each {LAP:,}",
            [
                "",
                "seconds a lap",
                "last / first lap",
                "mails written",
                "statements a page",
                "peak memory (MB)",
            ],
            rows,
            [
                "A page is a thousand invoices: one query to the CRM, the others to the ledger.",
                "The first scan writes every mail that is due, for half of all invoices; most of its time is theirs.",
                f"By customer, and in PostgreSQL: {few:,} invoices.",
            ],
        )
    ]
