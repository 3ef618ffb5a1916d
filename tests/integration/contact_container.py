"""A local Mailjet, a ledger and a contact book with a clock that tests set."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fakeredis import FakeRedis

from mailworker.config.contacts import ContactSettings
from mailworker.contacts import ContactDependencies, ContactService
from mailworker.contacts.pull_opt_outs import PullResult
from mailworker.core.masked_secret import Secret
from mailworker.crm.crm_interface import RecordPage
from mailworker.crm.records import CrmContact, Customer
from mailworker.crm.row_source_interface import Cursor
from mailworker.ledger import Ledger, contact_counts
from mailworker.ledger.contact_tables import mailjet_contacts
from mailworker.limits import Bucket
from mailworker.mailjet.credentials import MailjetAccess
from mailworker.mailjet.gateway import Gateway
from mailworker.simulator import RunningSimulator, running

START = datetime(2026, 11, 2, 8, tzinfo=UTC)


class Crm:
    """A CRM of a few customers, in pages of two."""

    def __init__(self) -> None:
        self.all: dict[str, Customer] = {}
        self.faults: tuple[str, ...] = ()
        self.asked_after: Callable[[Cursor | None], None] = lambda _place: None

    def put(self, customer_id: str, *contacts: CrmContact, **details: Any) -> None:
        self.all[customer_id] = Customer(
            customer_id=customer_id, contacts=contacts, **{"name": "Ondine", "city": "Lyon"} | details
        )

    def customers(self, *, after: Cursor | None = None) -> Iterator[RecordPage[Customer]]:
        self.asked_after(after)
        customers = list(self.all.values())
        for start in range(after[0] if after else 0, len(customers), 2):
            faults = self.faults if start == 0 else ()
            yield RecordPage(tuple(customers[start : start + 2]), faults, end=[start + 2])

    def offers(self, question: str) -> bool:
        return question == "customers"

    def customer(self, customer_id: str) -> Customer | None:
        return self.all.get(customer_id)

    def count(self, _question: str) -> int:
        return len(self.all)


def contact(number: int, email: str = "", contact_type: str = "billing", **more: Any) -> CrmContact:
    values = {"name": f"Person {number}", "email": email or f"person.{number}@example.com"}
    return CrmContact(
        contact_id=str(number),
        customer_id=more.pop("customer_id", "C1"),
        contact_type=contact_type,
        **values | more,
    )


@dataclass
class ContactStack:
    """Everything that a test of contacts looks at."""

    mailjet: RunningSimulator
    ledger: Ledger
    crm: Crm
    clock: "Clock"
    make: Callable[..., ContactService]
    book: ContactService
    gateway: Gateway
    settings: ContactSettings

    def do(self, verb: str, **job: Any) -> Any:
        asked_at = job.pop("asked_at", self.clock())
        return self.book.intake.take({"do": verb, **job}, now=self.clock(), asked_at=asked_at)

    def work(self, *, seconds: float = 900) -> list[str]:
        """Let the workers work until nothing is due, for so long at the most; gives their alarms."""
        alarms = []
        end = self.clock() + timedelta(seconds=seconds)
        while self.clock() < end:
            self.clock.forward(1)
            while (told := self.book.step()) is not None:
                alarms += [told.alarm] if told.alarm else []
            with self.ledger.read() as connection:
                if not set(contact_counts.by_state(connection)) - {"in_step", "refused"}:
                    break
        return alarms

    def look(self) -> PullResult:
        """Look at Mailjet until all is seen."""
        look = self.book.puller.begin()
        for _ in self.book.puller.steps(look):
            pass
        return look

    @property
    def rows(self) -> dict[str, Any]:
        with self.ledger.read() as connection:
            rows = connection.execute(mailjet_contacts.select()).mappings()
            return {row["email"]: dict(row) for row in rows}

    def calls(self) -> list[str]:
        """The calls that Mailjet answered, by endpoint, in order."""
        return [one.endpoint for one in self.mailjet.calls]

    def lists(self, email: str) -> dict[str, bool]:
        """At Mailjet: the lists that an address is on, and whether it unsubscribed there."""
        book = self.mailjet.world.contacts
        names = {number: row["Name"] for number, row in book.lists.rows.items()}
        places = [one for one in book.memberships.values() if one.contact.email == email]
        return {names[one.list_id]: one.unsubscribed for one in places}

    def properties(self, email: str) -> dict[str, Any]:
        found = self.mailjet.world.contacts.find(email)
        assert found is not None, f"{email} is not at Mailjet"
        return found.properties


class Clock:
    """A clock that stands until it is moved; or moves by `tick` seconds whenever it is looked at."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now
        self.tick = 0.0

    def __call__(self) -> datetime:
        self.forward(self.tick)
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@cache
def _empty_ledger() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        Ledger.open(f"sqlite:///{path}").close()
        return path.read_bytes()


@contextmanager
def contact_container(
    folder: Path,
    settings: dict[str, Any] | None = None,
    mailjet: RunningSimulator | None = None,
    ledger_url: str | None = None,
    **simulator: Any,
) -> Iterator[ContactStack]:
    """A house of its own; with `mailjet`, at a local Mailjet that runs already and forgets what it had.

    Its ledger is an empty one at `ledger_url`, else a SQLite file in `folder`.
    """
    options: dict[str, Any] = {"calls_per_minute": 0, "job_seconds": 0} | simulator
    with ExitStack() as stack:
        if mailjet is None:
            mailjet = stack.enter_context(running(**options))
        mailjet.reset()
        own = f"sqlite:///{folder}/ledger.db"
        if ledger_url in {None, own}:
            (folder / "ledger.db").write_bytes(_empty_ledger())
        access = MailjetAccess(Secret(mailjet.settings.api_key), mailjet.settings.api_secret, mailjet.url)
        gateway = Gateway(access)
        ledger = Ledger.open(ledger_url or own)
        clock, crm = Clock(), Crm()
        bucket = Bucket(FakeRedis(decode_responses=True), 10_000_000)

        def house_crm() -> Any:
            return container.crm

        def make(changed: dict[str, Any] | None = None) -> ContactService:
            given = ContactSettings.model_validate({**(settings or {}), **(changed or {})})
            return ContactService(ContactDependencies(ledger, bucket, gateway, given, clock), house_crm)

        given = ContactSettings.model_validate(settings or {})
        container = ContactStack(mailjet, ledger, crm, clock, make, make(), gateway, given)
        yield container
        ledger.close()
        gateway.close()
