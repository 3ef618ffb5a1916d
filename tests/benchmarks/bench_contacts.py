"""A full contact sync of a million: seconds for each hundred thousand, memory, and calls, told and made."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests

from mailworker.cli.local_stack import wait_until
from mailworker.cli.local_stack.redis_server import free_port
from mailworker.config.contacts import ContactSettings
from mailworker.config.crm import CrmSettings
from mailworker.contacts import ContactDependencies, ContactService
from mailworker.core.masked_secret import Secret
from mailworker.crm import CrmSource, open_source
from mailworker.crm.demo import Size, make_demo
from mailworker.ledger import Ledger, contact_counts
from mailworker.limits import Permit
from mailworker.mailjet.credentials import MailjetAccess
from mailworker.mailjet.gateway import Gateway
from mailworker.simulator import ControlClient
from mailworker.simulator.server import serve
from mailworker.simulator.settings import SimulatorSettings
from tests.benchmarks.processes import resident_megabytes
from tests.benchmarks.table import Table

CONTACTS, FEW = 1_000_000, 20_000
LAP, SHORT_LAP = 100_000, 10_000
#: Of seven contacts five are one customer's each; two firms in ten customers have three.
_CONTACTS_A_CUSTOMER = 1.4
_CALLS_A_MINUTE = 200
_NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)


class _NoLimit:
    """A bucket that always has a token: the calls are counted, and nobody waits for them."""

    def take(self, *_: Any, **__: Any) -> Permit:
        return Permit("benchmark")


class _Clock:
    """Time as it passes, and leaps over the pauses in which Mailjet would work on an import."""

    def __init__(self) -> None:
        self._leaps = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._leaps

    def reach(self, moment: datetime) -> None:
        self._leaps += max(moment - self(), timedelta(0))


@dataclass
class _Laps:
    """Seconds and memory of each lap of a phase, and the calls of all of it."""

    name: str
    size: int
    seconds: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    calls: int = 0
    _seen: float = 0.0
    _since: float = field(default_factory=time.perf_counter)

    def note(self, contacts: float) -> None:
        self._seen += contacts
        if self._seen >= self.size * (len(self.seconds) + 1):
            now = time.perf_counter()
            self.seconds.append(now - self._since)
            self.memory.append(resident_megabytes())
            self._since = now

    def row(self) -> list[str | int | float]:
        first, last = self.seconds[0], self.seconds[-1]
        grown = f"{last / first:.2f}"
        return [self.name, first, last, grown, self.calls, round(self.memory[0]), round(self.memory[-1])]


def _serve(port: int) -> None:
    serve(SimulatorSettings(port=port, calls_per_minute=0, job_seconds=0))


@contextmanager
def _mailjet() -> Iterator[ControlClient]:
    """A local Mailjet in a process of its own, so that our memory is ours; without its limit."""
    port = free_port()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(port,))
    process.start()
    mailbox = ControlClient(f"http://127.0.0.1:{port}")

    def answers() -> bool:
        try:
            return bool(mailbox.counts() is not None)
        except requests.ConnectionError:
            return False

    try:
        assert wait_until(answers, seconds=30)
        yield mailbox
    finally:
        process.terminate()
        process.join()


@dataclass
class _Sync:
    """A contact book between a CRM and a Mailjet, and what its phases cost."""

    ledger: Ledger
    mailbox: ControlClient
    lap: int
    crm: CrmSource

    def __post_init__(self) -> None:
        self.clock = _Clock()
        preset = SimulatorSettings()
        access = MailjetAccess(Secret(preset.api_key), preset.api_secret, self.mailbox.url)
        deps = ContactDependencies(self.ledger, _NoLimit(), Gateway(access), ContactSettings(), self.clock)  # type: ignore[arg-type]
        self.book = ContactService(deps, lambda: self.crm)

    def read(self, name: str) -> tuple[_Laps, int]:
        """All of the CRM; gives how many contacts it had, too."""
        laps, contacts = _Laps(name, self.lap), 0
        for reading, _ in self.book.reader.steps(None, self.clock):
            contacts += reading.contacts
            laps.note(reading.contacts)
        return laps, contacts

    def tell(self) -> _Laps:
        laps, before = _Laps("tell Mailjet", self.lap), self._calls()
        while True:
            told = self.book.step()
            if told is not None:
                assert told.alarm is None, told.alarm
                laps.note(told.contacts / 2)  # counted when they are handed over, and when they are told
                continue
            with self.ledger.read() as connection:
                soonest = contact_counts.next_move(connection)
            if soonest is None:
                break
            self.clock.reach(soonest)
        laps.calls = self._calls() - before
        return laps

    def look(self) -> _Laps:
        laps, before = _Laps("look back at Mailjet", self.lap), self._calls()
        for count in self.book.puller.steps(self.book.puller.begin()):
            laps.note(count)
        laps.calls = self._calls() - before
        return laps

    def planned(self) -> int:
        with self.ledger.read() as connection:
            return contact_counts.plan(connection).calls

    def _calls(self) -> int:
        return int(self.mailbox.counts()["calls"])


def run(*, quick: bool) -> list[Table]:
    """A CRM in SQLite, a ledger in SQLite; everything told, and then nothing to tell."""
    wanted, lap = (FEW, SHORT_LAP) if quick else (CONTACTS, LAP)
    with TemporaryDirectory(prefix="mailworker-bench-") as text, _mailjet() as mailbox:
        folder = Path(text)
        customers = round(wanted / _CONTACTS_A_CUSTOMER)
        make_demo(folder / "crm.sqlite", _NOW.date(), Size(customers, invoices_each=0))
        crm = open_source(CrmSettings(source="demo", demo={"path": folder / "crm.sqlite"}))
        ledger = Ledger.open(f"sqlite:///{folder}/ledger.db")
        sync = _Sync(ledger, mailbox, lap, crm)
        first, contacts = sync.read("read the CRM, all new")
        planned = sync.planned()
        told = sync.tell()
        with ledger.read() as connection:
            states = contact_counts.by_state(connection)
        assert set(states) == {"in_step"}, states
        again, _ = sync.read("read the CRM again, unchanged")
        left = sync.planned()
        seen = sync.look()
        crm.close()
        ledger.close()
    return [
        Table(
            f"Contact sync: {contacts:,} contacts of {customers:,} customers",
            [
                "",
                f"first {lap:,} (s)",
                f"last {lap:,} (s)",
                "last / first",
                "calls",
                "memory, first (MB)",
                "memory, last (MB)",
            ],
            [laps.row() for laps in (first, told, again, seen)],
            [
                f"Told beforehand: {planned:,} calls, three questions for each import of a thousand among them.",
                f"Made: {told.calls:,}, with one question each, because this Mailjet finishes at once.",
                f"At {_CALLS_A_MINUTE} calls a minute that is {planned / _CALLS_A_MINUTE:.0f} minutes as told.",
                f"The second sync: {left} calls to tell, {seen.calls:,} to read back who unsubscribed or was deleted.",
                "One process, with the local Mailjet beside it; no wait for a token of the limit, none for Mailjet's work.",
            ],
        )
    ]
