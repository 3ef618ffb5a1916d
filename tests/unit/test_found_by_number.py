"""Staff find a mail by what a customer has in hand, and are told why it came, or did not."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from mailworker.cli.message_commands.filters import Whom, narrowed
from mailworker.core.clock import utc_now
from mailworker.core.states import State
from mailworker.errors import BadInput
from mailworker.ledger.find_by_invoice_number import invoice_ids_of, numbers_of
from mailworker.ledger.forget_old_messages import forget
from mailworker.ledger.insert_messages import accept
from mailworker.ledger.message_search import MessageFilter, ids_beginning, list_messages, search
from mailworker.reminders.explain import explain
from mailworker.reminders.find_invoice import find_invoice
from mailworker.rules.crm_facts import InvoiceStatus
from mailworker.rules.message_explain import MessageFacts, explained
from mailworker.rules.reminder_due import Due
from tests.rows import NOW, row
from tests.scan_world import REMINDER, World, days_ago, invoice, wipe

PARIS = ZoneInfo("Europe/Paris")
INVOICE = "api_crmCommunicationCustomerInvoice"


@pytest.fixture
def ledger(scan_ledger):
    wipe(scan_ledger)
    return scan_ledger


def put(ledger, *rows):
    with ledger.write() as connection:
        accept(connection, list(rows), NOW)


def found(ledger, text):
    with ledger.read() as connection:
        return [one["id"] for one in search(connection, text, limit=10)]


def test_a_mail_is_found_by_its_invoices_number_whichever_way_it_came(ledger):
    put(
        ledger,
        row("whole", kind=INVOICE, invoice={"invoice_number": "FA-EDGE-1"}, variables={}),
        row("values", kind=INVOICE, variables={"invoice_number": "FA-2"}),
        row("several", kind=REMINDER, variables={"invoice_number": "FA-3, FA-4", "invoices": [{"number": "FA-3"}, {"number": "FA-4"}]}),
        row("other", variables={"customer_name": "FA-2"}),
    )  # fmt: skip
    assert found(ledger, "FA-EDGE-1") == found(ledger, " fa-edge-1 ".strip()) == ["whole"]
    assert found(ledger, "FA-2") == ["values"]
    assert found(ledger, "FA-4") == ["several"]
    assert found(ledger, "FA-5") == []


def test_a_mail_is_found_by_a_part_of_the_recipients_name(ledger):
    put(ledger, row("m1", to_name="Zoé Roussel"), row("m2", to_name="Élise Martin"), row("m3", to_name=None))
    assert found(ledger, "roussel") == ["m1"]
    assert found(ledger, "Élise") == ["m2"]
    assert found(ledger, "ro") == [], "too short to be looked for everywhere"


def test_a_beginning_of_an_id_names_its_message(ledger):
    put(ledger, row("abcdef12-1"), row("abcdef12-2"), row("fedcba98-1"))
    with ledger.read() as connection:
        assert ids_beginning(connection, "FEDCBA98") == ["fedcba98-1"]
        assert ids_beginning(connection, "abcdef") == ["abcdef12-1", "abcdef12-2"]
        assert ids_beginning(connection, "abc") == []


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        ({"delivery": "bounced"}, {"b"}),
        ({"to": "B@client.example"}, {"b"}),
        ({"name": "roux"}, {"a"}),
        ({"customer": "C-2"}, {"b"}),
        ({"invoice": "FA-1"}, {"a"}),
        ({"invoice": "77"}, {"b"}),
        ({"states": (State.SENT,)}, {"b"}),
        ({"since": NOW + timedelta(hours=1)}, {"b"}),
        ({"before": NOW + timedelta(hours=1)}, {"a"}),
        ({}, {"a", "b"}),
    ],
)
def test_lists_are_narrowed(ledger, asked, ids):
    put(
        ledger,
        row("a", to_name="Paul Roux", customer_id="C-1", delivery=None, variables={"invoice_number": "FA-1"}),
        row("b", customer_id="C-2", invoice_id="77", state="sent", delivery="bounced", changed_at=NOW + timedelta(hours=2)),
    )  # fmt: skip
    with ledger.read() as connection:
        assert {one["id"] for one in list_messages(connection, MessageFilter(**asked), limit=9)} == ids


def test_days_are_the_operators():
    wanted = narrowed(MessageFilter(), Whom(), since="2026-11-30", until="2026-11-30", zone=PARIS)
    assert (wanted.since.isoformat(), wanted.before.isoformat()) == (
        "2026-11-29T23:00:00+00:00",
        "2026-11-30T23:00:00+00:00",
    )
    with pytest.raises(BadInput) as caught:
        narrowed(MessageFilter(), Whom(delivery="lost"), since="today", until=None, zone=PARIS)
    assert len(caught.value.faults) == 2


def test_a_list_looks_back_by_hours_too():
    soonest, wanted, latest = utc_now(), narrowed(MessageFilter(), Whom(), since="24h", until=None, zone=PARIS), utc_now()  # fmt: skip
    assert soonest <= wanted.since + timedelta(hours=24) <= latest


def test_numbers_are_forgotten_with_their_messages(ledger):
    put(ledger, row("old", state="sent", invoice_id="9", variables={"invoice_number": "FA-9"}))
    with ledger.write() as connection:
        assert invoice_ids_of(connection, "fa-9") == ["9"]
        forget(connection, before=NOW + timedelta(days=1))
        assert invoice_ids_of(connection, "fa-9") == []
    assert numbers_of({}) == frozenset()


FACTS = MessageFacts(NOW, PARIS)
LATER = NOW + timedelta(hours=2)


@pytest.mark.parametrize(
    ("changes", "facts", "says"),
    [
        ({}, FACTS, "It waits for its turn"),
        ({}, MessageFacts(NOW, PARIS, held="the API key is wrong"), "mail is held: the API key is wrong"),
        ({"not_before": LATER}, FACTS, "It leaves at 2026-11-30 12:00 (Europe/Paris), not before"),
        ({"expires_at": LATER}, FACTS, "of no use any more after 2026-11-30 12:00"),
        ({}, MessageFacts(NOW, PARIS, suppressed="hard_bounce"), "on the suppression list (hard_bounce)"),
        ({"state": "accepted"}, FACTS, "waits for a worker to prepare its invoice"),
        ({"state": "sent"}, FACTS, "delivery is not proven"),
        ({"state": "sent", "delivery": "bounced"}, FACTS, "refused it for good"),
        ({"state": "failed", "reason": "no total"}, FACTS, "no total. Once that is mended: `mailworker messages replay m1 --yes`"),
        ({"state": "suppressed", "reason": "it bounced"}, FACTS, "may not be written to: it bounced."),
        ({"state": "expired", "reason": "too late"}, FACTS, "did not leave in time"),
        ({"state": "cancelled", "reason": "The invoice is paid."}, FACTS, "no longer true or was ended: The invoice is paid."),
        ({"state": "held", "reason": "campaign"}, FACTS, "An operator stopped it"),
        ({"state": "unknown"}, FACTS, "may or may not have it"),
        ({"state": "sending"}, FACTS, "in a call"),
        ({"state": "rendering"}, FACTS, "being prepared"),
    ],
)  # fmt: skip
def test_every_state_is_a_sentence(changes, facts, says):
    told = " ".join(explained({"reason": None, "delivery": None} | row("m1", **changes), facts))
    assert says in told


def test_every_state_has_its_sentence():
    for state in State:
        told = explained({"reason": None, "delivery": None} | row(state=str(state)), FACTS)
        assert not told[0].startswith(f"It is {state}:"), state


def test_an_invoice_is_explained_by_its_number_and_promises_nothing_that_cannot_go(ledger):
    world = World(ledger, invoice(7, due=days_ago(8)), invoice(8, due=days_ago(8), email="zoe at home"))
    scan = world.subject()
    assert find_invoice(ledger, world.crm, "fa-7").invoice_id == "7"
    assert find_invoice(ledger, world.crm, "FA-99") is None
    good = explain(scan, world.crm, "FA-7", world.clock.now)
    assert isinstance(good.verdict, Due)
    assert good.obstacles == []
    bad = explain(scan, world.crm, "8", world.clock.now)
    assert isinstance(bad.verdict, Due)
    assert bad.obstacles == ["Invoice 8: customer.email: is not an e-mail address: it has no @."]


def numbered(id_, number, **changes):
    return replace(invoice(id_, due=days_ago(8)), number=number, **changes)


def test_a_number_that_two_companies_gave_finds_neither(ledger):
    world = World(ledger, *(numbered(n, "2026-1", customer_id=f"C{n}") for n in (7, 8)))
    several = r"^2026-1: several invoices are called so: the one with the id 7 \(number 2026-1\), the one with the id 8"
    with pytest.raises(BadInput, match=several):
        find_invoice(ledger, world.crm, "2026-1")
    world.scan()
    with pytest.raises(BadInput, match="several invoices"):
        find_invoice(ledger, world.crm, "2026-1")
    assert find_invoice(ledger, world.crm, "8").customer_id == "C8"
    world.crm.change(7, status=InvoiceStatus.CANCELLED)
    assert find_invoice(ledger, world.crm, "2026-1").invoice_id == "8", "the other one took its place"


def test_a_number_that_is_anothers_id_is_asked_about(ledger):
    """Staff type the number 8, which is the id of somebody else's invoice."""
    world = World(ledger, numbered(7, "8"), numbered(8, "9"))
    world.scan()
    with pytest.raises(
        BadInput, match=r"^8: several .* the id 8 \(number 9\), the one with the id 7 \(number 8\)\. Give"
    ):
        find_invoice(ledger, world.crm, "8")
    assert (find_invoice(ledger, world.crm, "7").number, find_invoice(ledger, world.crm, "9").invoice_id) == (
        "8",
        "8",
    )
