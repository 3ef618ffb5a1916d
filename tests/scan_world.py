"""A CRM in memory, a real ledger, and everything between them: scans, last looks, dispatch, an inbox."""

import tempfile
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

from sqlalchemy import delete, select

from mailworker.balances import BalancePreSendCheck, BalanceScan
from mailworker.config.settings import parse_settings
from mailworker.core.lane import Lane
from mailworker.core.settlement import Receipt
from mailworker.crm import RecordPage
from mailworker.crm.records import Balance, CrmInvoice, Exclusion
from mailworker.dispatch import DispatchDependencies, Dispatcher
from mailworker.errors import Unreachable
from mailworker.intake import Intake
from mailworker.intake.job_row import row_of
from mailworker.ledger import Ledger
from mailworker.ledger.scan_runs import Start
from mailworker.ledger.tables import messages, metadata
from mailworker.prepare import Preparer, Tools
from mailworker.reminders import ReminderPreSendCheck, ReminderScan
from mailworker.rules.crm_facts import InvoiceStatus
from mailworker.scans.message_drafts import MessageDrafts
from mailworker.scans.runner import Scanner
from tests.doubles import Clock, FakeBreaker, FakeBucket, FakeFiles, FakePost, MemoryJournal

#: A Monday, ten in the morning in Paris.
MONDAY = datetime(2026, 11, 30, 9, tzinfo=UTC)
REMINDER = "api_crmCommunicationCustomerInvoiceReminder"
LOW = "api_crmCommunicationsBalanceLow"
EXPIRED = "api_crmCommunicationsBalanceExpired"
RESET = "api_crmCommunicationUserPasswordReset"
_ENGLISH = "languages: {en: {template_id: 2, subject: S}}"
_SENDER = f"{{from_email: a@house.example, from_name: A, template_id: 1, subject: S, {_ENGLISH}}}"
CONFIG = "mailjet:\n  api_key: k\n  api_secret: s\n" + "".join(
    f"  {kind}: {_SENDER}\n" for kind in (REMINDER, LOW, EXPIRED, RESET)
)


def invoice(number, *, due, **changes):
    """An unpaid invoice of customer C."""
    given = {
        "invoice_id": str(number),
        "customer_id": "C",
        "status": InvoiceStatus.OPEN,
        "due_date": due,
        "currency": "EUR",
        "owed": Decimal("30.00"),
        "total": Decimal("30.00"),
        "email": "zoe@courriel.example",
        "customer_name": "Zoé Roussel",
        "number": f"FA-{number}",
        "language": "fr",
        "pay_url": f"https://crm.example/pay/{number}",
    }
    return CrmInvoice(**given | changes)


def days_ago(days, *, today=MONDAY):
    return today.date() - timedelta(days=days)


def balance(number, **changes):
    """A balance with one of its ten gigabytes left."""
    given = {
        "balance_id": str(number),
        "customer_id": "C",
        "balance_type": "Données",
        "amount": Decimal(1),
        "allowance": Decimal(10),
        "unit": "Go",
        "period_start": datetime(2026, 11, 1, tzinfo=UTC),
        "expires_at": datetime(2026, 12, 15, tzinfo=UTC),
        "email": "zoe@courriel.example",
        "customer_name": "Zoé Roussel",
        "service_name": "Mobile 10 Go",
        "language": "fr",
        "topup_url": "https://crm.example/topup",
        "renewal_url": "https://crm.example/renew",
    }
    return Balance(**given | changes)


class FakeCrm:
    """Records in dicts, read in pages. `broken` is raised by every question; `asked` counts them."""

    def __init__(self, *records, page_size=3):
        self.of_invoices = {one.invoice_id: one for one in records if isinstance(one, CrmInvoice)}
        self.of_balances = {one.balance_id: one for one in records if isinstance(one, Balance)}
        self.excluded = {}
        self.unreadable = {}
        self.page_size = page_size
        self.broken = None
        self.asked = 0

    def change(self, number, **changes):
        here = self.of_invoices if str(number) in self.of_invoices else self.of_balances
        here[str(number)] = replace(here[str(number)], **changes)

    def offers(self, question):
        return True

    def count(self, question):
        return len(self.of_invoices if question == "open_invoices" else self.of_balances)

    def open_invoices(self, *, by_customer=False, after=None):
        owed = [one for one in self.of_invoices.values() if one.status != InvoiceStatus.PAID]
        return self._pages(owed, lambda one: (one.customer_id if by_customer else "", one.invoice_id), after)

    def balances(self, *, after=None):
        return self._pages(self.of_balances.values(), lambda one: ("", one.balance_id), after)

    def _pages(self, records, key, after):
        left = sorted((one for one in records if after is None or key(one) > tuple(after)), key=key)
        while left:
            self._question()
            page, left = left[: self.page_size], left[self.page_size :]
            ends = tuple(key(one) for one in page)
            yield RecordPage(tuple(page), (), ends, ends[-1])

    def invoice(self, invoice_id):
        self._question()
        return self.of_invoices.get(invoice_id)

    def invoices(self, ids):
        return self._found(self.of_invoices, ids)

    def balances_of(self, ids):
        return self._found(self.of_balances, ids)

    def exclusions(self):
        return dict(self.excluded)

    def exclusions_of(self, customer_ids):
        return self._found(self.excluded, customer_ids)

    def _found(self, records, ids):
        self._question()
        here = records | self.unreadable
        return {id_: here[id_] for id_ in ids if id_ in here}

    def _question(self):
        self.asked += 1
        if self.broken is not None:
            raise self.broken


@dataclass
class Mailbox:
    """What reached the customer, and when."""

    clock: Clock
    mails: list = field(default_factory=list)

    def __call__(self, mail):
        self.mails.append((self.clock.now, mail))
        return Receipt(len(self.mails), "uuid")

    @property
    def numbers(self):
        return [mail.variables.get("invoice_number") for _, mail in self.mails]


class World:
    """One operator's evening: `scan`, `dispatch`, change the CRM, let time pass, look into `box`."""

    mailbox = Mailbox

    def __init__(self, ledger, *records, extra="", now=MONDAY, page_size=3):
        self.ledger = ledger
        self.crm = FakeCrm(*records, page_size=page_size)
        self.clock = Clock(now)
        self.box = self.mailbox(self.clock)
        self.settings = parse_settings(CONFIG + extra, environ={})
        self.drafts = MessageDrafts(self.settings, lambda job, at: row_of(job, (), at))
        self.dispatcher = self.worker()
        self.intake = Intake(ledger, self.settings.kinds, FakeFiles(), language="fr")

    def worker(self):
        """A process that sends from here on; what another remembered is gone."""
        known = (self.settings, lambda: self.crm, self.ledger, self.drafts)
        self.reminders = ReminderPreSendCheck(*known, clock=self.clock)
        self.balances = BalancePreSendCheck(*known, clock=self.clock)
        deps = DispatchDependencies(
            self.ledger,
            FakeBucket(),
            FakePost(self.box),
            FakeFiles(),
            self.recheck,
            FakeBreaker(),
            MemoryJournal(),
        )
        return Dispatcher(self.settings, deps, clock=self.clock)

    def recheck(self, rows):
        return self.reminders(rows) | self.balances(rows)

    def subject(self, what=ReminderScan):
        return what(self.settings, self.crm, self.ledger, self.drafts)

    def scanner(self, what=ReminderScan):
        return Scanner(self.ledger, self.subject(what), clock=self.clock)

    def scan(self, what=ReminderScan, *, seconds=60, **start):
        return self.scanner(what).work(Start(what.scan, **start), seconds=seconds)

    def scan_balances(self):
        return self.scan(BalanceScan)

    def dispatch(self):
        while self.dispatcher.dispatch_once(Lane.NORMAL, patience=1) is not None:
            pass

    def enqueue(self, **job):
        """As OmniCRM does."""
        return self.intake.accept(job, now=self.clock.now).ids[0]

    def prepare(self):
        tools = Tools(self.ledger, SimpleNamespace(render=None), FakeFiles(), lambda: self.crm)
        preparer = Preparer(self.settings, tools, clock=self.clock)
        while preparer.prepare(limit=1):
            pass

    def rows(self):
        with self.ledger.read() as connection:
            found = connection.execute(select(messages).order_by(messages.c.accepted_at, messages.c.id))
            return [dict(row) for row in found.mappings()]

    @property
    def states(self):
        return [row["state"] for row in self.rows()]


def open_ledger(folder=None):
    """A ledger of its own, in memory where the system has a place for that."""
    folder = folder or tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    return Ledger.open(f"sqlite:///{folder}/ledger.db")


def wipe(ledger):
    with ledger.write() as connection:
        for table in metadata.tables.values():
            connection.execute(delete(table))


def excluded(customer="C", until: date | None = None):
    return {customer: Exclusion(customer, "surendettement", until)}


def away():
    return Unreachable("OmniCRM cannot be reached.")
