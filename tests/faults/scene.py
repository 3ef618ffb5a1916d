"""A whole installation under fault: real workers, a real Redis-protocol server, a local Mailjet, and the balance at the end."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import yaml
from redis import Redis
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from mailworker.cli.local_stack import Servers, Worker, wait_until
from mailworker.client import MaybeEnqueued, NotEnqueued
from mailworker.queue.redis_connection import connect

RESET = "api_crmCommunicationUserPasswordReset"
CAMPAIGN = "api_crmCommunicationCampaign"
#: Never sent again blindly, as most kinds are.
STRICT = "api_crmCommunicationOnceAtMost"
RESET_VARIABLES = {"user_name": "Ana", "reset_url": "https://crm.example/r/1", "expiry_time": "1 heure"}
MAIL_QUEUES = ["mail.urgent", "mail.normal", "mail.bulk", "celery"]
_UPKEEP = ["scans", "render"]
_FINAL = ("sent", "failed", "expired", "suppressed", "cancelled")
CALLS_PER_MINUTE = 1_200

#: Kinder than an operator has it: time-outs, leases, retries and look-ups in seconds instead of minutes. Only for
#: tests whose names say `with_short_times` (tests/unit/test_fault_settings.py).
SHORT_TIMES = {
    "connect_timeout": "1s",
    "read_timeout": "2s",
    "lease": "8s",
    "retry_base": "1s",
    "retry_cap": "4s",
    "max_attempts": 50,
    "lookups_after": ["2s", "4s", "8s", "15s"],
}


def block(template_id: int, **more: Any) -> dict[str, Any]:
    return {
        "from_email": "bonjour@horizon-telecom.example",
        "from_name": "Horizon Télécom",
        "template_id": template_id,
        "subject": "Bonjour",
        **more,
    }


def shipped(calls_per_minute: int, api_url: str | None = None) -> dict[str, dict[str, Any]]:
    """The settings that operators get: no time-out, lease, retry or look-up is kinder than theirs."""
    own = {"lane": "bulk", "variables": ["first_name", "offer"]}
    return {
        "mailjet": {
            **({"api_url": api_url} if api_url else {}),
            "calls_per_minute": calls_per_minute,
            RESET: block(5977511),
            CAMPAIGN: block(4711, **own),
            STRICT: block(4711, **own),
        },
        "crm": {"source": "none"},
    }


def with_short_times(calls_per_minute: int, api_url: str | None, **worker: Any) -> dict[str, dict[str, Any]]:
    """The same with short times. Two kinds are sent again after ten seconds in which Mailjet denies knowing them."""
    changed = shipped(calls_per_minute, api_url)
    for kind in (RESET, CAMPAIGN):
        # The local Mailjet's index is a second late, so ten seconds of silence are proof enough.
        changed["mailjet"][kind]["resend_unknown_after"] = "10s"
    return changed | {"worker": SHORT_TIMES | worker}


@dataclass(frozen=True)
class Balance:
    """What is true once everything has come to rest."""

    fault: str
    accepted: int
    by_state: Counter[str]
    lost: int
    twice: int
    fullest_minute: int
    limit: int
    seconds: float


@dataclass
class Scene:
    """One run: what was enqueued, and the installation it went into."""

    servers: Servers
    limit: int
    ids: set[str] = field(default_factory=set)
    refused: int = 0
    started: float = field(default_factory=time.monotonic)

    def staff(self) -> Worker:
        """Start what most faults need: a worker for mail, which is given back, one for the sweeps, and beat."""
        worker = self.servers.worker(MAIL_QUEUES, concurrency=2)
        self.servers.worker(_UPKEEP, name="upkeep")
        self.servers.beat()
        assert wait_until(self._has_a_ledger, seconds=60), "the first sweep makes the ledger's tables"
        return worker

    @contextmanager
    def supervised(self) -> Iterator[None]:
        """Workers of `staff` that end are started again, as production's supervisor does."""
        stop = threading.Event()

        def run() -> None:
            while not stop.wait(1):
                for dead in [child for child in self.servers.dead() if isinstance(child, Worker)]:
                    self.servers.children.remove(dead)
                    upkeep = dead.node.startswith("upkeep")
                    queues, name = (_UPKEEP, "upkeep") if upkeep else (MAIL_QUEUES, "worker")
                    self.servers.worker(queues, concurrency=1 if upkeep else 2, name=name, wait=False)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _has_a_ledger(self) -> bool:
        with suppress(SQLAlchemyError):
            return bool(self.ask("SELECT count(*) FROM messages"))
        return False

    def enqueue(self, count: int, *, kind: str = CAMPAIGN, tag: str = "") -> None:
        """Enqueue mails as OmniCRM would: what Redis did not take is tried again with the same key."""
        for number in range(count):
            self.ids.add(self.send(kind, f"{tag}{kind}-{len(self.ids)}-{number}"))

    def enqueue_invoices(self, count: int, document: Mapping[str, Any]) -> None:
        """Enqueue the same invoice under as many numbers, each to a customer of its own."""
        for number in range(count):
            own = {**document, "invoice_number": f"FA-{number}"}
            self.ids.add(self.servers.client.send_invoice(invoice=own, to=f"client{number}@example.com"))

    def send(self, kind: str, key: str) -> str:
        """Enqueue one mail; what Redis did not take is tried again with the same key."""
        variables = RESET_VARIABLES if kind == RESET else {"first_name": "Ana", "offer": "Fibre 2 Gb/s"}
        deadline = time.monotonic() + 120
        while True:
            try:
                return self.servers.client.send(kind, f"{key}@example.com", variables, idempotency_key=key)
            except (NotEnqueued, MaybeEnqueued):
                self.refused += 1
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def trickle(self, count: int, *, seconds: float) -> threading.Thread:
        """Enqueue in the background, spread over this time, one mail in ten a password reset."""

        def run() -> None:
            for number in range(count):
                kind = RESET if number % 10 == 0 else CAMPAIGN
                self.ids.add(self.send(kind, f"trickle-{number}"))
                time.sleep(seconds / count)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def ask(self, query: str, **values: Any) -> Sequence[Any]:
        """Rows out of the ledger, read past all of mailworker's own code."""
        engine = create_engine(self.servers.database_url)
        try:
            with engine.begin() as connection:
                return connection.execute(text(query), values).all()
        finally:
            engine.dispose()

    def log(self) -> str:
        """What the workers wrote into their logs."""
        logs = (self.servers.folder / "logs").glob("*.log")
        return "".join(log.read_text("utf-8") for log in logs if not log.name.startswith("simulator"))

    def states(self) -> Counter[str]:
        """How many messages stand where."""
        return Counter(
            dict(tuple(row) for row in self.ask("SELECT state, count(*) FROM messages GROUP BY state"))
        )

    def in_calls(self) -> int:
        """How many messages are in a call at this moment, as the ledger knows it."""
        query = "SELECT count(*) FROM messages WHERE state = 'sending' AND called_at IS NOT NULL"
        return int(self.ask(query)[0][0])

    def told(self, why: str) -> int:
        """How many lines of the messages' timelines give this reason."""
        query = "SELECT count(*) FROM timeline WHERE why LIKE :why"
        return int(self.ask(query, why=f"%{why}%")[0][0])

    def struck(self) -> int:
        """How often the local Mailjet's faults have struck."""
        rules = requests.get(f"{self.servers.mailbox.url}/_simulator/faults", timeout=10).json()["faults"]
        return sum(rule["struck"] for rule in rules)

    def redis(self) -> "Redis":
        """A client of the installation's Redis."""
        return connect(self.servers.redis_url, decode_responses=True, protocol=2, socket_timeout=10)

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """Keep everybody out of this table: on PostgreSQL, who comes to it waits. So a worker stops where we like."""
        engine = create_engine(self.servers.database_url)
        try:
            with engine.begin() as connection:
                connection.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
                yield
        finally:
            engine.dispose()

    def sent(self) -> int:
        with suppress(Exception):  # the ledger may not be there yet, or be locked by the fault
            return self.states()["sent"]
        return 0

    def come_to_rest(self, *, seconds: float = 120, or_in_doubt: int = 0) -> bool:
        """Wait until the ledger has every message, and every one of them is final.

        At most `or_in_doubt` may wait for Mailjet's word instead, but none that Mailjet took.
        """

        def at_rest() -> bool:
            if not self._has_a_ledger():
                return False
            states = self.states()
            final = sum(states[state] for state in _FINAL)
            doubtful = states["unknown"]
            if states.total() != len(self.ids) or final + doubtful != len(self.ids):
                return False
            return doubtful <= or_in_doubt and not (doubtful and self.taken_and_unknown())

        return wait_until(at_rest, seconds=seconds)

    def taken_and_unknown(self) -> set[str]:
        """The messages that Mailjet took, and nobody knows it yet."""
        arrived = {mail["custom_id"] for mail in self.servers.mailbox.messages()}
        return arrived & {row[0] for row in self.ask("SELECT id FROM messages WHERE state = 'unknown'")}

    def balance(self, fault: str) -> Balance:
        """Compare the ledger with what the local Mailjet really took."""
        arrived = Counter(mail["custom_id"] for mail in self.servers.mailbox.messages())
        counts = self.servers.mailbox.counts()
        states = self.states()
        return Balance(
            fault=fault,
            accepted=len(self.ids),
            by_state=states,
            lost=len(self.ids) - states.total() + sum(1 for id_ in self._sent_ids() if not arrived[id_]),
            twice=sum(1 for count in arrived.values() if count > 1),
            fullest_minute=counts["max_calls_in_60s"],
            limit=self.limit,
            seconds=time.monotonic() - self.started,
        )

    def _sent_ids(self) -> list[str]:
        return [row[0] for row in self.ask("SELECT id FROM messages WHERE state = 'sent'")]

    def change_config(self, section: str, **keys: Any) -> None:
        """Edit crm_config.yaml; processes started from now on read it."""
        document = yaml.safe_load(self.servers.config.read_text("utf-8"))
        document.setdefault(section, {}).update(keys)
        self.servers.config.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")


def children(pid: int) -> list[int]:
    """The processes that this one started, by the kernel's own list."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(child) for child in task.read_text(encoding="utf-8").split()]
    return found


def kill_a_child(worker: Worker, dice: random.Random) -> bool:
    """SIGKILL one of the worker's pool processes."""
    pool = children(worker.pid)
    if not pool:
        return False
    with suppress(ProcessLookupError):
        os.kill(dice.choice(pool), signal.SIGKILL)
    return True
