"""A whole house under fault: real workers, a real Redis-protocol server, a local Mailjet, and the balance at the end."""

import os
import random
import signal
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import create_engine, text

from mailworker.cli.running import Servers, Worker, wait_until
from mailworker.client import MaybeEnqueued, NotEnqueued

RESET = "api_crmCommunicationUserPasswordReset"
CAMPAIGN = "api_crmCommunicationCampaign"
CALLS_PER_MINUTE = 1_200

#: A house that is quick to notice: time-outs, leases and look-ups in seconds instead of minutes.
WORKER = {
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
        # Mailjet's index is a second late here, so ten seconds of silence are proof enough to send again.
        "resend_unknown_after": "10s",
        **more,
    }


def changes(calls_per_minute: int, **worker: Any) -> dict[str, dict[str, Any]]:
    return {
        "mailjet": {
            "calls_per_minute": calls_per_minute,
            RESET: block(5977511),
            CAMPAIGN: block(4711, lane="bulk", variables=["first_name", "offer"]),
        },
        "worker": WORKER | worker,
        "crm": {"source": "none"},
    }


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
    """One run: what was enqueued, and the house it went into."""

    servers: Servers
    limit: int
    ids: set[str] = field(default_factory=set)
    refused: int = 0
    started: float = field(default_factory=time.monotonic)

    def enqueue(self, count: int, *, kind: str = CAMPAIGN, tag: str = "") -> None:
        """Enqueue mails as OmniCRM would: what Redis did not take is tried again with the same key."""
        for number in range(count):
            self.ids.add(self._send(kind, f"{tag}{kind}-{len(self.ids)}-{number}"))

    def _send(self, kind: str, key: str) -> str:
        variables = (
            {"user_name": "Ana", "reset_url": "https://crm.example/r/1", "expiry_time": "1 heure"}
            if kind == RESET
            else {"first_name": "Ana", "offer": "Fibre 2 Gb/s"}
        )
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
                self.ids.add(self._send(kind, f"trickle-{number}"))
                time.sleep(seconds / count)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def states(self) -> Counter[str]:
        """How many messages stand where, read past all of mailworker's own code."""
        engine = create_engine(self.servers.database_url)
        try:
            with engine.connect() as connection:
                rows = connection.execute(text("SELECT state, count(*) FROM messages GROUP BY state"))
                return Counter(dict(rows.all()))
        finally:
            engine.dispose()

    def sent(self) -> int:
        with suppress(Exception):  # the ledger may not be there yet, or be locked by the fault
            return self.states()["sent"]
        return 0

    def come_to_rest(self, *, seconds: float = 120) -> bool:
        """Wait until the ledger has every message, and every one of them is final."""

        def at_rest() -> bool:
            states = self.states()
            final = sum(states[state] for state in ("sent", "failed", "expired", "suppressed", "cancelled"))
            return states.total() == len(self.ids) == final

        return wait_until(at_rest, seconds=seconds)

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
        engine = create_engine(self.servers.database_url)
        try:
            with engine.connect() as connection:
                return list(
                    connection.execute(text("SELECT id FROM messages WHERE state = 'sent'")).scalars()
                )
        finally:
            engine.dispose()

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
            found += [int(child) for child in task.read_text().split()]
    return found


def kill_a_child(worker: Worker, dice: random.Random) -> bool:
    """SIGKILL one of the worker's pool processes."""
    pool = children(worker.pid)
    if not pool:
        return False
    with suppress(ProcessLookupError):
        os.kill(dice.choice(pool), signal.SIGKILL)
    return True
