"""What a scan writes: to whom, when, in which words; and what it leaves alone, and why."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from mailworker.ledger.notification_log import notifications_about
from mailworker.ledger.scan_activation import arm
from mailworker.ledger.suppressions import suppress_all
from mailworker.reminders import ReminderScan
from mailworker.reminders.explain import explain
from mailworker.rules.crm_facts import InvoiceStatus
from mailworker.rules.reminder_due import Due, NotDue
from mailworker.rules.suppression_reasons import Listing
from tests.scan_world import MONDAY, REMINDER, days_ago, excluded, invoice


def test_the_row_says_all_that_the_mail_needs(make_world):
    world = make_world(invoice(7, due=days_ago(8), language="en-GB", customer_id="C-9"))
    world.scan()
    (row,) = world.rows()
    assert row["state"] == "ready"
    assert row["kind"] == REMINDER
    assert (row["customer_id"], row["language"], row["invoice_id"]) == ("C-9", "en", "7")
    assert row["idempotency_key"] == "reminder:7:d+7"
    assert (row["to_email"], row["to_name"]) == ("zoe@courriel.example", "Zoé Roussel")
    assert row["not_before"] == MONDAY
    assert row["expires_at"] == MONDAY + timedelta(days=6), "three days of hours in which it may leave"
    assert row["variables"] == {
        "customer_name": "Zoé Roussel",
        "invoice_number": "FA-7",
        "due_date": "22 November 2026",
        "days_overdue": 8,
        "total_amount": "€30.00",
        "pay_url": "https://crm.example/pay/7",
        "invoice_url": "",
        "account_url": "",
        "days_left": "",
        "last": "no",
        "part_paid": "no",
        "invoice_count": "1",
        "invoices": [],
        "instalment": "",
    }
    assert row["step"] == 7


def test_the_mail_names_the_portal_and_the_last_step(make_world):
    extra = "reminders: {portal_url: 'https://portal.example', steps: [1, 7]}\n"
    world = make_world(invoice(7, due=days_ago(8)), extra=extra)
    world.scan()
    (row,) = world.rows()
    assert (row["variables"]["account_url"], row["variables"]["last"]) == ("https://portal.example", "yes")


def test_a_language_that_we_do_not_write_is_the_operators(make_world):
    world = make_world(invoice(7, due=days_ago(8), language="de"))
    world.scan()
    (row,) = world.rows()
    assert (row["language"], row["variables"]["due_date"]) == ("fr", "22 novembre 2026")


@pytest.mark.parametrize(
    ("zone", "leaves"),
    [
        ("", datetime(2026, 11, 30, 9, tzinfo=UTC)),
        ("America/Martinique", datetime(2026, 11, 30, 12, tzinfo=UTC)),  # five in the morning there
        ("Pacific/Noumea", datetime(2026, 11, 30, 21, tzinfo=UTC)),  # eight in the evening
    ],
)
def test_it_leaves_at_a_decent_hour_of_the_customers(make_world, zone, leaves):
    world = make_world(invoice(7, due=days_ago(8), timezone=zone))
    world.scan()
    assert [row["not_before"] for row in world.rows()] == [leaves]


def test_a_scan_for_a_past_day_wakes_nobody_tonight(make_world):
    night = datetime(2026, 11, 30, 22, tzinfo=UTC)
    world = make_world(invoice(7, due=days_ago(8)), now=night)
    world.scan(as_of=night - timedelta(days=1, hours=12))
    assert [row["not_before"] for row in world.rows()] == [datetime(2026, 12, 1, 7, tzinfo=UTC)]


def test_a_scan_missed_for_three_days_catches_up_with_one_mail(make_world):
    world = make_world(invoice(7, due=days_ago(1)), extra="reminders: {steps: [1, 2, 3, 4]}\n")
    world.scan()
    world.dispatch()
    world.clock.advance(3 * 86400)
    world.scan()
    world.dispatch()
    keys = [row["idempotency_key"] for row in world.rows()]
    assert keys == ["reminder:7:d+1", "reminder:7:d+4"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"status": InvoiceStatus.DISPUTED}, "disputed"),
        ({"status": InvoiceStatus.CANCELLED}, "cancelled"),
        ({"owed": Decimal(0)}, "paid"),
        ({"direct_debit": True}, "direct_debit"),
        ({"owed": Decimal("1.50")}, "below_minimum"),
        ({"paid_part_on": date(2026, 11, 29)}, "part_paid"),
        ({"due_date": date(2026, 12, 20)}, "not_due_yet"),
        ({"due_date": date(2026, 8, 1)}, "ended"),
        ({"due_date": date(2026, 10, 20)}, "before_start"),
        ({"pay_url": "javascript:x"}, "incomplete"),
        ({"email": "nobody at all"}, "incomplete"),
    ],
)
def test_what_is_left_alone_is_counted_by_its_reason(make_world, changes, why):
    extra = "reminders: {minimum_amounts: {EUR: 5}, start_date: 2026-11-20}\n"
    world = make_world(*(invoice(n, **{"due": days_ago(8)} | changes) for n in range(3)), extra=extra)
    run = world.scan()
    assert (dict(run.skipped), run.written, world.rows()) == ({why: 3}, 0, [])


def test_what_keeps_a_mail_from_being_written_is_told_without_the_address(make_world):
    bad = (invoice(n, due=days_ago(8), email="zoe at home", pay_url="none") for n in range(3))
    run = make_world(*bad).scan()
    assert [fault.partition(":")[0] for fault in run.faults] == [
        f"Invoice {n}" for n in range(3) for _ in "12"
    ]
    assert "zoe" not in "".join(run.faults)


@pytest.mark.parametrize(("until", "why"), [(None, "excluded"), (date(2026, 12, 5), "paused")])
def test_the_crm_excludes_and_pauses(make_world, until, why):
    world = make_world(invoice(7, due=days_ago(8)))
    world.crm.excluded = excluded(until=until)
    assert dict(world.scan().skipped) == {why: 1}


@pytest.mark.parametrize(
    ("configured", "started", "start"),
    [
        ("2026-11-20", date(2026, 11, 25), date(2026, 11, 25)),
        ("2026-11-25", date(2026, 11, 20), date(2026, 11, 25)),
        ("null", date(2026, 11, 20), date(2026, 11, 20)),
        ("2026-11-20", None, date(2026, 11, 20)),
    ],
)
def test_reminders_begin_at_the_later_of_the_configured_day_and_the_operators(
    make_world, configured, started, start
):
    world = make_world(extra=f"reminders: {{start_date: {configured}}}\n")
    with world.ledger.write() as connection:
        arm(connection, ReminderScan.scan, policy="", start_from=started, now=MONDAY)
    assert world.subject(ReminderScan).ladder.start == start


def test_a_new_ladder_goes_on_with_the_next_step(make_world):
    world = make_world(invoice(7, due=days_ago(8)), extra="reminders: {start_date: 2026-11-30}\n")
    assert dict(world.scan().skipped) == {"before_start": 1}
    world.clock.advance(6 * 86400)
    world.scan()
    assert [row["idempotency_key"] for row in world.rows()] == ["reminder:7:d+14"]


GROUPED = "reminders: {group_by_customer: true}\n"


def test_one_mail_for_all_that_a_customer_owes_also_over_pages(make_world):
    bills = [invoice(n, due=days_ago(7 + n), customer_id="A" if n < 3 else "B") for n in range(1, 9)]
    world = make_world(*bills, extra=GROUPED, page_size=3)
    run = world.scan()
    assert (run.seen, run.found, run.written) == (8, 8, 2)
    told = {row["customer_id"]: row["variables"] for row in world.rows()}
    assert told["A"]["invoice_number"] == "FA-2, FA-1"
    assert told["B"]["invoice_number"] == "FA-8, FA-7, FA-6, FA-5, FA-4, FA-3"
    assert told["B"]["total_amount"] == "180,00\u00a0€"
    with world.ledger.read() as connection:
        assert len(notifications_about(connection, [f"invoice:{n}" for n in range(1, 9)])) == 8
    assert world.scan().written == 0


def test_of_a_customers_invoices_each_reader_gets_their_own(make_world):
    emails = {1: "achats@firme.example", 2: "reseau@firme.example", 3: "ACHATS@firme.example"}
    world = make_world(
        *(invoice(n, due=days_ago(7), email=email) for n, email in emails.items()), extra=GROUPED
    )
    world.scan()
    world.dispatch()
    assert sorted((mail.to.email, mail.variables["invoice_number"]) for _, mail in world.box.mails) == [
        ("achats@firme.example", "FA-1, FA-3"),
        ("reseau@firme.example", "FA-2"),
    ]


@pytest.mark.parametrize("page_size", [1, 2, 3, 4, 7, 8, 9])
def test_grouping_does_not_depend_on_where_pages_and_slices_end(make_world, page_size):
    bills = [invoice(n, due=days_ago(7), customer_id="AABBBBCD"[n - 1]) for n in range(1, 9)]
    world = make_world(*bills, extra=GROUPED, page_size=page_size)
    while world.scan(seconds=-1).finished_at is None:
        pass
    assert sorted(row["variables"]["invoice_number"] for row in world.rows()) == [
        "FA-1, FA-2",
        "FA-3, FA-4, FA-5, FA-6",
        "FA-7",
        "FA-8",
    ]


def test_a_reminder_by_hand_counts_for_the_days_between_and_is_no_step(make_world):
    world = make_world(invoice(7, due=days_ago(7)))
    world.enqueue(kind=REMINDER, invoice_id="7", idempotency_key="by-hand")
    assert dict(world.scan().skipped) == {"waiting": 1}
    world.prepare()
    world.dispatch()
    assert world.box.numbers == ["FA-7"]
    assert dict(world.scan().skipped) == {"too_soon": 1}
    world.clock.advance(86400)
    assert world.scan().written == 1


def test_what_was_said_is_remembered_when_its_message_is_forgotten(make_world):
    world = make_world(invoice(7, due=days_ago(7)), extra="reminders: {steps: [7]}\n")
    world.scan()
    world.dispatch()
    with world.ledger.write() as connection:
        connection.exec_driver_sql("DELETE FROM messages")
    world.clock.advance(86400)
    assert dict(world.scan().skipped) == {"ended": 1}


def test_explaining_tells_what_was_said_and_what_comes(make_world):
    world = make_world(invoice(7, due=days_ago(8)))
    before = explain(world.subject(ReminderScan), world.crm, "7", MONDAY)
    assert isinstance(before.verdict, Due)
    world.scan()
    after = explain(world.subject(ReminderScan), world.crm, "7", MONDAY)
    assert after.by_hand == [], "what the ladder said nobody sent by hand"
    assert isinstance(after.verdict, NotDue)
    assert "The next step is d+14, on 2026-12-06." in after.verdict.sentence
    assert [(rung.step.name, rung.notification is not None) for rung in after.rungs] == [
        ("d-3", False),
        ("d+1", False),
        ("d+7", True),
        ("d+14", False),
        ("d+30", False),
    ]
    assert explain(world.subject(ReminderScan), world.crm, "8", MONDAY).why == "gone"


def test_an_expired_step_was_not_said_and_is_decided_anew(make_world):
    world = make_world(invoice(7, due=days_ago(7)))
    world.scan()
    world.clock.advance(timedelta(days=6, hours=1).total_seconds())
    world.dispatch()
    assert world.states == ["expired"]
    assert world.scan().written == 1
    assert world.rows()[-1]["idempotency_key"] == "reminder:7:d+7~2"
    world.dispatch()
    assert world.states == ["expired", "sent"]
    assert dict(world.scan().skipped) == {"already_said": 1}


def test_a_suppressed_step_waits_until_the_address_may_be_written_to(make_world):
    world = make_world(invoice(7, due=days_ago(7)), invoice(8, due=days_ago(7)))
    with world.ledger.write() as connection:
        suppress_all(
            connection, {ZOE: Listing("hard_bounce", world.clock.now, "user unknown")}, now=world.clock.now
        )
    world.scan()
    world.dispatch()
    assert world.states == ["suppressed", "suppressed"]
    for _ in range(3):
        world.clock.advance(24 * 3600)
        assert dict(world.scan().skipped) == {"suppressed": 2}
    world.crm.change(7, email="zoe@nouvelle.example")
    assert world.scan().written == 1
    world.dispatch()
    assert world.states == ["suppressed", "suppressed", "sent"]


ZOE = "zoe@courriel.example"
