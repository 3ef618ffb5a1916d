"""What preparing writes, column by column, and at which bound it stops, gives back or sends the link."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from mailworker.core.message import AttachmentRef
from mailworker.crm.invoice_document import crm_document
from mailworker.errors import Misconfigured, PermanentError, Throttled, Unreachable
from mailworker.intake.job_row import base64_bytes
from mailworker.invoices import RenderedInvoice
from mailworker.invoices.attachment_size import message_size
from mailworker.ledger.tables import messages
from mailworker.prepare.preparer import with_address
from mailworker.rules.fill_call import ENVELOPE_BYTES, content_bytes
from tests.doubles import box
from tests.rows import NOW
from tests.unit.test_preparing import INVOICE, REMINDER, VARIABLES, crm_invoice, world

__all__ = ["world"]

DOCUMENT = {"invoice_number": "INV-7", "client": {"name": "Zo\x0bé", "email": "Zoe@Client.example"}}


def test_an_invoices_mail_column_by_column(world):
    w = world().put(invoice=DOCUMENT, to_email=None, to_name=None)
    w.preparer.prepare(limit=1)
    assert (w.m1["to_email"], w.m1["to_canonical"], w.m1["to_name"]) == (
        "Zoe@client.example",
        "zoe@client.example",
        "Zoé",
    )
    assert w.m1["variables"] == VARIABLES
    assert w.m1["content_bytes"] > 0
    assert w.m1["reason"] == "Made fit for a mail: invoice.client.name. PDF of 4 bytes, sha256 5ha256"
    assert w.rendered == [("fr", False)]


def test_a_recipient_of_the_callers_own_wins_over_the_documents(world):
    w = world().put(invoice=DOCUMENT, to_email="me@x.example", to_name="Me")
    w.preparer.prepare(limit=1)
    assert (w.m1["to_email"], w.m1["to_name"]) == ("me@x.example", "Me")


def test_at_most_ten_changed_fields_are_named(world):
    client = {"name": "Z", "email": "z@x.example"} | {f"f{n:02}": "a\x0bb" for n in range(12)}
    w = world().put(invoice={"invoice_number": "INV-7", "client": client})
    w.preparer.prepare(limit=1)
    named = w.m1["reason"].partition("mail: ")[2].partition(".  ")[0].partition(". PDF")[0]
    assert named.split(", ") == [f"invoice.client.f{n:02}" for n in range(10)]


FAULTS = (
    Misconfigured("The rendering process does not start."),
    Unreachable("The CRM is away."),
    Throttled("busy", retry_after=1.0),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
@pytest.mark.parametrize("where", ["rendering", "crm"])
def test_what_cannot_be_prepared_now_waits_longer_and_longer_for_ever(world, fault, where):
    w = world(pdf=fault).put() if where == "rendering" else world(invoice=fault)
    if where == "crm":
        w.put(kind=REMINDER, invoice=None, invoice_id="7", variables={})
    for _ in range(30):
        assert w.preparer.prepare(limit=1) == ["m1"]
        assert (w.m1["state"], w.m1["reason"]) == ("accepted", str(fault))
        assert w.preparer.prepare(limit=1) == [], "nobody is tried again at once"
        w.clock.now = w.m1["not_before"]
    assert w.clock.now - NOW > timedelta(minutes=10)


@pytest.mark.parametrize("over", [0, 1])
def test_a_pdf_of_the_largest_size_goes_as_it_is_and_a_larger_one_is_made_small(world, over):
    pdf = bytes(30_000)
    limit = message_size(len(pdf), ENVELOPE_BYTES + content_bytes(VARIABLES, []))
    w = world(pdf=pdf, extra=f"invoice:\n  message_bytes: {limit - over}\n").put()
    w.preparer.prepare(limit=1)
    assert w.rendered == [("fr", False), ("fr", True)][: 1 + over]
    assert w.m1["attachments"][0]["size"] == (2 if over else 30_000)


def test_a_reminders_mail_column_by_column(world):
    given = {
        "key": "m1-0-abc",
        "filename": "terms.txt",
        "content_type": "text/plain",
        "size": 5,
        "sha256": "abc",
    }
    w = world(invoice=crm_invoice(language="en", customer_id="c" * 65)).put(
        kind=REMINDER,
        invoice=None,
        invoice_id="7",
        to_email=None,
        to_name=None,
        variables={},
        attachments=[given],
    )
    w.preparer.prepare(limit=1)
    assert (w.m1["to_email"], w.m1["to_canonical"], w.m1["to_name"]) == ("crm@client.example",) * 2 + ("Zoé",)
    assert (w.m1["customer_id"], w.m1["reason"]) == ("c" * 64, "reminder prepared")
    assert w.m1["attachments"] == [given]
    assert w.m1["variables"]["pay_url"] == "https://pay.example/7"
    assert w.m1["content_bytes"] == content_bytes(w.m1["variables"], base64_bytes([AttachmentRef(**given)]))


def test_a_reminders_own_customer_stays(world):
    w = world(invoice=crm_invoice()).put(
        kind=REMINDER, invoice=None, invoice_id="7", customer_id="own", variables={}
    )
    w.preparer.prepare(limit=1)
    assert (w.m1["customer_id"], w.m1["to_email"]) == ("own", "m1@client.example")


def test_ten_are_claimed_together_for_five_minutes(world):
    w = world()
    for number in range(11):
        w.put(f"m{number:02}")
    leases = []

    def render(document, *, language, small=False):
        leases.append({until for until in w.column("lease_until").values() if until})
        return RenderedInvoice(b"%PDF", "INV-7.pdf", "5ha256")

    w.render = render
    assert w.preparer.prepare() == [f"m{number:02}" for number in range(10)]
    assert leases[0] == {NOW + timedelta(minutes=5)}


@pytest.mark.parametrize(("seconds", "prepared"), [(9.9, ["m1", "m2"]), (10, ["m1"])])
def test_after_ten_seconds_the_rest_is_given_back(world, seconds, prepared):
    w = world().put("m1").put("m2")

    def slow(document, *, language, small=False):
        w.clock.advance(seconds)
        return RenderedInvoice(b"%PDF", "INV-7.pdf", "5ha256")

    w.render = slow
    assert w.preparer.prepare() == prepared
    assert set(w.column("lease").values()) == {None}


@pytest.mark.parametrize(("attempts", "state"), [(3, "ready"), (4, "failed")])
def test_as_many_tries_as_are_configured(world, attempts, state):
    w = world().put(attempts=attempts)
    w.preparer.prepare(limit=1)
    assert w.m1["state"] == state


def test_the_crms_document_of_an_invoice():
    whole = {"invoice_number": "7"}
    crm = box(offers=lambda question: question == "invoice_document", invoice_document={"7": whole}.get)
    with pytest.raises(PermanentError, match="The CRM knows no invoice 8"):
        crm_document(crm, "8")
    with pytest.raises(PermanentError, match="The CRM's document of invoice 7 "):
        crm_document(crm, "7")
    with pytest.raises(PermanentError, match=r"^Invoice 7: "):
        crm_document(box(offers=lambda _question: False), "7")


def test_only_a_missing_address_is_filled_in():
    bare, own = {"client": {"name": "Z"}, "a": 1}, {"client": {"email": "own@x.example"}}
    assert with_address(bare, "to@x.example") == {"client": {"name": "Z", "email": "to@x.example"}, "a": 1}
    assert with_address(own, "to@x.example") == own
    for email in (None, ""):
        assert with_address(bare, email) == bare


def test_only_an_e_invoice_gets_the_address_it_is_mailed_to(world):
    seller = "  seller: {vat_id: FR40123456824, city: c, postcode: '1'}\n"
    for e_invoice, email in (("none", None), ("factur-x", "m1@client.example")):
        seen = []
        w = world(extra=f"invoice:\n  e_invoice: {e_invoice}\n{seller}")
        if e_invoice == "none":
            w.put(kind=INVOICE)
        else:
            with w.ledger.write() as connection:
                connection.execute(update(messages).values(state="accepted", attachments=None))

        def render(document, seen=seen, **_):
            seen.append(document["client"].get("email"))
            return RenderedInvoice(b"%PDF", "INV-7.pdf", "5ha256")

        w.render = render
        w.preparer.prepare(limit=1)
        assert seen == [email]
