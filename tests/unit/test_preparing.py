"""A message about an invoice is fetched, rendered, made to fit, and ready; or fails with its reason."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from mailworker.crm.records import CrmInvoice
from mailworker.errors import RenderFailed, TransientError
from mailworker.invoices import RenderedInvoice
from mailworker.ledger import Ledger
from mailworker.ledger.insert_messages import accept
from mailworker.ledger.stuck_messages import strand
from mailworker.ledger.tables import messages
from mailworker.prepare import Preparer, Tools
from mailworker.prepare.preparer import with_address
from mailworker.rules.crm_facts import InvoiceStatus
from tests.doubles import Clock, FakeFiles, box, settings
from tests.rows import NOW, row

INVOICE = "api_crmCommunicationCustomerInvoice"
REMINDER = "api_crmCommunicationCustomerInvoiceReminder"
VARIABLES = {"invoice_number": "INV-7", "customer_name": "Zoé"}


def crm_invoice(**changes):
    facts = {
        "invoice_id": "7", "customer_id": "c", "status": next(iter(InvoiceStatus)), "due_date": date(2026, 11, 20),
        "currency": "EUR", "owed": Decimal("12.50"), "email": "crm@client.example", "customer_name": "Zoé",
        "number": "INV-7", "total": Decimal("12.50"), "pay_url": "https://pay.example/7",
    }  # fmt: skip
    return CrmInvoice(**(facts | changes))


class World:
    def __init__(self, path, *, invoice=None, pdf=b"%PDF", small=b"%P", extra=""):
        self.ledger, self.clock, self.files = Ledger.open(f"sqlite:///{path}"), Clock(), FakeFiles()
        self.invoice, self.pdf, self.small, self.rendered = invoice, pdf, small, []
        tools = Tools(self.ledger, self, self.files, lambda: box(invoice=self._fetch))
        self.preparer = Preparer(settings(extra), tools, clock=self.clock)

    def _fetch(self, _id):
        if isinstance(self.invoice, Exception):
            raise self.invoice
        return self.invoice

    def render(self, document, *, language, small=False):
        self.rendered.append((language, small))
        content = self.small if small else self.pdf
        if isinstance(content, BaseException):
            raise content
        return RenderedInvoice(content, "INV-7.pdf", "5ha256")

    def put(self, id_="m1", **changes):
        with self.ledger.write() as connection:
            accept(connection, [row(id_, **({"kind": INVOICE, "state": "accepted", "invoice": {"invoice_number": "INV-7", "client": {}}, "variables": VARIABLES} | changes))], NOW)  # fmt: skip
        return self

    def column(self, name):
        with self.ledger.read() as connection:
            return dict(connection.execute(select(messages.c.id, messages.c[name])).all())

    @property
    def m1(self):
        with self.ledger.read() as connection:
            return connection.execute(select(messages)).mappings().one()


@pytest.fixture
def world(ledger_file):
    made = []

    def make(**options):
        made.append(World(ledger_file, **options))
        return made[-1]

    yield make
    for one in made:
        one.ledger.close()


def test_nothing_to_prepare(world):
    assert world().preparer.prepare(limit=1) == []


def test_an_invoice_becomes_a_mail_with_its_pdf(world):
    w = world().put()
    assert w.preparer.prepare(limit=1) == ["m1"]
    assert (w.m1["state"], w.m1["attempts"]) == ("ready", 0)
    assert w.m1["attachments"] == [{"key": "m1-5ha256.pdf", "filename": "INV-7.pdf", "content_type": "application/pdf", "size": 4, "sha256": "5ha256"}]  # fmt: skip
    assert w.files.content == {"m1-5ha256.pdf": b"%PDF"}
    assert w.m1["reason"] == "PDF of 4 bytes, sha256 5ha256"
    assert w.preparer.prepare(limit=1) == []


@pytest.mark.parametrize(
    ("extra", "small", "state", "attached", "why"),
    [
        ("", b"%P", "ready", True, "made smaller"),
        ("", bytes(12_000_000), "ready", False, "sent with the link instead"),
        ("invoice:\n  oversize: fail\n", bytes(12_000_000), "failed", False, ""),
    ],
)
def test_a_pdf_that_is_too_large(world, extra, small, state, attached, why):
    w = world(pdf=bytes(12_000_000), small=small, extra=extra).put()
    w.preparer.prepare(limit=1)
    assert w.m1["state"] == state
    assert bool(w.m1["attachments"]) is attached
    assert why in w.m1["reason"]


@pytest.mark.parametrize(
    ("changes", "options", "state", "why"),
    [
        ({}, {"pdf": RenderFailed("no total.")}, "failed", "no total."),
        ({}, {"pdf": TransientError("the renderer is busy")}, "accepted", "the renderer is busy"),
        ({"kind": "gone"}, {}, "accepted", "gone is not in the configuration"),
        ({"kind": REMINDER, "invoice": None, "invoice_id": "7"}, {}, "failed", "The CRM knows no invoice 7."),
        ({"kind": REMINDER, "invoice": None, "invoice_id": "7"}, {"invoice": TransientError("the CRM is away")}, "accepted", "the CRM is away"),
        ({"kind": REMINDER, "invoice": None, "invoice_id": "7", "to_email": None}, {"invoice": crm_invoice(email="")}, "failed", "The customer has no e-mail address."),
        ({"kind": REMINDER, "invoice": None, "invoice_id": "7", "to_email": None}, {"invoice": crm_invoice(email="zoe@")}, "failed", "The customer's e-mail address is none: nothing stands after its @."),
    ],
)  # fmt: skip
def test_what_goes_wrong(world, changes, options, state, why):
    w = world(**options).put(**changes)
    w.preparer.prepare(limit=1)
    assert (w.m1["state"], w.m1["lease"]) == (state, None)
    assert why in w.m1["reason"]
    assert (w.m1["not_before"] > NOW) is (state == "accepted")


def test_a_reminder_says_how_late_it_is(world):
    w = world(invoice=crm_invoice()).put(
        kind=REMINDER, invoice=None, invoice_id="7", to_email=None, variables={}
    )
    w.preparer.prepare(limit=1)
    assert (w.m1["state"], w.m1["to_email"], w.m1["variables"]["days_overdue"]) == (
        "ready",
        "crm@client.example",
        10,
    )


def test_a_poisonous_invoice_does_not_kill_workers_for_ever(world):
    w = world(pdf=SystemExit()).put()
    for _ in range(4):  # worker.max_attempts
        with pytest.raises(SystemExit):
            w.preparer.prepare(limit=1)
        w.clock.advance(301)
        with w.ledger.write() as connection:
            strand(connection, now=w.clock.now, look_up_after=timedelta(seconds=30), max_attempts=12)
    w.preparer.prepare(limit=1)
    assert (w.m1["state"], w.m1["reason"]) == ("failed", "Given up: 4 times its worker died or failed.")


def test_who_lost_its_lease_changes_nothing(world):
    w = world().put()

    def slow(document, *, language, small=False):
        w.clock.advance(301)
        with w.ledger.write() as connection:
            strand(connection, now=w.clock.now, look_up_after=timedelta(seconds=30), max_attempts=12)
        return RenderedInvoice(b"%PDF", "INV-7.pdf", "x")

    w.render = slow
    w.preparer.prepare(limit=1)
    assert w.m1["state"] == "accepted"
    assert w.m1["attachments"] is None
    assert w.files.content == {}, "its PDF is deleted"


def test_what_the_caller_attached_goes_with_the_invoice(world):
    terms = {
        "key": "m1-0-abc",
        "filename": "terms.txt",
        "content_type": "text/plain",
        "size": 5,
        "sha256": "abc",
    }
    former = terms | {"key": "m1-0ld.pdf", "filename": "INV-7.pdf"}
    w = world().put(attachments=[terms, former])
    w.files.content |= {"m1-0-abc": b"terms", "m1-0ld.pdf": b"%OLD"}
    w.preparer.prepare(limit=1)
    assert [file["filename"] for file in w.m1["attachments"]] == ["terms.txt", "INV-7.pdf"]
    assert w.files.content == {"m1-0-abc": b"terms", "m1-5ha256.pdf": b"%PDF"}, "nothing else is left"


@pytest.mark.parametrize(
    ("client", "email"),
    [({"name": "Zoé"}, "to@x.example"), ({"name": "Zoé", "email": "own@x.example"}, "own@x.example")],
)
def test_an_e_invoice_reaches_who_it_is_mailed_to(client, email):
    assert with_address({"client": client}, "to@x.example")["client"]["email"] == email


@pytest.mark.parametrize(
    ("given", "document", "found"),
    [
        (None, {"customer_id": 3}, "3"),
        (None, {"customer_id": "", "client": {"customer_id": " C-7 "}}, "C-7"),
        (None, {"client": {"client_id": 0}}, "0"),
        (None, {"client": {"customer_number": "A-1"}}, None),
        (None, {"customer_id": {"id": 3}}, None),
        (None, {"customer_id": "x" * 70}, "x" * 63 + "…"),
        ("own", {"customer_id": 3}, "own"),
    ],
)
def test_an_invoice_is_found_by_its_customer(world, given, document, found):
    w = world().put(customer_id=given, invoice={"invoice_number": "INV-7", "client": {}, **document})
    w.preparer.prepare(limit=1)
    assert (w.m1["state"], w.m1["customer_id"]) == ("ready", found)


def test_an_invoice_without_a_customer_stays_as_it_is():
    assert with_address({"client": None}, "to@x.example") == {"client": None}


def test_messages_are_prepared_a_few_at_a_time(world):
    w = world()
    for id_ in ("m1", "m2", "m3"):
        w.put(id_)
    assert w.preparer.prepare(limit=2) == ["m1", "m2"]
    assert w.column("state") == {"m1": "ready", "m2": "ready", "m3": "accepted"}
    assert w.preparer.prepare(limit=2) == ["m3"]
    assert w.preparer.prepare(limit=2) == []


def test_one_that_fails_takes_no_other_along(world):
    w = world().put("m1").put("m2").put("m3")
    render = w.render

    def second_fails(document, **options):
        if len(w.rendered) == 1:
            w.rendered.append(None)
            raise RenderFailed("no")
        return render(document, **options)

    w.render = second_fails
    assert w.preparer.prepare() == ["m1", "m2", "m3"]
    assert w.column("state") == {"m1": "ready", "m2": "failed", "m3": "ready"}


def test_one_that_was_tried_before_is_prepared_alone(world):
    """If it was what its worker died of, it would take the others along again and again."""
    w = world().put("m1", attempts=1).put("m2").put("m3", attempts=2)
    assert w.preparer.prepare() == ["m1"]
    assert w.preparer.prepare() == ["m2"]
    assert w.preparer.prepare() == ["m3"]


def test_what_comes_after_a_slow_one_is_given_back(world):
    w = world().put("m1").put("m2").put("m3")

    def slow(document, *, language, small=False):
        w.clock.advance(60)
        return RenderedInvoice(b"%PDF", "INV-7.pdf", "5ha256")

    w.render = slow
    assert w.preparer.prepare() == ["m1"]
    assert w.column("state") == {"m1": "ready", "m2": "accepted", "m3": "accepted"}
    assert w.column("attempts") == {"m1": 0, "m2": 0, "m3": 0}
    assert w.preparer.prepare() == ["m2"]


def test_a_document_of_the_crms_with_control_characters_is_mailed_all_the_same(world, monkeypatch):
    w = world()
    document = {
        "invoice_number": "INV-7",
        "client": {"name": "Zo\x0bé\nRoussel", "email": "z@client.example"},
    }
    monkeypatch.setattr("mailworker.prepare.preparer.crm_document", lambda _crm, _id: document)
    seen = []
    monkeypatch.setattr(
        "mailworker.prepare.preparer.mail_variables", lambda given, **_: seen.append(given) or dict(VARIABLES)
    )
    w.put(invoice=None, invoice_id="7", to_name=None, to_email=None, variables=None)
    assert w.preparer.prepare(limit=1) == ["m1"]
    assert (w.m1["state"], w.m1["to_name"]) == ("ready", "Zoé Roussel")
    assert seen[0]["client"]["name"] == "Zoé\nRoussel"
