"""Ondine Télécom: an operator that does not exist, in one SQLite file.

For demo and tests: the same seed and day make the same customers, whose addresses cannot be delivered to.
"""

import random
import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path

from mailworker.config.crm import Question
from mailworker.crm.demo.invoices_and_balances import balances, invoices, reopened
from mailworker.crm.demo.people import DemoPerson, person
from mailworker.crm.demo.schema import QUERIES, TABLES

#: Customers written in one go; the memory of a million is that of so many.
_CHUNK = 2000


def demo_queries() -> dict[Question, str]:
    """The queries that answer every question from the demo's tables."""
    return dict(QUERIES)


def ensure_demo(path: Path, today: date, *, customers: int, seed: int) -> None:
    """Make the file unless it is there. Two processes at once make the same one, and one of them wins."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = Path(folder) / "demo.sqlite"
        make_demo(made, today, Size(customers), seed)
        made.replace(path)


@dataclass(frozen=True, slots=True)
class Size:
    """How much to invent. A million open invoices: 250,000 customers, four invoices each, `all_open`."""

    customers: int = 60
    invoices_each: int = 3
    all_open: bool = False


def make_demo(path: Path, today: date, size: Size, seed: int = 2026) -> None:
    """Invent an operator into a new file."""
    dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
    with closing(sqlite3.connect(path)) as link:
        link.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + TABLES)
        people = (person(number, dice, today) for number in range(1, size.customers + 1))
        while chunk := list(islice(people, _CHUNK)):
            _write(link, chunk, dice, today, size)
        _insert(link, "exclusions", _exclusions(size.customers, today))
        _insert(link, "tokens", _tokens(today))
        link.commit()


def _write(
    link: sqlite3.Connection, people: list[DemoPerson], dice: random.Random, today: date, size: Size
) -> None:
    bills = (row for one in people for row in invoices(one, dice, today, size.invoices_each))
    _insert(link, "customers", (one.row for one in people))
    _insert(link, "contacts", (contact for one in people for contact in one.contacts))
    _insert(link, "invoices", map(reopened, bills) if size.all_open else bills)
    _insert(link, "balances", (row for one in people for row in balances(one, dice, today)))


def _insert(link: sqlite3.Connection, table: str, rows: Iterable[tuple[object, ...]]) -> None:
    marks = ", ".join("?" for _ in link.execute(f"PRAGMA table_info({table})"))
    link.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608 - our own tables' names


def _exclusions(customers: int, today: date) -> list[tuple[object, ...]]:
    """One customer in fifty is left alone for good, one is given a pause."""
    for_good = [(number, "surendettement", None) for number in range(11, customers + 1, 50)]
    paused = [
        (number, "échéancier", str(today + timedelta(days=14))) for number in range(23, customers + 1, 50)
    ]
    return [*for_good, *paused]


def _tokens(today: date) -> list[tuple[object, ...]]:
    end = str(datetime.combine(today + timedelta(days=1), time(0)))
    return [
        ("reset-live", 0, end),
        ("reset-used", 1, end),
        ("reset-expired", 0, str(today - timedelta(days=1))),
    ]
