"""Contacts under fault: a whole installation, what the CRM said, and the comparison with the local Mailjet at the end."""

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from redis import Redis
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from mailworker.cli.local_stack import Servers, Worker, wait_until
from mailworker.queue.celery_queues import CONTACTS
from tests.faults.scene import SHORT_TIMES, kill_a_child

LIMIT = 200
#: What the local Mailjet calls an address whose owner was erased.
_ANONYMOUS = "@domain.invalid"
_QUEUES = ["contacts", "scans"]

#: By address: the names, and the cities, of which any is right, and the types, of which all are lists.
Wanted = Mapping[str, tuple[set[str], set[str], set[str]]]


def changes(**crm: Any) -> dict[str, dict[str, Any]]:
    """An installation that notices in seconds, with Mailjet's own limit."""
    return {"mailjet": {"calls_per_minute": LIMIT}, "worker": SHORT_TIMES, "crm": crm or {"source": "none"}}


@dataclass(frozen=True)
class ContactBalance:
    """What is true of all contacts once everything has come to rest."""

    fault: str
    contacts: int
    by_state: Counter[str]
    wrong: list[str]
    undone: int
    calls: int
    fullest_minute: int
    seconds: float


@dataclass
class ContactScene:
    """One run. `unsubscribed` are those who did so at Mailjet, by the address that they have in the end."""

    servers: Servers
    seed: int
    unsubscribed: set[str] = field(default_factory=set)
    kills: int = 0
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.storm = [self._worker() for _ in range(2)]
        self.servers.beat()

    def strike(self) -> None:
        """SIGKILL a child of a worker; one time in five the worker with it, and start another."""
        time.sleep(self.dice.uniform(0.2, 1.5))  # the storm's own rhythm
        victim = self.dice.randrange(len(self.storm))
        self.kills += kill_a_child(self.storm[victim], self.dice)
        if self.dice.random() < 0.2:
            self.storm[victim].kill()
            self.storm[victim] = self._worker(wait=False)
            self.kills += 1

    def rage(self, while_: Callable[[], bool], *, at_least: int) -> None:
        """Kill while this holds, and so often at least."""
        goal = self.kills + at_least
        while while_() or self.kills < goal:
            self.strike()

    def unsubscribe(self, email: str) -> None:
        """Let a contact's owner unsubscribe at Mailjet."""
        self.servers.mailbox.unsubscribe(email)
        self.unsubscribed.add(email)

    def states(self) -> Counter[str]:
        """How many contacts stand where, read past all of mailworker's own code."""
        return Counter(dict(self._ask("SELECT state, count(*) FROM mailjet_contacts GROUP BY state")))

    def syncing(self) -> bool:
        """Whether a full sync is asked for that has not read everything."""
        with suppress(OperationalError):  # the ledger may not be there yet
            return bool(self._ask("SELECT 1 FROM contact_syncs WHERE state = 'running'"))
        return False

    def _ask(self, query: str) -> list[tuple[Any, ...]]:
        engine = create_engine(self.servers.database_url)
        try:
            with engine.connect() as connection:
                return [tuple(row) for row in connection.execute(text(query))]
        finally:
            engine.dispose()

    def told(self) -> int:
        """How many contacts are in step."""
        with suppress(OperationalError):  # the ledger may not be there yet, or be locked by the fault
            return self.states()["in_step"]
        return 0

    def come_to_rest(self, *, seconds: float = 420) -> bool:
        """Wait until no job waits, and every contact is in step or refused."""
        redis = Redis.from_url(self.servers.redis_url, protocol=2)

        def at_rest() -> bool:
            settled = set(self.states()) <= {"in_step", "refused"}
            return settled and not redis.xlen(CONTACTS.stream) and not self.syncing()

        try:
            return wait_until(at_rest, seconds=seconds)
        finally:
            redis.close()

    def balance(self, fault: str, wanted: Wanted) -> ContactBalance:
        """Compare what Mailjet has with what the CRM said."""
        found = {one["email"]: one for one in self.servers.mailbox.contacts()}
        on_lists = {email for email, one in found.items() if one["lists"] and not email.endswith(_ANONYMOUS)}
        wrong = sorted(on_lists ^ set(wanted))
        wrong += [email for email in on_lists & set(wanted) if not _right(found[email], *wanted[email])]
        counts = self.servers.mailbox.counts()
        return ContactBalance(
            fault=fault,
            contacts=len(wanted),
            by_state=self.states(),
            wrong=wrong,
            undone=sum(not all(found[email]["lists"].values()) for email in self.unsubscribed),
            calls=counts["calls"],
            fullest_minute=counts["max_calls_in_60s"],
            seconds=time.monotonic() - self.started,
        )

    def _worker(self, *, wait: bool = True) -> Worker:
        return self.servers.worker(_QUEUES, concurrency=2, name="storm", wait=wait)


def _right(found: Mapping[str, Any], names: set[str], cities: set[str], types: set[str]) -> bool:
    lists = {"OmniCRM", *(f"OmniCRM {one}" for one in types)}
    city = found["properties"].get("city", "")
    return found["name"] in names and city in cities and set(found["lists"]) == lists


@dataclass
class Changes:
    """What OmniCRM enqueues: new contacts, changed ones, some whose address changes, some to be erased."""

    scene: ContactScene
    count: int
    contacts: dict[int, dict[str, str]] = field(default_factory=dict)
    erased: set[int] = field(default_factory=set)
    unsubscriptions: threading.Event = field(default_factory=threading.Event)

    def start(self, *, seconds: float) -> threading.Thread:
        """Enqueue in the background, spread over this time."""
        thread = threading.Thread(target=self._run, args=(seconds / self.count,))
        thread.start()
        return thread

    def wanted(self) -> Wanted:
        """What Mailjet should have in the end."""
        return {
            one["email"]: ({one["name"]}, {_city(number)}, {one["contact_type"]})
            for number, one in self.contacts.items()
            if number not in self.erased
        }

    def _run(self, pause: float) -> None:
        client = self.scene.servers.client
        dice = random.Random(self.scene.seed + 1)
        for number in range(_CUSTOMERS):
            client.sync_customer({"customer_id": f"C{number}", "name": "Ondine", "city": _city(number)})
        for number in range(self.count):
            self._say(number, f"Person {number}")
            if number % 5 == 4:
                self._say(dice.randrange(number), f"Changed by {number}")
            time.sleep(pause)
        assert self.unsubscriptions.wait(timeout=300)
        left = [int(email.split("@")[0].split(".")[1]) for email in self.scene.unsubscribed]
        for number in [*dice.sample(sorted(self.contacts), 30), *sorted(left)[:4]]:
            if number % 2:
                self.erased.add(number)
                self.scene.unsubscribed.discard(self.contacts[number]["email"])
                client.delete_contact(self.contacts[number]["email"])
            else:
                self._move(number)
        for number in dice.sample(sorted(set(self.contacts) - self.erased), 200):
            self._say(number, f"Changed at last, {number}")

    def unsubscribe_some(self) -> None:
        """Let some of those unsubscribe whom Mailjet has by now."""
        there = [one["email"] for one in self.scene.servers.mailbox.contacts() if one["lists"]]
        for email in self.scene.dice.sample(there, 40):
            self.scene.unsubscribe(email)
        self.unsubscriptions.set()

    def _say(self, number: int, name: str) -> None:
        kind = ("billing", "technical")[number % 2]
        known = self.contacts.get(number, {"email": f"person.{number}@example.com", "contact_type": kind})
        self.contacts[number] = known | {"name": name}
        self.scene.servers.client.sync_contact(
            {"contact_id": str(number), "customer_id": f"C{number % _CUSTOMERS}", **self.contacts[number]}
        )

    def _move(self, number: int) -> None:
        former = self.contacts[number]["email"]
        self.contacts[number]["email"] = f"moved.{number}@example.com"
        if former in self.scene.unsubscribed:
            self.scene.unsubscribed.remove(former)
            self.scene.unsubscribed.add(self.contacts[number]["email"])
        self._say(number, f"Moved {number}")


_CUSTOMERS = 40


def _city(number: int) -> str:
    return ("Lyon", "Nantes", "Lille")[number % _CUSTOMERS % 3]


def ended_by_kill(code: int) -> bool:
    """Whether a process was killed, rather than having come to its end before."""
    return code == -signal.SIGKILL
