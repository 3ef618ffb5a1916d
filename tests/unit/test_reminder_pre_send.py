"""Asked again at the last moment: what is no longer true ends, what must wait waits, and only that."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import update

from mailworker.core.lane import Lane
from mailworker.errors import BadInput, Misconfigured
from mailworker.ledger.replay_cancel import cancel
from mailworker.ledger.reword_or_replace import CONTENT
from mailworker.ledger.scan_tables import notifications
from mailworker.ledger.sqlite_write_queue import LedgerUnavailable
from mailworker.ledger.tables import messages
from mailworker.rules.crm_facts import Exclusion, InvoiceStatus
from mailworker.rules.pre_send.verdicts import Cancel, Reword
from tests.scan_world import (
    MONDAY,
    REMINDER,
    RESET,
    away,
    days_ago,
    excluded,
    invoice,
)


def test_what_is_still_true_leaves(make_world):
    world = make_world(invoice(7, due=days_ago(8)))
    world.scan()
    world.dispatch()
    assert (world.states, world.box.numbers) == (["sent"], ["FA-7"])


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"status": InvoiceStatus.PAID}, "The invoice is paid."),
        ({"owed": Decimal(0)}, "The invoice is paid."),
        ({"status": InvoiceStatus.CANCELLED}, "The invoice is cancelled."),
        ({"status": InvoiceStatus.DISPUTED}, "The customer disputes this invoice."),
        ({"direct_debit": True}, "A direct debit is under way for this invoice."),
        ({"due_date": date(2026, 12, 31)}, "The invoice is now due on 2026-12-31."),
        (
            {"paid_part_on": date(2026, 11, 30)},
            "A part was paid on 2026-11-30; grace lasts until 2026-12-07.",
        ),
    ],
)
def test_what_changed_meanwhile_is_cancelled_with_its_reason(make_world, changes, why):
    world = make_world(invoice(7, due=days_ago(8)))
    world.scan()
    world.crm.change(7, **changes)
    world.dispatch()
    assert [(row["state"], row["reason"]) for row in world.rows()] == [("cancelled", why)]
    assert world.box.mails == []


def test_an_invoice_that_is_gone_is_reminded_of_no_more(make_world):
    world = make_world(invoice(7, due=days_ago(8)))
    world.scan()
    world.crm.of_invoices.clear()
    world.dispatch()
    assert world.states == ["cancelled"]


@pytest.mark.parametrize("exclusion", [excluded(), {"C": BadInput("Exclusion C: until is not a date.")}])
def test_a_customer_who_was_excluded_meanwhile(make_world, exclusion):
    world = make_world(invoice(7, due=days_ago(8)))
    world.scan()
    world.crm.excluded = exclusion
    world.dispatch()
    assert (world.states, world.box.mails) == (["cancelled"], [])


def test_a_pause_that_is_over_holds_nothing(make_world):
    world = make_world(invoice(7, due=days_ago(8)))
    world.scan()
    world.crm.excluded = {"C": Exclusion("C", until=date(2026, 11, 29))}
    world.dispatch()
    assert world.states == ["sent"]


def test_whoever_gets_it_now_is_whom_the_ledger_finds(make_world):
    world = make_world(invoice(7, due=days_ago(8)))
    world.scan()
    world.crm.change(7, email="Nouvelle@Courriel.example")
    world.dispatch()
    (row,) = world.rows()
    assert (row["state"], row["to_canonical"]) == ("sent", "nouvelle@courriel.example")


def test_due_soon_is_never_said_when_it_is_overdue(make_world):
    world = make_world(invoice(7, due=days_ago(-1)))
    world.scan()
    world.clock.advance(2 * 86400)
    world.dispatch()
    assert [(row["state"], "due soon" in row["reason"]) for row in world.rows()] == [("cancelled", True)]


def test_what_was_late_waits_for_the_morning(make_world):
    world = make_world(invoice(7, due=days_ago(8)))
    world.scan()
    world.clock.now = datetime(2026, 11, 30, 20, 30, tzinfo=UTC)
    world.dispatch()
    (row,) = world.rows()
    assert (row["state"], row["not_before"]) == ("ready", datetime(2026, 12, 1, 7, tzinfo=UTC))
    world.clock.now = datetime(2026, 12, 1, 7, tzinfo=UTC)
    world.dispatch()
    assert world.states == ["sent"]


@pytest.mark.parametrize("fault", [away(), Misconfigured("crm.sql.url names a file that is not there.")])
def test_without_the_crm_reminders_wait_and_a_password_reset_leaves(make_world, fault):
    world = make_world(invoice(7, due=days_ago(8)))
    world.scan()
    values = {"user_name": "Zoé", "reset_url": "https://crm.example/r", "expiry_time": "10:30"}
    reset = world.enqueue(kind=RESET, to="zoe@courriel.example", variables=values)
    world.crm.broken = fault
    world.dispatcher.dispatch_once(Lane.URGENT, patience=1)
    states = {row["id"]: (row["state"], row["reason"]) for row in world.rows()}
    assert states.pop(reset)[0] == "sent"
    ((state, reason),) = states.values()
    assert state == "ready"
    assert "not asked again" in reason
    world.crm.broken = None
    world.clock.advance(3600)
    world.dispatch()
    assert world.states == ["sent", "sent"]


def test_a_record_that_cannot_be_read_is_no_reason_to_send_nor_to_forget(make_world):
    world = make_world(invoice(7, due=days_ago(8)))
    world.scan()
    world.crm.unreadable = {"7": BadInput("Invoice 7: owed is not a number.")}
    world.dispatch()
    assert (world.states, world.box.mails) == (["ready"], [])
    world.crm.unreadable = {}
    world.clock.advance(3601)
    world.dispatch()
    assert world.states == ["sent"]


def test_a_batch_is_asked_about_with_few_questions(make_world):
    bills = [invoice(n, due=days_ago(8), customer_id=f"C{n}") for n in range(50)]
    world = make_world(*bills, page_size=100)
    world.scan()
    world.crm.asked = 0
    world.dispatch()
    assert len(world.box.mails) == 50
    assert world.crm.asked <= 4


GROUPED = "reminders: {group_by_customer: true}\n"
NO_GRACE = "reminders: {partial_payment_grace_days: 0}\n"
MORE = "https://crm.example/pay/more"


@pytest.mark.parametrize(
    ("changes", "name", "said"),
    [
        ({"owed": Decimal("12.50"), "paid_part_on": MONDAY.date()}, "total_amount", "12,50\u00a0€"),
        ({"owed": Decimal(45)}, "total_amount", "45,00\u00a0€"),
        ({"due_date": days_ago(9)}, "days_overdue", 9),
        ({"due_date": days_ago(9)}, "due_date", "21 novembre 2026"),
        ({"pay_url": MORE}, "pay_url", MORE),
    ],
)
def test_it_says_what_is_true_when_it_leaves(make_world, changes, name, said):
    world = make_world(invoice(7, due=days_ago(8)), extra=NO_GRACE)
    world.scan()
    before = world.rows()[0]
    world.crm.change(7, **changes)
    world.dispatch()
    ((_, mail),) = world.box.mails
    assert (mail.variables[name], mail.id) == (said, before["id"])
    (row,) = world.rows()
    assert (row["state"], row["fingerprint"]) == ("sent", before["fingerprint"])
    assert world.scan().written == 0, "its step stays said"
    assert name in "".join(why_of(world))
    assert "courriel" not in "".join(why_of(world))


def why_of(world):
    with world.ledger.read() as connection:
        return [why or "" for (why,) in connection.exec_driver_sql("SELECT why FROM timeline")]


def test_a_customer_who_moved_hears_it_at_the_new_address(make_world):
    world = make_world(invoice(7, due=days_ago(8)))
    world.scan()
    world.crm.change(7, email="zoe@ailleurs.example", customer_name="Zoé Martin", language="en")
    world.dispatch()
    ((_, mail),) = world.box.mails
    assert (mail.to.email, mail.to.name) == ("zoe@ailleurs.example", "Zoé Martin")
    assert mail.variables["due_date"] == "22 November 2026"


def test_a_group_says_what_is_owed_when_it_leaves(make_world):
    world = make_world(
        *(invoice(n, due=days_ago(8)) for n in (1, 2)),
        extra=NO_GRACE.replace("}", ", group_by_customer: true}"),
    )
    world.scan()
    world.crm.change(2, owed=Decimal("0.50"), paid_part_on=MONDAY.date())
    world.dispatch()
    assert [mail.variables["total_amount"] for _, mail in world.box.mails] == ["30,50\u00a0€"]
    assert world.states == ["sent"]


@pytest.mark.parametrize(
    ("change", "others"),
    [
        ({"email": "autre@courriel.example"}, ("autre@courriel.example", "30,00\u00a0€")),
        (
            {"currency": "XOF", "owed": Decimal(20000)},
            ("zoe@courriel.example", "20\u202f000\u00a0F\u202fCFA"),
        ),
        ({"customer_id": "D"}, ("zoe@courriel.example", "30,00\u00a0€")),
    ],
)
def test_what_belongs_into_another_mail_by_now_leaves_the_group(make_world, change, others):
    """One of two invoices passed to another reader, currency or customer between the scan and the call."""
    world = make_world(*(invoice(n, due=days_ago(8)) for n in (1, 2)), extra=GROUPED)
    world.scan()
    world.crm.change(2, **change)
    world.dispatch()
    world.scan()
    world.dispatch()
    told = [
        (m.to.email, m.variables["invoice_number"], m.variables["total_amount"]) for _, m in world.box.mails
    ]
    assert told == [
        ("zoe@courriel.example", "FA-1", "30,00\u00a0€"),
        (others[0], "FA-2", others[1]),
    ]
    assert world.scan().written == 0


def test_a_whole_group_follows_its_reader(make_world):
    world = make_world(*(invoice(n, due=days_ago(8)) for n in (1, 2)), extra=GROUPED)
    world.scan()
    for n in (1, 2):
        world.crm.change(n, email="zoe@ailleurs.example")
    world.dispatch()
    assert [(m.to.email, m.variables["invoice_number"]) for _, m in world.box.mails] == [
        ("zoe@ailleurs.example", "FA-1, FA-2")
    ]


def test_a_question_with_fewer_columns_takes_nothing_away(make_world):
    """`open_invoices` may tell links and languages that `invoices` does not."""
    world = make_world(invoice(7, due=days_ago(8), language="en"))
    world.scan()
    world.crm.change(7, pay_url="", language="")
    world.dispatch()
    ((_, mail),) = world.box.mails
    assert mail.variables["pay_url"] == "https://crm.example/pay/7"
    assert mail.variables["due_date"] == "22 November 2026"
    assert "written anew" not in "".join(why_of(world))


def test_new_words_that_cannot_be_written_wait_for_a_person(make_world):
    world = make_world(invoice(7, due=days_ago(8)))
    world.scan()
    world.crm.change(7, email="nobody", owed=Decimal(5))
    world.dispatch()
    assert (world.states, world.box.mails) == (["ready"], [])
    world.crm.change(7, email="zoe@courriel.example")
    world.clock.advance(3601)
    world.dispatch()
    assert [mail.variables["total_amount"] for _, mail in world.box.mails] == ["5,00\u00a0€"]


def test_who_lost_the_lease_changes_no_word(make_world):
    world = make_world(invoice(7, due=days_ago(8)))
    world.scan()
    before = world.rows()[0]
    world.crm.change(7, owed=Decimal(5))
    world.reminders = taken_meanwhile(world, world.reminders)
    world.dispatch()
    (after,) = world.rows()
    assert {name: after[name] for name in CONTENT} == {name: before[name] for name in CONTENT}
    assert (world.box.mails, after["lease"]) == ([], "somebody-elses")


def test_an_invoice_that_passed_to_another_customer_is_found_as_theirs(make_world):
    """Search, list, page and callbacks read whose a message is; so does who follows an address change."""
    world = make_world(invoice(7, due=days_ago(8)))
    world.scan()
    world.crm.change(7, customer_id="D")
    world.dispatch()
    world.dispatch()
    (row,) = world.rows()
    assert (row["customer_id"], len(world.box.mails)) == ("D", 1)


def test_who_lost_the_lease_writes_no_second_mail(make_world):
    world = make_world(*(invoice(n, due=days_ago(8)) for n in (1, 2)), extra=GROUPED)
    world.scan()
    world.crm.change(1, owed=Decimal(0))
    world.reminders = taken_meanwhile(world, world.reminders)
    world.dispatch()
    assert (len(world.rows()), world.box.mails) == (1, [])


def test_what_comes_too_late_is_said_by_no_other_mail(make_world):
    world = make_world(*(invoice(n, due=days_ago(8)) for n in (1, 2)), extra=GROUPED)
    world.scan()
    world.crm.change(1, owed=Decimal(0))
    with world.ledger.write() as connection:
        connection.execute(update(messages).values(expires_at=MONDAY))
    world.dispatch()
    assert (world.states, world.box.mails) == (["expired"], [])


def taken_meanwhile(world, recheck):
    """The pre-send check of a worker that stands still so long that another one has its messages by then."""

    def late(rows):
        verdicts = recheck(rows)
        with world.ledger.write() as connection:
            connection.execute(update(messages).values(lease="somebody-elses"))
        return verdicts

    return late


def test_a_scans_mail_is_checked_though_its_kind_reminds_no_more(make_world):
    world = make_world(*(invoice(n, due=days_ago(8)) for n in (1, 2)), extra=GROUPED)
    world.scan()
    for number in (1, 2):
        world.crm.change(number, owed=Decimal(0))
    (row,) = world.rows()
    assert isinstance(world.recheck([{**row, "kind": "of_yesterday", "invoice_id": None}])[row["id"]], Cancel)
    assert world.recheck([{**row, "idempotency_key": "hand", "invoice_id": None}]) == {}
    assert world.recheck([{**row, "idempotency_key": "hand", "kind": "of_yesterday"}]) == {}


def test_the_last_check_itself_writes_nothing(make_world, monkeypatch):
    world = make_world(*(invoice(n, due=days_ago(8)) for n in (1, 2, 3)))
    world.scan()
    world.crm.change(1, owed=Decimal(0))
    world.crm.change(2, owed=Decimal(5))
    before = world.rows()
    monkeypatch.setattr(world.ledger, "write", lambda: pytest.fail("a question wrote"))
    found = {one["invoice_id"]: verdict for one in before if (verdict := world.recheck([one]).get(one["id"]))}
    assert {id_: type(verdict) for id_, verdict in found.items()} == {"1": Cancel, "2": Reword}


def test_new_words_and_the_new_state_are_one_transaction(make_world, monkeypatch):
    world = make_world(*(invoice(n, due=days_ago(8)) for n in (1, 2)), extra=GROUPED)
    world.scan()
    before = world.rows()
    world.crm.change(1, owed=Decimal(0))

    def broken(*_args, **_more):
        raise LedgerUnavailable("the ledger went away")

    monkeypatch.setattr("mailworker.ledger.reword_or_replace.move", broken)
    with pytest.raises(LedgerUnavailable):
        world.dispatch()
    (after,) = world.rows()
    assert (after["id"], after["state"]) == (before[0]["id"], "ready"), "given back"
    assert after["variables"] == before[0]["variables"], "nothing of the new words was written"


def test_a_reminder_by_hand_says_what_is_owed_when_it_leaves(make_world):
    world = make_world(invoice(1, due=days_ago(8)))
    asked = {"kind": REMINDER, "invoice_id": "1", "idempotency_key": "hand", "to": "paul@courriel.example"}
    id_ = world.enqueue(**asked)
    world.prepare()
    world.crm.change(1, owed=Decimal("2.50"))
    world.dispatch()
    ((_, mail),) = world.box.mails
    assert (mail.to.email, mail.variables["total_amount"]) == ("paul@courriel.example", "2,50\u00a0€")
    assert world.enqueue(**asked) == id_, "the same job repeated is still the same"


def test_what_is_still_owed_is_said_without_what_was_paid(make_world):
    world = make_world(*(invoice(n, due=days_ago(8)) for n in (1, 2, 3)), extra=GROUPED)
    world.scan()
    world.crm.change(2, status=InvoiceStatus.PAID)
    world.dispatch()
    assert sorted(world.states) == ["cancelled", "sent"]
    ((_, mail),) = world.box.mails
    assert mail.variables["invoice_number"] == "FA-1, FA-3"
    assert mail.variables["total_amount"] == "60,00\u00a0€"
    assert world.scan().written == 0, "each step stays said"


@pytest.mark.parametrize(
    ("paid", "order", "states"),
    [
        (None, "FA-2, FA-3, FA-1, FA-5, FA-4", ["sent"]),
        (5, "FA-2, FA-3, FA-1, FA-4", ["cancelled", "sent"]),
    ],
)
def test_of_several_steps_the_latest_leads_until_the_mail_has_left(make_world, paid, order, states):
    due = {1: days_ago(16), 2: days_ago(31), 3: days_ago(17), 4: days_ago(8), 5: days_ago(16)}
    world = make_world(*(invoice(number, due=day) for number, day in due.items()), extra=GROUPED)
    world.scan()
    if paid:
        world.crm.change(paid, status=InvoiceStatus.PAID)
    world.dispatch()
    ((_, mail),) = world.box.mails
    assert mail.variables["invoice_number"] == order
    assert sorted(world.states) == states
    assert [row["reason"] for row in world.rows() if "anew" in (row["reason"] or "")] == []


def test_of_two_invoices_the_one_that_is_left_goes_alone(make_world):
    world = make_world(*(invoice(n, due=days_ago(8)) for n in (1, 2)), extra=GROUPED)
    world.scan()
    world.crm.change(1, owed=Decimal(0))
    world.dispatch()
    assert world.box.numbers == ["FA-2"]
    world.clock.advance(86400)
    assert (world.scan().written, world.box.numbers) == (0, ["FA-2"])


def test_a_group_of_which_all_is_paid_is_cancelled(make_world):
    world = make_world(*(invoice(n, due=days_ago(8)) for n in (1, 2)), extra=GROUPED)
    world.scan()
    for number in (1, 2):
        world.crm.change(number, owed=Decimal(0))
    world.dispatch()
    assert world.states == ["cancelled"]


def test_a_reminder_by_hand_goes_at_any_time_but_not_when_paid(make_world):
    night = datetime(2026, 11, 30, 22, tzinfo=UTC)
    bills = [invoice(n, due=days_ago(80), status=InvoiceStatus.DISPUTED, language="en") for n in (1, 2)]
    world = make_world(*bills, now=night)
    for number in ("1", "2"):
        world.enqueue(kind=REMINDER, invoice_id=number, idempotency_key=f"hand-{number}")
    world.prepare()
    world.crm.change(2, status=InvoiceStatus.PAID)
    world.dispatch()
    assert {row["invoice_id"]: row["state"] for row in world.rows()} == {"1": "sent", "2": "cancelled"}
    assert [row["customer_id"] for row in world.rows()] == ["C", "C"]
    ((_, mail),) = world.box.mails
    assert mail.variables["due_date"] == "11 September 2026"


def test_a_reminder_by_hand_that_cannot_be_written_says_why(make_world):
    world = make_world(invoice(1, due=days_ago(8), pay_url="none"))
    world.enqueue(kind=REMINDER, invoice_id="1", idempotency_key="hand")
    world.prepare()
    ((state, reason),) = [(row["state"], row["reason"]) for row in world.rows()]
    assert state == "failed"
    assert "pay_url" in reason


def test_too_slow_a_crm_is_asked_again_later(make_world, monkeypatch):
    bills = [invoice(n, due=days_ago(8), customer_id=f"C{n}") for n in range(30)]
    world = make_world(*bills, page_size=100)
    world.scan()
    monkeypatch.setattr("mailworker.scans.ask_crm_or_put_off.PATIENCE", -1.0)
    world.dispatch()
    assert set(world.states) == {"ready"}
    assert all(row["not_before"] > MONDAY + timedelta(seconds=0.9) for row in world.rows())


def test_a_step_that_payment_withdrew_is_said_when_the_invoice_is_reopened(make_world):
    world = make_world(invoice(7, due=days_ago(8)))
    world.scan()
    world.crm.change(7, status=InvoiceStatus.PAID)
    world.dispatch()
    world.crm.change(7, status=InvoiceStatus.OPEN)
    world.clock.advance(86_400)
    world.scan()
    world.dispatch()
    assert (world.states, world.box.numbers) == (["cancelled", "sent"], ["FA-7"])
    world.clock.advance(86_400)
    world.scan()
    assert world.states == ["cancelled", "sent"], "said once, and not again"


def test_a_step_that_an_operator_cancelled_counts_as_said(make_world):
    world = make_world(invoice(7, due=days_ago(8)))
    world.scan()
    with world.ledger.write() as connection:
        cancel(connection, world.rows(), now=world.clock.now, why="by phone", wipe=lambda row: None)
    world.clock.advance(86_400)
    world.scan()
    assert world.states == ["cancelled"]


def test_of_a_grouped_mail_only_what_was_withdrawn_is_said_again(make_world):
    extra = "reminders: {group_by_customer: true}\n"
    world = make_world(invoice(7, due=days_ago(8)), invoice(8, due=days_ago(8)), extra=extra)
    world.scan()
    world.crm.change(7, status=InvoiceStatus.PAID)
    world.dispatch()
    world.crm.change(7, status=InvoiceStatus.OPEN)
    world.clock.advance(86_400)
    world.scan()
    world.dispatch()
    assert world.box.numbers == ["FA-8", "FA-7"]


def test_what_was_said_by_a_step_that_nobody_knows_counts_as_one_of_the_due_date(make_world):
    world = make_world(invoice(7, due=days_ago(8)))
    world.scan()
    with world.ledger.write() as connection:
        connection.execute(update(notifications).values(days=None))
    world.crm.change(7, due_date=days_ago(0))
    world.dispatch()
    (row,) = world.rows()
    assert (row["state"], row["variables"]["days_overdue"]) == ("sent", 0)
